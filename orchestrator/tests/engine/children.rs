//! Sagas that are steps of other sagas, from the start of the parent to the end of both.

use std::sync::Arc;

use saga_core::ids::{Op, SagaId, StepKey};
use saga_core::input::{ReplyOutcome, StepError};
use saga_core::operator::{Operator, Verb};
use saga_core::saga::{Status, StepStatus};
use serde_json::json;

use crate::bench::{Bench, answer, done};

const PARENT: &str = "
saga: move
version: 1.0.0
steps:
  - { id: transfer, saga: { name: transfer, input: { amount: \"${input.amount}\" } } }
  - id: book
    action: desk.book
    input: { slip: \"${steps.transfer.output.slip}\" }
    no_effect: true
";

const CHILD: &str = "
saga: transfer
version: 1.0.0
input:
  type: object
  properties: { amount: { type: integer } }
steps:
  - { id: take, action: stock.take, compensate: { action: stock.put } }
output: { slip: \"${steps.take.output.slip}\" }
";

const NO_WAY_BACK: &str = "
saga: transfer
version: 2.0.0
steps:
  - { id: take, action: stock.take, pivot: true }
";

async fn bench() -> Bench {
    let bench = Bench::with_orchestrators(2).await;
    bench.register(CHILD).await;
    bench.register(PARENT).await;
    bench
}

async fn start(bench: &Bench, amount: serde_json::Value) -> (SagaId, SagaId) {
    let started = bench.start_of(0, "move", json!({ "amount": amount })).await;
    let parent = started.expect("started").saga;
    (parent, parent.child(&StepKey::parse("transfer"), 0))
}

#[tokio::test]
async fn a_child_answers_its_parent_and_is_undone_with_it() {
    let bench = bench().await;
    let mut take = bench.worker("stock.take", Op::Action).await;
    let mut put = bench.worker("stock.put", Op::Compensate).await;
    let mut book = bench.worker("desk.book", Op::Action).await;
    let (parent, child) = start(&bench, json!(7)).await;
    let command = take.next().await;
    assert_eq!(command.saga, child);
    let slip = ReplyOutcome::Done(Arc::new(json!({ "slip": "s-1" })));
    bench.reply(&[answer(&command, slip)]).await;
    let command = book.next().await;
    assert_eq!(command.input, json!({ "slip": "s-1" }));
    assert_eq!(bench.until(child, Status::Completed).await.id, child);
    let refused = ReplyOutcome::Fail(StepError::new("closed", "the desk is closed"));
    bench.reply(&[answer(&command, refused)]).await;
    let command = put.next().await;
    assert_eq!(command.saga, child);
    bench.reply(&[answer(&command, done())]).await;
    bench.until(parent, Status::Compensated).await;
    bench.until(child, Status::Compensated).await;
    bench.stop().await;
}

#[tokio::test]
async fn cancelling_the_parent_settles_the_child() {
    let bench = bench().await;
    let mut settle = bench.worker("stock.take", Op::Settle).await;
    let (parent, child) = start(&bench, json!(7)).await;
    bench.until(child, Status::Running).await;
    let cancel = Operator {
        who: "ada".to_owned(),
        reason: "wrong shelf".to_owned(),
        verb: Verb::Cancel,
    };
    bench.engine().operate(parent, cancel).await.expect("done");
    let command = settle.next().await;
    bench
        .reply(&[answer(&command, ReplyOutcome::NeverHappened)])
        .await;
    bench.until(child, Status::Compensated).await;
    let ended = bench.until(parent, Status::Compensated).await;
    let transfer = ended.step_status(&StepKey::parse("transfer"));
    assert_eq!(transfer, StepStatus::NeverHappened);
    bench.stop().await;
}

#[tokio::test]
async fn a_child_that_cannot_run_fails_its_step() {
    let bench = bench().await;
    let (parent, _) = start(&bench, json!("much")).await;
    let ended = bench.until(parent, Status::Compensated).await;
    let error = ended.steps[&StepKey::parse("transfer")].error.clone();
    assert_eq!(error.expect("an error").code, "bad_input");

    bench.register(NO_WAY_BACK).await;
    let (parent, _) = start(&bench, json!(7)).await;
    let ended = bench.until(parent, Status::Compensated).await;
    let error = ended.steps[&StepKey::parse("transfer")].error.clone();
    assert_eq!(error.expect("an error").code, "child_has_pivot");
    bench.stop().await;
}
