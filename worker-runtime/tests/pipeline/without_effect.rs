//! Operations that change nothing.

use broker::broker::Broker as _;
use broker::envelope::commands;
use broker::message::Outgoing;
use saga_core::ids::Op;
use saga_core::input::ReplyOutcome;
use serde_json::json;
use worker_runtime::{Operation, OperationSettings};

use crate::bench::{Bench, code};
use crate::handlers::Obedient;

async fn bench(handler: &Obedient) -> Bench {
    let operation = Operation::without_effect(handler.clone(), OperationSettings::default());
    Bench::new(|worker| worker.action("test.run", operation)).await
}

#[tokio::test]
async fn a_duplicate_is_answered_with_the_first_result() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let command = bench.command("test.run", Op::Action, json!({}));
    let first = bench.ask(&command).await;
    assert!(matches!(first, ReplyOutcome::Done(_)), "{first:?}");
    assert_eq!(bench.ask(&command).await, first);
    assert_eq!(handler.calls(), 2);
    let settle = bench.command("test.run", Op::Settle, json!({}));
    assert_eq!(bench.ask(&settle).await, first);
}

#[tokio::test]
async fn a_failed_attempt_leaves_nothing_behind() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let mut command = bench.command("test.run", Op::Action, json!({ "do": "retry" }));
    assert_eq!(code(&bench.ask(&command).await), "again");
    let settle = bench.command("test.run", Op::Settle, json!({}));
    assert_eq!(bench.ask(&settle).await, ReplyOutcome::NeverHappened);
    command.attempt = 2;
    assert_eq!(bench.ask(&command).await, ReplyOutcome::Fenced);
}

/// On one thread, so that nothing depends on luck.
#[tokio::test(start_paused = true)]
async fn the_commands_of_one_message_are_answered_in_one() {
    const COMMANDS: u16 = 100;
    let handler = Obedient::default();
    let settings = OperationSettings {
        concurrency: 2 * COMMANDS,
        per_message: COMMANDS,
        ..OperationSettings::default()
    };
    let operation = Operation::without_effect(handler.clone(), settings);
    let mut bench = Bench::new(|worker| worker.action("test.run", operation)).await;
    let mut messages = Vec::new();
    for element in 1..=COMMANDS.into() {
        let mut command = bench.command("test.run", Op::Action, json!({}));
        command.key.element = element;
        command.shares = true;
        messages.push(bench.message(&command));
    }
    let step = ("test.run".parse().unwrap(), Op::Action);
    bench.broker.declare_steps(&[step]).await.unwrap();
    let others: Vec<&Outgoing> = messages[1..].iter().collect();
    bench.publish(commands::pack(&messages[0], &others)).await;
    assert_eq!(bench.next_message().await.len(), usize::from(COMMANDS));
    assert_eq!(handler.calls(), u32::from(COMMANDS));
}
