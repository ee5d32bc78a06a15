//! Dead letters that are replayed or dropped.

use broker::envelope::command::CommandEnvelope;
use broker::headers::Headers;
use broker::message::Properties;
use orchestrator::replay::{How, ReplayError, give_up, replay};
use orchestrator::store::{Batch, Handling, Store, StoredDeadLetter};
use saga_core::ids::{Op, SagaId};
use saga_core::input::{ReplyOutcome, StepError};
use saga_core::operator::By;
use saga_core::saga::Status;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::{Bench, answer, done};

const CAREFUL: &str = "
saga: careful
version: 1.0.0
steps:
  - { id: only, action: pool.first, no_effect: true, on_failure: pause }
";

fn by() -> By {
    By {
        who: "ada".to_owned(),
        reason: "mended".to_owned(),
    }
}

/// Keeps a message as a letter.
async fn kept(bench: &Bench, saga: Option<SagaId>, properties: Properties, body: &str) -> Uuid {
    let id = Uuid::now_v7();
    let letter = StoredDeadLetter {
        id,
        saga,
        queue: "test.dead".to_owned(),
        reason: "rejected".to_owned(),
        fingerprint: "only/careful/1.0.0/rejected".to_owned(),
        properties: serde_json::to_value(properties).expect("JSON"),
        body: body.as_bytes().to_vec(),
    };
    let batch = Batch {
        dead_letters: vec![letter],
        ..Batch::default()
    };
    bench.store.commit(&batch).await.expect("kept");
    id
}

/// A command as its dead letter has it.
fn properties(command: &CommandEnvelope) -> Properties {
    let header = |name: &str, value: String| (format!("amends-{name}"), value);
    let headers = Headers::from([
        header("saga", command.saga.to_string()),
        header("step", command.key.step.to_string()),
        header("op", command.op.to_string()),
        header("round", command.round.to_string()),
        header("attempt", command.attempt.to_string()),
    ]);
    Properties {
        message_id: command.message_id.to_string(),
        kind: "amends.command.v1".to_owned(),
        headers,
        ..Properties::default()
    }
}

async fn handled(bench: &Bench, id: Uuid) -> Option<Handling> {
    let letter = bench.store.dead_letter(id).await.expect("the store");
    let handled = letter.expect("the letter").summary.handled;
    handled.map(|handled| handled.how)
}

#[tokio::test]
async fn a_step_that_rests_is_tried_again_and_then_the_letters_are_refused() {
    let bench = Bench::with_orchestrators(1).await;
    bench.register(CAREFUL).await;
    let mut worker = bench.worker("pool.first", Op::Action).await;
    let started = bench.start_of(0, "careful", json!({})).await;
    let saga = started.expect("started").saga;
    let command = worker.next().await;
    let letter = kept(&bench, Some(saga), properties(&command), "{").await;
    let probe = kept(&bench, Some(saga), properties(&command), "{ ").await;
    let no = ReplyOutcome::Fail(StepError::new("no", "no"));
    bench.reply(&[answer(&command, no)]).await;
    bench.until(saga, Status::Paused).await;

    let engine = bench.engine();
    let would = replay(engine, letter, &by(), true).await.expect("a plan");
    assert_eq!((would.how, would.saga), (How::Retried, Some(saga)));
    assert_eq!(would.with, [probe], "what else it would close");
    assert_eq!(
        handled(&bench, letter).await,
        None,
        "a dry run does nothing"
    );
    let told = replay(engine, letter, &by(), false).await.expect("told");
    assert_eq!(told, would);
    let again = worker.next().await;
    assert_eq!((again.round, again.attempt), (command.round + 1, 1));
    assert_eq!(handled(&bench, letter).await, Some(Handling::Replayed));
    assert_eq!(handled(&bench, probe).await, Some(Handling::Replayed));
    let twice = replay(engine, letter, &by(), false).await;
    assert!(
        matches!(twice, Err(ReplayError::Handled { .. })),
        "{twice:?}"
    );

    let late = kept(&bench, Some(saga), properties(&command), "{  ").await;
    let refused = replay(engine, late, &by(), false).await.expect_err("late");
    let why = refused.to_string();
    assert!(
        why.contains("round 1, and the letter is of round 0"),
        "{why}"
    );
    let cause = std::error::Error::source(&refused);
    assert!(cause.is_none(), "it is said once: {cause:?}");
    assert_eq!(handled(&bench, late).await, None);
    let dropped = give_up(engine, late, &by(), false).await.expect("dropped");
    assert_eq!(dropped.how, How::Dropped);
    assert_eq!(handled(&bench, late).await, Some(Handling::Dropped));
    bench.reply(&[answer(&again, done())]).await;
    bench.until(saga, Status::Completed).await;
    bench.stop().await;
}

fn replies() -> Properties {
    Properties {
        kind: "amends.replies.v1".to_owned(),
        ..Properties::default()
    }
}

fn said(command: &CommandEnvelope, outcome: &str) -> Value {
    json!({
        "saga": command.saga, "step": command.key.to_string(), "op": "action",
        "attempt": command.attempt, "command": command.message_id.to_string(),
        "outcome": outcome, "output": {},
    })
}

#[tokio::test]
async fn an_answer_that_can_be_read_now_counts_and_others_can_only_be_dropped() {
    let bench = Bench::with_orchestrators(1).await;
    bench.register(CAREFUL).await;
    let mut worker = bench.worker("pool.first", Op::Action).await;
    let started = bench.start_of(0, "careful", json!({})).await;
    let saga = started.expect("started").saga;
    let command = worker.next().await;
    let odd = said(&command, "perhaps").to_string();
    let odd = kept(&bench, Some(saga), replies(), &odd).await;
    // Alone, as a letter of one answer of many has it.
    let good = said(&command, "done").to_string();
    let good = kept(&bench, Some(saga), replies(), &good).await;
    let engine = bench.engine();
    let refused = replay(engine, odd, &by(), false).await;
    assert!(
        matches!(refused, Err(ReplayError::Unreadable(_))),
        "{refused:?}"
    );
    let would = replay(engine, good, &by(), true).await.expect("a plan");
    assert_eq!(would.how, How::Applied);
    bench.until(saga, Status::Running).await;
    replay(engine, good, &by(), false).await.expect("told");
    bench.until(saga, Status::Completed).await;

    let stranger = Properties {
        kind: "amends.other.v9".to_owned(),
        ..Properties::default()
    };
    let stranger = kept(&bench, None, stranger, "?").await;
    let refused = replay(engine, stranger, &by(), true).await;
    assert!(
        matches!(refused, Err(ReplayError::OnlyDropped(_))),
        "{refused:?}"
    );
    let nobody = replay(engine, Uuid::now_v7(), &by(), true).await;
    assert!(
        matches!(nobody, Err(ReplayError::NoLetter(_))),
        "{nobody:?}"
    );
    bench.stop().await;
}

#[tokio::test]
async fn a_start_that_was_refused_is_taken_once_its_definition_is_there() {
    let bench = Bench::with_orchestrators(1).await;
    let start = Properties {
        kind: "amends.start.v1".to_owned(),
        message_id: "m-1".to_owned(),
        ..Properties::default()
    };
    let body = json!({ "definition": "careful", "input": {} }).to_string();
    let letter = kept(&bench, None, start, &body).await;
    let engine = bench.engine();
    let refused = replay(engine, letter, &by(), false).await;
    assert!(
        matches!(refused, Err(ReplayError::Refused(_))),
        "{refused:?}"
    );
    bench.register(CAREFUL).await;
    let told = replay(engine, letter, &by(), false).await.expect("told");
    assert_eq!(told.how, How::Applied);
    let mut worker = bench.worker("pool.first", Op::Action).await;
    assert_eq!(worker.next().await.key.to_string(), "only");
    bench.stop().await;
}
