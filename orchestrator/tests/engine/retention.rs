//! Sagas are forgotten by the orchestrators themselves, some time after they have ended.

use std::sync::Arc;
use std::time::Duration;

use broker::memory::{MemoryBroker, MemorySettings};
use broker::topology::Topology;
use orchestrator::engine::StartRequest;
use orchestrator::orchestrator::{Orchestrator, OrchestratorSettings};
use orchestrator::store::{MemoryStore, Store};
use saga_core::compiler;
use saga_core::saga::Status;
use serde_json::json;
use uuid::Uuid;

const NAP: &str = "
saga: nap
version: 1.0.0
max_lifetime: 2h
steps:
  - { id: rest, sleep: 1h }
";

#[tokio::test(start_paused = true)]
async fn a_saga_is_forgotten_in_one_of_the_passes_that_are_made_every_hour() {
    let topology = Topology::new("test");
    let broker = Arc::new(MemoryBroker::new(MemorySettings::new(topology.clone())));
    let begin = "2026-01-01T20:00:00Z".parse().unwrap();
    let store = MemoryStore::new(Uuid::now_v7(), begin);
    let settings = OrchestratorSettings {
        retention: Some(Duration::from_hours(3)),
        ..OrchestratorSettings::default()
    };
    let own: Arc<dyn Store> = Arc::new(store.another_owner(Uuid::now_v7()));
    let started = Orchestrator::start(own, broker, topology, settings).await;
    let orchestrator = started.unwrap();
    let engine = orchestrator.engine();
    let definition = Arc::new(compiler::compile("nap", NAP).definition.unwrap());
    let catalog = &engine.shared().catalog;
    catalog.register(Arc::clone(&definition)).await.unwrap();
    let request = StartRequest {
        definition,
        input: json!({}),
        key: None,
        labels: Default::default(),
    };
    let saga = engine.start(request).await.unwrap().saga;

    let status = async || {
        let (found, _) = store.load(&[saga]).await.unwrap();
        found.first().map(|saga| saga.status())
    };
    // It ends at nine; its day is over at midnight, and looked at until three hours after that.
    tokio::time::sleep(Duration::from_hours(6)).await;
    assert_eq!(status().await, Some(Status::Completed));
    tokio::time::sleep(Duration::from_hours(3)).await;
    assert_eq!(status().await, None);
    orchestrator.shutdown(Duration::from_secs(10)).await;
}
