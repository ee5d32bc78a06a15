//! What the ledger keeps from happening, for outside and transactional handlers, over both ledgers.

use std::sync::Arc;
use std::time::Duration;

use saga_core::decision::Command;
use saga_core::ids::Op;
use saga_core::input::ReplyOutcome;
use serde_json::json;
use worker_runtime::{Operation, Repeat};

use crate::bench::{Bench, code};
use crate::handlers::Obedient;
use crate::world::{Asleep, World};

/// A worker that falls asleep in its handler, and another one that takes its call over.
async fn taken_over(world: &World) -> (Bench, Command, Obedient, Obedient) {
    let named = |name| Obedient {
        name,
        ..Obedient::default()
    };
    let (sleeper, other) = (named("sleeper"), named("other"));
    let asleep = Arc::new(Asleep(world.ledger.clone()));
    let operation = sleeper.outside(Repeat::Safe);
    let mut bench = Bench::over(asleep, |it| it.action("test.run", operation)).await;
    let command = bench.command("test.run", Op::Action, json!({ "do": "wait" }));
    bench.send(&command).await;
    sleeper.began.notified().await;
    let operation = other.outside(Repeat::Safe);
    bench.start_another(world.ledger.clone(), |it| it.action("test.run", operation));
    // The broker has given the sleeper up, and hands the command out again.
    bench.send(&command).await;
    other.began.notified().await;
    (bench, command, sleeper, other)
}

async fn a_sleeper_is_fenced(world: World) {
    let (mut bench, command, sleeper, other) = taken_over(&world).await;
    sleeper.go_on.notify_one();
    assert_eq!(bench.next().await, ReplyOutcome::Fenced);
    other.go_on.notify_one();
    let ReplyOutcome::Done(output) = bench.next().await else {
        panic!("the one that took over is not heard")
    };
    assert_eq!(output["by"], "other");
    assert_eq!(bench.ask(&command).await, ReplyOutcome::Done(output));
    assert_eq!((sleeper.calls(), other.calls()), (1, 1));
}

#[tokio::test]
async fn a_worker_that_wakes_up_after_its_lease_is_fenced_in_memory() {
    a_sleeper_is_fenced(World::memory()).await;
}

#[tokio::test]
async fn a_worker_that_wakes_up_after_its_lease_is_fenced_in_postgres() {
    a_sleeper_is_fenced(World::postgres().await).await;
}

/// What the other has recorded stands, and the sleeper answers that instead of its own output.
async fn a_sleeper_changes_nothing(world: World) {
    let (mut bench, _command, sleeper, other) = taken_over(&world).await;
    other.go_on.notify_one();
    let first = bench.next().await;
    sleeper.go_on.notify_one();
    let second = bench.next().await;
    assert_eq!(first, second);
    assert!(
        matches!(&second, ReplyOutcome::Done(output) if output["by"] == "other"),
        "{second:?}"
    );
}

#[tokio::test]
async fn a_worker_that_wakes_up_too_late_answers_what_is_stored_in_memory() {
    a_sleeper_changes_nothing(World::memory()).await;
}

#[tokio::test]
async fn a_worker_that_wakes_up_too_late_answers_what_is_stored_in_postgres() {
    a_sleeper_changes_nothing(World::postgres().await).await;
}

/// The server ends a transaction that is left alone for too long, and with it the hold on the key.
#[tokio::test]
async fn a_transactional_handler_that_sleeps_too_long_leaves_nothing() {
    let world = World::postgres_without_patience(Duration::from_millis(500)).await;
    let (sleeper, other) = (Obedient::default(), Obedient::default());
    let operation = sleeper.transactional();
    let ledger = world.ledger.clone();
    let mut bench = Bench::over(ledger.clone(), |it| it.action("test.run", operation)).await;
    let mut command = bench.command("test.run", Op::Action, json!({ "do": "wait" }));
    bench.send(&command).await;
    sleeper.began.notified().await;
    let operation = other.transactional();
    bench.start_another(ledger, |it| it.action("test.run", operation));
    command.input = json!({});
    bench.send(&command).await;
    let first = bench.next().await;
    assert!(matches!(first, ReplyOutcome::Done(_)), "{first:?}");
    sleeper.go_on.notify_one();
    assert_eq!(code(&bench.next().await), "transaction_failed");
    assert_eq!(bench.ask(&command).await, first);
    assert_eq!(world.effects(&[&sleeper, &other]).await, 1);
}

/// The two kinds of handler, and the ledgers they are tried over.
async fn everywhere(check: impl AsyncFn(World, Obedient, Operation)) {
    for is_transactional in [false, true] {
        for world in [World::memory(), World::postgres().await] {
            let handler = Obedient::default();
            let operation = if is_transactional {
                handler.transactional()
            } else {
                handler.outside(Repeat::Resolve)
            };
            check(world, handler, operation).await;
        }
    }
}

async fn bench(world: &World, operation: Operation) -> Bench {
    Bench::over(world.ledger.clone(), |worker| {
        worker
            .action("test.run", operation.clone())
            .undo("test.undo", operation)
    })
    .await
}

#[tokio::test]
async fn an_undo_without_its_action_does_nothing_and_keeps_the_action_from_running() {
    everywhere(async |world, handler, operation| {
        let mut bench = bench(&world, operation).await;
        let mut undo = bench.command("test.undo", Op::Compensate, json!({}));
        undo.undoes = None;
        for _duplicate in 0..2 {
            assert_eq!(bench.ask(&undo).await, ReplyOutcome::NeverHappened);
        }
        let hanging = bench.command("test.run", Op::Action, json!({}));
        assert_eq!(bench.ask(&hanging).await, ReplyOutcome::Fenced);
        let settle = bench.command("test.run", Op::Settle, json!({}));
        assert_eq!(bench.ask(&settle).await, ReplyOutcome::NeverHappened);
        assert_eq!(handler.calls(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_undo_that_meets_its_running_action_waits_and_then_undoes_it() {
    everywhere(async |world, handler, operation| {
        let mut bench = bench(&world, operation).await;
        let action = bench.command("test.run", Op::Action, json!({ "do": "wait" }));
        bench.send(&action).await;
        handler.began.notified().await;
        let mut undo = bench.command("test.undo", Op::Compensate, json!({}));
        undo.undoes = None;
        bench.send(&undo).await;
        let rung = bench.topology.rung("test", Duration::from_millis(250));
        bench.until_depth(&rung, 1).await;
        handler.go_on.notify_one();
        for _both in 0..2 {
            let answered = bench.next().await;
            assert!(matches!(answered, ReplyOutcome::Done(_)), "{answered:?}");
        }
        assert_eq!(handler.calls(), 2);
    })
    .await;
}

#[tokio::test]
async fn elements_and_rounds_are_work_of_their_own() {
    everywhere(async |world, handler, operation| {
        let mut bench = bench(&world, operation).await;
        let mut keys = Vec::new();
        for (element, round) in [(0, 0), (1, 0), (2, 0), (2, 1)] {
            let mut command = bench.command("test.run", Op::Action, json!({}));
            (command.key.element, command.round) = (element, round);
            for _duplicate in 0..2 {
                let ReplyOutcome::Done(output) = bench.ask(&command).await else {
                    panic!("{element}, {round}")
                };
                keys.push(output["key"].clone());
            }
        }
        assert_eq!(handler.calls(), 4);
        keys.dedup();
        assert_eq!(keys.len(), 4, "each has a key of its own: {keys:?}");
        let mut settle = bench.command("test.run", Op::Settle, json!({}));
        settle.key.element = 3;
        assert_eq!(bench.ask(&settle).await, ReplyOutcome::NeverHappened);
        settle.key.element = 2;
        assert!(matches!(bench.ask(&settle).await, ReplyOutcome::Done(_)));
    })
    .await;
}
