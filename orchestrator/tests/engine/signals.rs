//! Signals: by the engine and by message, early, doubled, for nobody.

use std::sync::Arc;

use broker::envelope::signal::{self, SignalEnvelope, SignalTarget};
use saga_core::ids::SagaId;
use saga_core::input::Signal;
use saga_core::saga::Status;
use serde_json::json;
use uuid::Uuid;

use crate::bench::Bench;

const DEFINITION: &str = "
saga: account
version: 1.0.0
key: ${input.key}
steps:
  - { id: first, wait_for: { signal: approved } }
  - { id: second, wait_for: { signal: approved } }
output: { by: [\"${steps.first.output}\", \"${steps.second.output}\"] }
";

fn approved(id: &str, by: &str) -> Signal {
    Signal {
        id: id.to_owned(),
        name: "approved".into(),
        payload: Arc::new(json!(by)),
    }
}

#[tokio::test]
async fn each_signal_ends_one_wait_and_a_doubled_one_counts_once() {
    let bench = Bench::with_orchestrators(1).await;
    bench.register(DEFINITION).await;
    let started = bench.start_of(0, "account", json!({ "key": "k" })).await;
    let saga = started.expect("started").saga;
    let engine = bench.engine();
    for _ in 0..2 {
        let told = engine.signal(saga, approved("s-1", "ada")).await;
        told.expect("it is on disk");
    }
    assert_eq!(bench.until(saga, Status::Running).await.signals.len(), 1);
    let to = SignalTarget::Key {
        definition: "account".to_owned(),
        key: "k".to_owned(),
    };
    let signal = approved("s-2", "bob");
    let message = signal::encode(&bench.topology, &SignalEnvelope { to, signal });
    bench.publish(vec![message]).await;
    bench.until(saga, Status::Completed).await;
    let refused = engine.signal(saga, approved("s-3", "cid")).await;
    assert!(refused.is_err(), "a completed saga takes no signal");
    bench.stop().await;
}

#[tokio::test]
async fn a_signal_that_nobody_takes_is_kept_for_people() {
    let bench = Bench::with_orchestrators(1).await;
    let to = SignalTarget::Saga(SagaId(Uuid::now_v7()));
    let signal = approved("s-1", "ada");
    let message = signal::encode(&bench.topology, &SignalEnvelope { to, signal });
    bench.publish(vec![message]).await;
    let reasons = bench.until_letters(1).await;
    assert!(reasons[0].contains("there is no saga"), "{reasons:?}");
    bench.stop().await;
}
