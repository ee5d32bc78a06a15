//! Operations whose effect is outside.

use std::time::Duration;

use saga_core::ids::Op;
use saga_core::input::ReplyOutcome;
use serde_json::json;
use worker_runtime::Repeat;

use crate::bench::{Bench, code};
use crate::handlers::Obedient;

async fn bench(handler: &Obedient, repeat: Repeat) -> Bench {
    let operation = handler.outside(repeat);
    Bench::new(|worker| {
        worker
            .action("test.run", operation.clone())
            .undo("test.undo", operation)
    })
    .await
}

#[tokio::test]
async fn a_duplicate_is_answered_without_a_call() {
    let handler = Obedient::default();
    let mut bench = bench(&handler, Repeat::Never).await;
    let command = bench.command("test.run", Op::Action, json!({}));
    let first = bench.ask(&command).await;
    assert!(matches!(first, ReplyOutcome::Done(_)), "{first:?}");
    assert_eq!(bench.ask(&command).await, first);
    let settle = bench.command("test.run", Op::Settle, json!({}));
    assert_eq!(bench.ask(&settle).await, first);
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn a_duplicate_of_a_running_call_comes_back_for_its_answer() {
    let handler = Obedient::default();
    let mut bench = bench(&handler, Repeat::Never).await;
    let command = bench.command("test.run", Op::Action, json!({ "do": "wait" }));
    bench.send(&command).await;
    handler.began.notified().await;
    bench.send(&command).await;
    let rung = bench.topology.rung("test", Duration::from_millis(250));
    bench.until_depth(&rung, 1).await;
    handler.go_on.notify_one();
    let first = bench.next().await;
    assert!(matches!(first, ReplyOutcome::Done(_)), "{first:?}");
    assert_eq!(bench.next().await, first);
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn an_interrupted_call_is_repeated_where_that_is_safe() {
    let handler = Obedient::default();
    let mut bench = bench(&handler, Repeat::Safe).await;
    let mut command = bench.command("test.run", Op::Action, json!({ "do": "retry" }));
    assert_eq!(code(&bench.ask(&command).await), "again");
    command.attempt = 2;
    assert!(matches!(bench.ask(&command).await, ReplyOutcome::Done(_)));
    assert_eq!(handler.calls(), 2);
}

#[tokio::test]
async fn an_interrupted_call_is_resolved_before_it_is_repeated() {
    for (resolve, calls) in [("done", 1), ("never", 2), ("unknown", 1)] {
        let handler = Obedient::default();
        let mut bench = bench(&handler, Repeat::Resolve).await;
        let input = json!({ "do": "retry", "resolve": resolve });
        let mut command = bench.command("test.run", Op::Action, input);
        assert_eq!(code(&bench.ask(&command).await), "again");
        command.attempt = 2;
        match (resolve, bench.ask(&command).await) {
            ("done", ReplyOutcome::Done(output)) => assert_eq!(*output, json!("found")),
            ("never", ReplyOutcome::Done(output)) => assert_eq!(output["call"], 2),
            ("unknown", outcome) => assert_eq!(code(&outcome), "unaccounted"),
            (_, outcome) => panic!("{resolve}: {outcome:?}"),
        }
        assert_eq!(handler.calls(), calls, "{resolve}");
    }
}

#[tokio::test]
async fn an_interrupted_call_that_must_not_be_repeated_is_not() {
    let handler = Obedient::default();
    let mut bench = bench(&handler, Repeat::Never).await;
    let mut command = bench.command("test.run", Op::Action, json!({ "do": "panic" }));
    assert_eq!(code(&bench.ask(&command).await), "panic");
    command.attempt = 2;
    assert_eq!(code(&bench.ask(&command).await), "unaccounted");
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn settling_asks_what_became_of_an_interrupted_call() {
    for resolve in ["done", "never", "unknown"] {
        let handler = Obedient::default();
        let mut bench = bench(&handler, Repeat::Resolve).await;
        let mut command = bench.command("test.run", Op::Action, json!({ "do": "hang" }));
        command.start_to_close = Some(Duration::from_millis(50));
        assert_eq!(code(&bench.ask(&command).await), "timeout");
        let settle = bench.command("test.run", Op::Settle, json!({ "resolve": resolve }));
        let settled = bench.ask(&settle).await;
        let late = bench.ask(&command).await;
        match (resolve, settled) {
            ("done", ReplyOutcome::Done(output)) => {
                assert_eq!(*output, json!("found"));
                assert_eq!(late, ReplyOutcome::Done(output));
            }
            ("never", ReplyOutcome::NeverHappened) => assert_eq!(late, ReplyOutcome::Fenced),
            ("unknown", ReplyOutcome::Unknown(_)) => assert_eq!(code(&late), "unaccounted"),
            (_, outcome) => panic!("{resolve}: {outcome:?}"),
        }
        assert_eq!(handler.calls(), 1, "{resolve}");
    }
}

#[tokio::test]
async fn an_effect_whose_output_cannot_be_told_stays_and_is_unknown() {
    let handler = Obedient::default();
    let mut bench = bench(&handler, Repeat::Safe).await;
    let command = bench.command("test.run", Op::Action, json!({ "do": "much" }));
    for _duplicate in 0..2 {
        let outcome = bench.ask(&command).await;
        assert!(
            matches!(outcome, ReplyOutcome::AttemptFailed { .. }),
            "{outcome:?}"
        );
        assert_eq!(code(&outcome), "output_too_large");
    }
    let settle = bench.command("test.run", Op::Settle, json!({}));
    let outcome = bench.ask(&settle).await;
    assert!(matches!(outcome, ReplyOutcome::Unknown(_)), "{outcome:?}");
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn an_undo_is_refused_while_the_action_is_unaccounted_for() {
    let handler = Obedient::default();
    let mut bench = bench(&handler, Repeat::Resolve).await;
    let action = bench.command("test.run", Op::Action, json!({ "do": "panic" }));
    assert_eq!(code(&bench.ask(&action).await), "panic");
    let mut undo = bench.command("test.undo", Op::Compensate, json!({}));
    let certified = undo.undoes.take();
    assert_eq!(code(&bench.ask(&undo).await), "unaccounted");
    undo.undoes = certified;
    assert!(matches!(bench.ask(&undo).await, ReplyOutcome::Done(_)));
    assert_eq!(handler.calls(), 2);
}

#[tokio::test]
async fn a_call_that_outlasts_the_drain_is_cancelled_and_released() {
    let handler = Obedient::default();
    let mut bench = bench(&handler, Repeat::Safe).await;
    bench.shut_down();
    bench.ended().await;
    let operation = handler.outside(Repeat::Safe);
    let again = operation.clone();
    bench.start(|worker| {
        worker
            .drain_timeout(Duration::from_millis(50))
            .action("test.run", operation)
    });
    let command = bench.command("test.run", Op::Action, json!({ "do": "hang" }));
    bench.send(&command).await;
    handler.began.notified().await;
    bench.shut_down();
    bench.ended().await;

    let mut command = command;
    command.input = json!({});
    command.attempt = 2;
    assert_eq!(code(&bench.next().await), "cancelled");
    bench.start(|worker| worker.action("test.run", again));
    assert!(matches!(bench.ask(&command).await, ReplyOutcome::Done(_)));
}
