//! More starts than the store can take.

use std::time::Duration;

use orchestrator::admission::AdmissionSettings;
use orchestrator::orchestrator::OrchestratorSettings;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use crate::server::{Answer, Server, exchange};

/// What the store needs for one saga: 200 starts a second, in one lane.
const START_TAKES_MICROS: u32 = 5_000;

/// Half as many as it can take, and five times as many.
const FEW: Duration = Duration::from_millis(10);
const MANY: Duration = Duration::from_millis(1);

/// One start.
struct Asked {
    key: String,
    answer: Answer,
    took: Duration,
}

fn body(key: &str) -> String {
    json!({ "definition": "patient", "key": key, "input": {} }).to_string()
}

/// Sends starts one after the other, whatever becomes of those before.
async fn starts(server: &Server, name: &str, every: Duration, count: usize) -> Vec<Asked> {
    let (mut ticks, mut under_way) = (interval(every), JoinSet::new());
    for number in 0..count {
        ticks.tick().await;
        let (address, key) = (server.address.clone(), format!("{name}-{number}"));
        under_way.spawn(async move {
            let began = Instant::now();
            let answer = exchange(&address, "POST", "/v1/sagas", &[], &body(&key)).await;
            let took = began.elapsed();
            Asked { key, answer, took }
        });
    }
    under_way.join_all().await
}

fn with_status(asked: &[Asked], status: u16) -> Vec<&Asked> {
    let asked = asked.iter();
    asked.filter(|it| it.answer.status == status).collect()
}

/// The clock is tokio's, so how busy the machine is makes no difference.
#[tokio::test(start_paused = true)]
async fn starts_that_are_too_many_are_refused_and_the_others_are_quick() {
    let server = Server::set(OrchestratorSettings {
        lanes: 1,
        ..OrchestratorSettings::default()
    })
    .await;
    server.commit_takes(START_TAKES_MICROS);
    let few = starts(&server, "few", FEW, 200).await;
    assert_eq!(with_status(&few, 201).len(), few.len());

    // The share that can be let in is found by trying.
    let first = starts(&server, "first", MANY, 1_500).await;
    let slowest = with_status(&first, 201).iter().map(|it| it.took).max();
    assert!(slowest < Some(Duration::from_millis(3_500)), "{slowest:?}");

    let many = starts(&server, "many", MANY, 3_000).await;
    let (started, refused) = (with_status(&many, 201), with_status(&many, 429));
    assert_eq!(started.len() + refused.len(), many.len());
    // It can store 600 in the time.
    assert!((450..750).contains(&started.len()), "{}", started.len());
    let mut took: Vec<Duration> = started.iter().map(|it| it.took).collect();
    took.sort();
    let p99 = took[took.len() * 99 / 100];
    assert!(p99 < Duration::from_millis(1_200), "{p99:?}");
    refused.iter().for_each(|it| is_told_to_come_again(it));
    let metrics = server.send("GET", "/metrics", &[], "").await.body;
    let refusals = refused.len() + with_status(&first, 429).len();
    let counted = format!("amends_starts_refused_total{{pressure=\"lane\"}} {refusals}");
    assert!(metrics.contains(&counted), "{metrics}");

    sleep(Duration::from_secs(10)).await;
    let few = starts(&server, "again", FEW, 200).await;
    assert_eq!(with_status(&few, 201).len(), few.len(), "it has recovered");
    // The same start again: what was refused was not begun, what was begun is not begun twice.
    for (before, status) in [(refused[0], 201), (started[0], 200)] {
        let answer = server
            .send("POST", "/v1/sagas", &[], &body(&before.key))
            .await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

fn is_told_to_come_again(asked: &Asked) {
    let (answer, problem) = (&asked.answer, asked.answer.json());
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..60).contains(&seconds), "{answer:?}");
    assert_eq!(problem["retry_after_seconds"], seconds);
    assert_eq!(answer.code(), "overload");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("nothing was started") && detail.contains("same key"),
        "{detail}"
    );
    assert!(
        asked.took < Duration::from_millis(100),
        "refused after {:?}",
        asked.took
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_sagas_are_open_than_may_be() {
    let settings = OrchestratorSettings {
        admission: AdmissionSettings {
            open_sagas_max: Some(3),
            ..AdmissionSettings::default()
        },
        ..OrchestratorSettings::default()
    };
    let server = Server::set(settings).await;
    let mut sagas = Vec::new();
    for key in ["a", "b", "c"] {
        let answer = server.send("POST", "/v1/sagas", &[], &body(key)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        sagas.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    let refused = server.send("POST", "/v1/sagas", &[], &body("d")).await;
    assert_eq!((refused.status, &*refused.code()), (429, "overload"));
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    sleep(Duration::from_secs(3)).await;
    let refused = server.send("POST", "/v1/sagas", &[], &body("d")).await;
    assert_eq!(refused.status, 429, "counted: {refused:?}");

    let path = format!("/v1/sagas/{}/cancel", sagas[0]);
    let because = json!({ "reason": "room for another" }).to_string();
    let cancelled = server.send("POST", &path, &[], &because).await;
    assert_eq!(cancelled.status, 200, "a verb is heard: {cancelled:?}");
    sleep(Duration::from_secs(3)).await;
    let started = server.send("POST", "/v1/sagas", &[], &body("d")).await;
    assert_eq!(started.status, 201, "{started:?}");
}
