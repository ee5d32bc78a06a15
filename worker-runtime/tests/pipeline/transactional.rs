//! Operations whose effect commits with the ledger.

use std::time::Duration;

use saga_core::ids::Op;
use saga_core::input::ReplyOutcome;
use saga_core::time::Timestamp;
use serde_json::json;

use crate::bench::{Bench, code};
use crate::handlers::Obedient;

async fn bench(handler: &Obedient) -> Bench {
    let operation = handler.transactional();
    Bench::new(|worker| {
        worker
            .action("test.run", operation.clone())
            .undo("test.undo", operation)
    })
    .await
}

#[tokio::test]
async fn a_duplicate_and_a_later_attempt_get_the_first_answer() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let mut command = bench.command("test.run", Op::Action, json!({}));
    let first = bench.ask(&command).await;
    assert!(matches!(first, ReplyOutcome::Done(_)), "{first:?}");
    assert_eq!(bench.ask(&command).await, first);
    command.attempt = 2;
    assert_eq!(bench.ask(&command).await, first);
    assert_eq!((handler.calls(), handler.effects()), (1, 1));
}

#[tokio::test]
async fn a_refusal_is_final_and_leaves_no_effect() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let mut command = bench.command("test.run", Op::Action, json!({ "do": "fail" }));
    let first = bench.ask(&command).await;
    assert!(
        matches!(&first, ReplyOutcome::Fail(error) if error.code == "refused"),
        "{first:?}"
    );
    command.input = json!({});
    assert_eq!(bench.ask(&command).await, first);
    assert_eq!((handler.calls(), handler.effects()), (1, 0));
    let settle = bench.command("test.run", Op::Settle, json!({}));
    assert_eq!(bench.ask(&settle).await, ReplyOutcome::NeverHappened);
}

#[tokio::test]
async fn a_failed_attempt_is_rolled_back_and_the_next_one_runs() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let mut command = bench.command("test.run", Op::Action, json!({ "do": "retry" }));
    let first = bench.ask(&command).await;
    let ReplyOutcome::AttemptFailed { error, retry_after } = first else {
        panic!("{first:?}")
    };
    assert_eq!(
        (error.code.as_str(), retry_after),
        ("again", Some(Duration::from_secs(7)))
    );
    assert_eq!(handler.effects(), 0);
    command.attempt = 2;
    assert!(matches!(bench.ask(&command).await, ReplyOutcome::Done(_)));
    assert_eq!((handler.calls(), handler.effects()), (2, 1));
}

#[tokio::test]
async fn panics_and_timeouts_are_failed_attempts_without_effect() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let mut command = bench.command("test.run", Op::Action, json!({ "do": "panic" }));
    assert_eq!(code(&bench.ask(&command).await), "panic");
    command.attempt = 2;
    command.input = json!({ "do": "hang" });
    command.start_to_close = Some(Duration::from_millis(50));
    assert_eq!(code(&bench.ask(&command).await), "timeout");
    assert_eq!(handler.effects(), 0);
    let settle = bench.command("test.run", Op::Settle, json!({}));
    assert_eq!(bench.ask(&settle).await, ReplyOutcome::NeverHappened);
    command.attempt = 3;
    assert_eq!(bench.ask(&command).await, ReplyOutcome::Fenced);
    assert_eq!(handler.calls(), 2);
}

#[tokio::test]
async fn an_output_that_cannot_be_told_is_refused_with_its_effect() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let command = bench.command("test.run", Op::Action, json!({ "do": "much" }));
    let outcome = bench.ask(&command).await;
    assert!(matches!(outcome, ReplyOutcome::Fail(_)), "{outcome:?}");
    assert_eq!((code(&outcome), handler.effects()), ("output_too_large", 0));
}

#[tokio::test]
async fn a_command_past_its_deadline_does_not_begin() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let mut command = bench.command("test.run", Op::Action, json!({}));
    command.deadline = Some(Timestamp::from_micros(1));
    assert_eq!(bench.ask(&command).await, ReplyOutcome::Expired);
    assert_eq!(handler.calls(), 0);
}

#[tokio::test]
async fn an_undo_runs_once_and_without_its_action_never() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let mut undo = bench.command("test.undo", Op::Compensate, json!({}));
    undo.undoes = None;
    assert_eq!(bench.ask(&undo).await, ReplyOutcome::NeverHappened);
    let action = bench.command("test.run", Op::Action, json!({}));
    assert_eq!(bench.ask(&action).await, ReplyOutcome::Fenced);

    let mut certified = bench.command("test.undo", Op::Compensate, json!({}));
    certified.round = 1;
    certified.undoes.as_mut().unwrap().round = 1;
    let first = bench.ask(&certified).await;
    assert!(matches!(first, ReplyOutcome::Done(_)), "{first:?}");
    assert_eq!(bench.ask(&certified).await, first);
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn messages_that_are_no_commands_of_the_queue_are_dead_lettered() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let command = bench.command("test.run", Op::Action, json!({}));
    let first = bench.ask(&command).await;
    assert!(matches!(first, ReplyOutcome::Done(_)), "{first:?}");

    let mut garbled = bench.message(&command);
    garbled.body = b"{".as_slice().into();
    bench.publish(garbled).await;
    let mut misdirected = bench.message(&command);
    let headers = &mut misdirected.properties.headers;
    headers.insert("amends-action".to_owned(), "test.other".to_owned());
    bench.publish(misdirected).await;
    bench.until_depth(&bench.topology.dead(), 2).await;
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn a_shutdown_lets_running_calls_answer() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let command = bench.command("test.run", Op::Action, json!({ "do": "wait" }));
    bench.send(&command).await;
    handler.began.notified().await;
    bench.shut_down();
    handler.go_on.notify_one();
    assert!(matches!(bench.next().await, ReplyOutcome::Done(_)));
    bench.ended().await;
    let queue = bench.topology.step_queue(&command.action, Op::Action);
    bench.until_depth(&queue, 0).await;
}

#[tokio::test]
async fn answers_that_are_ready_together_share_messages() {
    let handler = Obedient::default();
    let mut bench = bench(&handler).await;
    let first = bench.command("test.run", Op::Action, json!({}));
    assert!(matches!(bench.ask(&first).await, ReplyOutcome::Done(_)));
    for element in 1..=300 {
        let mut command = bench.command("test.run", Op::Action, json!({}));
        command.key.element = element;
        bench.send(&command).await;
    }
    let (mut messages, mut replies) = (0, 0);
    while replies < 300 {
        let outcomes = bench.next_message().await;
        assert!(
            outcomes
                .iter()
                .all(|it| matches!(it, ReplyOutcome::Done(_)))
        );
        (messages, replies) = (messages + 1, replies + outcomes.len());
    }
    assert_eq!((replies, handler.effects()), (300, 301));
    assert!(messages < 300, "every reply had a message of its own");
}
