//! Undoing and settling have room of their own, however many actions wait.

use std::time::Duration;

use saga_core::ids::Op;
use saga_core::input::ReplyOutcome;
use serde_json::json;
use tokio::time::Instant;
use worker_runtime::{Operation, Repeat};

use crate::bench::Bench;
use crate::handlers::Obedient;
use crate::world::World;

const ACTIONS: u32 = 1_000;

/// The handlers' pool gives up waiting for a connection after 10 s; undoing must not even wait.
const AT_ONCE: Duration = Duration::from_secs(3);

async fn actions_do_not_hold_up_undoing_and_settling(handler: Obedient, operation: Operation) {
    let world = World::postgres().await;
    let undoing = Obedient::default();
    let undo = undoing.transactional();
    let mut bench = Bench::over(world.ledger.clone(), |worker| {
        worker
            .drain_timeout(Duration::ZERO)
            .action("test.run", operation)
            .undo("test.undo", undo)
    })
    .await;
    for element in 1..=ACTIONS {
        // The first few take every connection that actions may have, and keep it.
        let mut action = bench.command("test.run", Op::Action, json!({ "do": "hang" }));
        action.key.element = element;
        bench.send(&action).await;
    }
    while handler.calls() < 4 {
        handler.began.notified().await;
    }
    let asked = Instant::now();
    let undo = bench.command("test.undo", Op::Compensate, json!({}));
    let undone = bench.ask(&undo).await;
    assert!(matches!(undone, ReplyOutcome::Done(_)), "{undone:?}");
    let mut settle = bench.command("test.run", Op::Settle, json!({}));
    settle.round = 1;
    assert_eq!(bench.ask(&settle).await, ReplyOutcome::NeverHappened);
    let took = asked.elapsed();
    assert!(took < AT_ONCE, "undoing and settling took {took:?}");
    assert!(handler.calls() < ACTIONS / 2, "the actions were not slow");
    bench.shut_down();
    bench.ended().await;
}

#[tokio::test]
async fn slow_transactions_do_not_hold_up_undoing_and_settling() {
    let handler = Obedient::default();
    let operation = handler.transactional();
    actions_do_not_hold_up_undoing_and_settling(handler, operation).await;
}

#[tokio::test]
async fn slow_calls_do_not_hold_up_undoing_and_settling() {
    let handler = Obedient::default();
    let operation = handler.outside(Repeat::Safe);
    actions_do_not_hold_up_undoing_and_settling(handler, operation).await;
}
