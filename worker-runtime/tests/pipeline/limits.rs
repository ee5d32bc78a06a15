//! Silence, breakers and rates.

use std::time::Duration;

use saga_core::ids::Op;
use saga_core::input::ReplyOutcome;
use serde_json::json;
use tokio::time::Instant;
use worker_runtime::{BreakerSettings, OperationSettings, RateLimit, Repeat};

use crate::bench::{Bench, code};
use crate::handlers::Obedient;

const BREAKER: BreakerSettings = BreakerSettings {
    failures: 3,
    share_percent: 50,
    window: Duration::from_secs(60),
    open: Duration::from_millis(300),
    probes: 1,
};

fn settings(breaker: Option<BreakerSettings>, rate: Option<RateLimit>) -> OperationSettings {
    OperationSettings {
        repeat: Repeat::Safe,
        breaker,
        rate,
        ..OperationSettings::default()
    }
}

#[tokio::test]
async fn a_handler_that_is_silent_for_too_long_is_ended_and_one_that_reports_is_not() {
    let handler = Obedient::default();
    let (outside, transactional) = (handler.outside(Repeat::Safe), handler.transactional());
    let mut bench = Bench::new(|worker| {
        worker
            .action("test.run", outside)
            .action("test.book", transactional)
    })
    .await;
    for action in ["test.run", "test.book"] {
        let mut command = bench.command(action, Op::Action, json!({ "do": "hang" }));
        command.heartbeat = Some(Duration::from_millis(200));
        assert_eq!(code(&bench.ask(&command).await), "heartbeat_timeout");
        command.attempt = 2;
        // It works for twice as long as it may be silent.
        command.input = json!({ "do": "beat" });
        let answered = bench.ask(&command).await;
        assert!(matches!(answered, ReplyOutcome::Done(_)), "{answered:?}");
        bench.next_step();
    }
}

#[tokio::test]
async fn an_open_breaker_stops_consuming_and_costs_no_message_its_deliveries() {
    let handler = Obedient::default();
    let operation = handler.with(OperationSettings {
        concurrency: 1,
        backlog: 31,
        ..settings(Some(BREAKER), None)
    });
    let mut bench = Bench::new(|it| it.action("test.run", operation)).await;
    // Three failures open it, the next call is the probe that closes it. The last messages are at
    // hand each time that it opens, more often than a message may go back to its queue.
    let openings = ["break", "break", "break", "work"].repeat(4);
    let all = openings.into_iter().chain(["work"; 12]);
    let mut first = bench.command("test.run", Op::Action, json!({}));
    let queue = bench.topology.step_queue(&first.action, Op::Action);
    for (element, what) in (1..).zip(all) {
        first.key.element = element;
        first.input = json!({ "do": what });
        bench.send(&first).await;
    }
    bench.until_queue(&queue, |it| it.consumers == 0).await;
    let (mut broken, mut done) = (0, 0);
    while broken + done < 28 {
        for outcome in bench.next_message().await {
            match outcome {
                ReplyOutcome::Done(_) => done += 1,
                outcome => {
                    assert_eq!(code(&outcome), "broken");
                    broken += 1;
                }
            }
        }
    }
    assert_eq!((broken, done), (12, 16));
    assert_eq!(handler.calls(), 28);
    bench.until_queue(&queue, |it| it.consumers == 1).await;
    let dead = bench.topology.dead();
    bench.until_depth(&dead, 0).await;
}

#[tokio::test]
async fn refusals_never_open_a_breaker() {
    let handler = Obedient::default();
    let operation = handler.with(settings(Some(BREAKER), None));
    let mut bench = Bench::new(|it| it.action("test.run", operation)).await;
    for element in 1..=20 {
        let mut command = bench.command("test.run", Op::Action, json!({ "do": "fail" }));
        command.key.element = element;
        let answered = bench.ask(&command).await;
        assert!(matches!(answered, ReplyOutcome::Fail(_)), "{answered:?}");
    }
    assert_eq!(handler.calls(), 20);
}

#[tokio::test]
async fn calls_come_no_faster_than_their_rate() {
    let handler = Obedient::default();
    let rate = RateLimit {
        calls: 50,
        per: Duration::from_secs(1),
        burst: 5,
    };
    let operation = handler.with(settings(None, Some(rate)));
    let mut bench = Bench::new(|it| it.action("test.run", operation)).await;
    let began = Instant::now();
    for element in 1..=25 {
        let mut command = bench.command("test.run", Op::Action, json!({}));
        command.key.element = element;
        bench.send(&command).await;
    }
    let mut answered = 0;
    while answered < 25 {
        answered += bench.next_message().await.len();
    }
    // Five at once, and twenty more at 20 ms each.
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(400), "{took:?}");
}
