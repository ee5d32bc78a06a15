//! What a worker says of itself, and what its observer sees.

use std::time::Duration;

use broker::broker::{Broker as _, Consumer, Settled};
use broker::envelope::drain::{self, Drain};
use broker::envelope::worker::{self, Announcement, BreakerState, Occasion};
use saga_core::ids::Op;
use saga_core::input::ReplyOutcome;
use saga_core::operator::By;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;
use worker_runtime::{BreakerSettings, Observer, OperationSettings, Repeat};

use crate::bench::{Bench, Read, code};
use crate::handlers::Obedient;

const PATIENCE: Duration = Duration::from_secs(20);

async fn requests(bench: &Bench) -> Consumer {
    let queue = bench.topology.requests_queue();
    bench.broker.consume(&queue, 100).await.unwrap()
}

async fn heard(requests: &mut Consumer) -> Announcement {
    let delivery = timeout(PATIENCE, requests.next()).await.unwrap().unwrap();
    let announcement = worker::decode(&delivery.message).unwrap();
    delivery.receipt.ack(&Read);
    announcement
}

#[tokio::test]
async fn a_worker_says_hello_what_takes_long_and_goodbye() {
    let handler = Obedient::default();
    let operation = handler.outside(Repeat::Safe).version("2.1.0");
    let mut bench = Bench::new(|it| it.build("9.9.9").action("test.run", operation)).await;
    let mut requests = requests(&bench).await;
    let hello = heard(&mut requests).await;
    assert_eq!(hello.announcement, Occasion::Hello);
    assert_eq!(
        (hello.name.as_str(), hello.build.as_str()),
        ("bench", "9.9.9")
    );
    let served: Vec<_> = hello
        .operations
        .iter()
        .map(|it| (it.op, it.slots))
        .collect();
    assert_eq!(served, [(Op::Settle, 16), (Op::Action, 16)]);
    assert_eq!(hello.operations[0].version.as_deref(), Some("2.1.0"));
    assert!(hello.running.is_empty());

    let command = bench.command("test.run", Op::Action, json!({ "do": "report" }));
    bench.send(&command).await;
    let beat = heard(&mut requests).await;
    assert_eq!((beat.announcement, beat.seq), (Occasion::Heartbeat, 2));
    let running = &beat.running[0];
    assert_eq!((running.saga, running.attempt), (bench.saga, 1));
    assert_eq!(running.progress, Some(json!({ "half": true })));
    handler.go_on.notify_one();
    assert!(matches!(bench.next().await, ReplyOutcome::Done(_)));

    bench.shut_down();
    bench.ended().await;
    let goodbye = heard(&mut requests).await;
    assert_eq!(goodbye.announcement, Occasion::Goodbye);
    assert_eq!(goodbye.worker, hello.worker);
}

#[tokio::test]
async fn a_worker_that_is_told_to_drain_finishes_its_call_and_ends() {
    let handler = Obedient::default();
    let mut bench = Bench::new(|it| it.action("test.run", handler.outside(Repeat::Safe))).await;
    let mut requests = requests(&bench).await;
    let hello = heard(&mut requests).await;
    assert_eq!(hello.draining, None);
    let command = bench.command("test.run", Op::Action, json!({ "do": "report" }));
    bench.send(&command).await;
    let beat = heard(&mut requests).await;
    assert_eq!(beat.running.len(), 1);

    let by = By {
        who: "ada".to_owned(),
        reason: "the node is replaced".to_owned(),
    };
    let tell = |worker: &str, by: &By| {
        let told = Drain {
            worker: worker.to_owned(),
            by: by.clone(),
        };
        let mut message = drain::encode(&bench.topology, Uuid::now_v7(), &told);
        message.properties.routing_key = bench.topology.worker_queue(&hello.worker);
        message
    };
    let mut unreadable = tell(&hello.worker, &by);
    unreadable.properties.kind = "test.v1".to_owned();
    // What is not for it, and what it cannot read, changes nothing.
    let sent = vec![unreadable, tell("another", &by), tell(&hello.worker, &by)];
    assert_eq!(bench.broker.publish(sent).await, [Settled::Confirmed; 3]);
    let drains = heard(&mut requests).await;
    assert_eq!(drains.announcement, Occasion::Heartbeat);
    assert_eq!(drains.draining.and_then(|it| it.by), Some(by));
    bench.next_step();
    let another = bench.command("test.run", Op::Action, json!({ "do": "report" }));
    bench.send(&another).await;

    handler.go_on.notify_one();
    assert!(matches!(bench.next().await, ReplyOutcome::Done(_)));
    bench.ended().await;
    let goodbye = heard(&mut requests).await;
    assert_eq!(goodbye.announcement, Occasion::Goodbye);
    assert!(goodbye.draining.is_some());
    let queue = bench.topology.step_queue(&another.action, Op::Action);
    let left = bench.broker.depth(&queue).await.unwrap().unwrap();
    assert_eq!(
        (left.messages, left.consumers),
        (1, 0),
        "it took what came after"
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_says_a_word_a_minute() {
    let handler = Obedient::default();
    let operation = handler.outside(Repeat::Safe);
    let bench = Bench::new(|it| it.action("test.run", operation)).await;
    let mut requests = requests(&bench).await;
    assert_eq!(heard(&mut requests).await.announcement, Occasion::Hello);
    let mut words = 0;
    let silence = tokio::time::sleep(Duration::from_mins(10) + Duration::from_secs(1));
    tokio::pin!(silence);
    loop {
        tokio::select! {
            () = &mut silence => break,
            delivery = requests.next() => {
                delivery.unwrap().receipt.ack(&Read);
                words += 1;
            }
        }
    }
    assert_eq!(words, 10);
}

#[tokio::test]
async fn an_observer_sees_attempts_slots_and_an_open_breaker() {
    let handler = Obedient::default();
    let observer = Observer::new().unwrap();
    assert!(!observer.health().is_ready(), "nothing serves yet");
    let settings = OperationSettings {
        repeat: Repeat::Safe,
        breaker: Some(BreakerSettings {
            failures: 2,
            open: Duration::from_secs(60),
            ..BreakerSettings::default()
        }),
        ..OperationSettings::default()
    };
    let operation = handler.with(settings);
    let mut bench = Bench::new(|it| it.observed(&observer).action("test.run", operation)).await;
    let mut requests = requests(&bench).await;
    assert_eq!(heard(&mut requests).await.announcement, Occasion::Hello);
    assert!(observer.health().is_ready());
    for attempt in 1..=2 {
        let mut command = bench.command("test.run", Op::Action, json!({ "do": "break" }));
        command.attempt = attempt;
        assert_eq!(code(&bench.ask(&command).await), "broken");
    }
    // The change is news, and is told at once.
    let told = heard(&mut requests).await;
    assert_eq!(told.operations[1].breaker, BreakerState::Open);
    let health = observer.health();
    assert!(health.is_ready(), "an open breaker does its duty");
    assert_eq!(health.open_breakers, ["test.run/action"]);
    let metrics = observer.metrics().unwrap();
    for line in [
        r#"amends_step_attempts_total{op="action",operation="test.run",outcome="attempt_failed"} 2"#,
        r#"amends_worker_slots{op="action",operation="test.run",state="free"} 16"#,
        r#"amends_breaker_state{op="action",operation="test.run"} 2"#,
        r#"amends_step_execution_seconds_count{op="action",operation="test.run"} 2"#,
        "amends_broker_connected 1",
        "amends_ledger_errors_total 0",
    ] {
        assert!(metrics.contains(line), "`{line}` is missing in\n{metrics}");
    }
    bench.shut_down();
    bench.ended().await;
    assert!(!observer.health().is_ready(), "it drains");
}
