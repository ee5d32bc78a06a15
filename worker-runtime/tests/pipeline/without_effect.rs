//! Operations that change nothing.

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
