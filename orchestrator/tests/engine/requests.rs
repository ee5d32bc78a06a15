//! What workers say of themselves, and starts by message.

use std::time::Duration;

use broker::broker::Broker as _;
use broker::envelope::command::CommandEnvelope;
use broker::envelope::start::{self, StartMessage};
use broker::envelope::worker::{self, Announcement, Occasion, OperationInfo, RunningInfo};
use broker::message::{Outgoing, Properties};
use orchestrator::store::{SagaFilter, Store as _};
use saga_core::event::EventKind;
use saga_core::ids::{Op, SagaId};
use saga_core::saga::Status;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::bench::{Bench, answer, done};

const PATIENCE: Duration = Duration::from_secs(10);

fn says(occasion: Occasion, seq: u64, running: &[&CommandEnvelope]) -> Announcement {
    let at = "2026-01-01T00:00:01Z".parse().expect("a time");
    let running = running.iter().map(|command| RunningInfo {
        saga: command.saga,
        step: command.key.step.clone(),
        element: command.key.element,
        op: command.op,
        round: command.round,
        attempt: command.attempt,
        operation: command.action.clone(),
        command: command.message_id,
        started_at: at,
        progress: None,
    });
    Announcement {
        announcement: occasion,
        worker: "w/1".to_owned(),
        seq,
        name: "w".to_owned(),
        build: "7".to_owned(),
        started_at: at,
        operations: vec![OperationInfo {
            operation: "pool.first".parse().expect("a name"),
            op: Op::Action,
            version: None,
            slots: 4,
            busy: 0,
            per_message: 1,
            breaker: worker::BreakerState::Closed,
        }],
        running: running.collect(),
        draining: None,
    }
}

async fn tell(bench: &Bench, announcement: &Announcement) {
    let message = worker::encode(&bench.topology, announcement);
    bench.publish(vec![message]).await;
}

fn request(bench: &Bench, kind: &str, body: &str) -> Outgoing {
    Outgoing {
        properties: Properties {
            routing_key: bench.topology.requests_queue(),
            message_id: "r".to_owned(),
            kind: kind.to_owned(),
            ..Properties::default()
        },
        body: body.to_owned().into(),
    }
}

/// Waits until a worker's newest word is this one.
async fn until_heard(bench: &Bench, seq: u64) {
    let heard = async {
        loop {
            let workers = bench.store.workers().await.expect("workers");
            if workers.iter().any(|it| it.announcement.seq == seq) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, heard).await.expect("the word was heard");
}

async fn starts_of_attempts(bench: &Bench, saga: SagaId) -> usize {
    let history = bench.store.history(saga, 0, 100).await.expect("history");
    let started = |kind: &EventKind| matches!(kind, EventKind::AttemptStarted { .. });
    history.iter().filter(|event| started(&event.kind)).count()
}

async fn sagas(bench: &Bench, definition: &str) -> Vec<SagaId> {
    let filter = SagaFilter {
        definition: Some(definition.to_owned()),
        limit: 100,
        ..SagaFilter::default()
    };
    let page = bench.store.list(&filter).await.expect("a list");
    page.sagas.into_iter().map(|saga| saga.id).collect()
}

#[tokio::test]
async fn a_heartbeat_proves_once_that_an_attempt_was_started() {
    let bench = Bench::with_orchestrators(2).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let mut second = bench.worker("pool.second", Op::Action).await;
    let saga = bench.start("k").await.expect("started").saga;
    let command = first.next().await;
    for seq in 1..=6 {
        tell(&bench, &says(Occasion::Heartbeat, seq, &[&command])).await;
    }
    until_heard(&bench, 6).await;
    let proven = async {
        while starts_of_attempts(&bench, saga).await == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, proven).await.expect("the proof in time");
    bench.reply(&[answer(&command, done())]).await;
    let command = second.next().await;
    bench.reply(&[answer(&command, done())]).await;
    bench.until(saga, Status::Completed).await;
    assert_eq!(starts_of_attempts(&bench, saga).await, 1);
    tell(&bench, &says(Occasion::Goodbye, 7, &[])).await;
    until_heard(&bench, 7).await;
    assert!(bench.store.kept().is_empty());
    bench.stop().await;
}

#[tokio::test]
async fn a_start_by_message_is_one_saga_however_often_it_comes() {
    let bench = Bench::with_orchestrators(2).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let asked = StartMessage {
        definition: "keyless".to_owned(),
        version: None,
        input: json!({ "n": 1 }),
        key: None,
        labels: [("tenant".to_owned(), "acme".to_owned())].into(),
    };
    for id in ["shop/1", "shop/1", "shop/2"] {
        bench
            .publish(vec![start::encode(&bench.topology, id, &asked)])
            .await;
    }
    for _ in 0..2 {
        let command = first.next().await;
        assert_eq!(command.heartbeat, Some(Duration::from_secs(30)));
        assert!(command.scheduled_at.is_some());
        bench.reply(&[answer(&command, done())]).await;
        let ended = bench.until(command.saga, Status::Completed).await;
        assert_eq!(ended.labels["tenant"], "acme");
    }
    let drained = async {
        let queue = bench.topology.requests_queue();
        while bench
            .broker
            .depth(&queue)
            .await
            .expect("a depth")
            .expect("a queue")
            .messages
            > 0
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, drained).await.expect("all were taken");
    assert_eq!(sagas(&bench, "keyless").await.len(), 2);
    assert!(bench.store.kept().is_empty());
    bench.stop().await;
}

#[tokio::test]
async fn starts_that_are_refused_are_kept_with_the_reason() {
    let bench = Bench::with_orchestrators(1).await;
    let asked = |definition: &str, input: Value| StartMessage {
        definition: definition.to_owned(),
        version: None,
        input,
        key: None,
        labels: [].into(),
    };
    for (id, start) in [
        ("r/1", asked("nowhere", json!({}))),
        ("r/2", asked("pair", json!({ "no": "key" }))),
        ("", asked("keyless", json!({}))),
    ] {
        bench
            .publish(vec![start::encode(&bench.topology, id, &start)])
            .await;
    }
    let reasons = bench.until_letters(3).await.join("\n");
    for part in ["no definition is named `nowhere`", "key", "message id"] {
        assert!(reasons.contains(part), "{part} in\n{reasons}");
    }
    let mut prints: Vec<_> = bench
        .store
        .kept()
        .into_iter()
        .map(|letter| letter.fingerprint)
        .collect();
    prints.sort();
    let refused = [
        "start/keyless/no_key",
        "start/nowhere/unknown_definition",
        "start/pair/invalid_input",
    ];
    assert_eq!(prints, refused);
    bench.stop().await;
}

#[tokio::test]
async fn requests_that_nobody_understands_are_kept() {
    let bench = Bench::with_orchestrators(1).await;
    for (kind, body) in [
        ("amends.worker.v1", "{"),
        ("amends.start.v1", r#"{"input":{}}"#),
        ("amends.other.v9", "{}"),
    ] {
        bench.publish(vec![request(&bench, kind, body)]).await;
    }
    let reasons = bench.until_letters(3).await.join("\n");
    for part in [
        "read the body of `amends.worker.v1`",
        "missing field `definition`",
        "nobody here takes messages of type `amends.other.v9`",
    ] {
        assert!(reasons.contains(part), "{part} in\n{reasons}");
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_dead_letter_is_sorted_by_the_build_of_the_workers_that_serve_it() {
    let bench = Bench::with_orchestrators(1).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    tell(&bench, &says(Occasion::Hello, 1, &[])).await;
    until_heard(&bench, 1).await;
    bench.start("k").await.expect("started");
    first.refuse().await;
    bench.until_letters(1).await;
    let letters = bench.store.kept();
    assert_eq!(letters[0].fingerprint, "first/pair/1.0.0/rejected/7");
    bench.stop().await;
}
