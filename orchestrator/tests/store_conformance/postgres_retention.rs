//! An orchestrator looks after the days by itself, from its start on.

use std::sync::Arc;
use std::time::Duration;

use broker::memory::{MemoryBroker, MemorySettings};
use broker::topology::Topology;
use orchestrator::orchestrator::{Orchestrator, OrchestratorSettings};
use orchestrator::store::Store;
use saga_core::saga::Phase;

use crate::sample;
use crate::stores::{Database, commit, eventually, started};
use crate::suite_days::{ago, id_at};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orchestrator_opens_days_and_drops_them() {
    let database = Database::migrated().await;
    let store = Arc::new(database.store().await);
    // Both have started before their days were open.
    let young = started(&*store).await;
    let begun = ago(&*store, DAY * 40);
    let mut start = sample::start(&*store);
    sample::edit(&mut start, |saga| {
        saga.id = id_at(begun);
        saga.started_at = begun;
    });
    let old = commit(&*store, start).await;
    let mut end = sample::close(&*store, &old, Phase::Completed);
    let ended = ago(&*store, DAY * 39);
    sample::edit(&mut end, |saga| saga.ended_at = Some(ended));
    commit(&*store, end).await;

    let topology = Topology::new("days");
    let orchestrator = Orchestrator::start(
        Arc::clone(&store) as Arc<dyn Store>,
        Arc::new(MemoryBroker::new(MemorySettings::new(topology.clone()))),
        topology,
        OrchestratorSettings {
            retention: Some(DAY * 30),
            ..OrchestratorSettings::default()
        },
    );
    let orchestrator = orchestrator.await.unwrap();
    // A week ahead, before anything is consumed.
    let ahead = store.days(store.now()).await.unwrap();
    let week = id_at(store.now().after(DAY * 7));
    for saga in [young.id, week] {
        let is_in =
            |day: &orchestrator::store::StoredDay| (day.day.first..day.day.beyond).contains(&saga);
        assert!(ahead.iter().any(is_in), "{saga}: {ahead:?}");
    }
    let strays = "SELECT count(*)::text FROM saga_events_default";
    assert_eq!(database.text(strays).await, "0");
    let metrics = orchestrator.engine().shared().metrics.encode().unwrap();
    let moved = "amends_stray_rows_moved_total 3";
    assert!(metrics.lines().any(|line| line == moved), "{metrics}");
    assert!(
        metrics.lines().any(|line| line == "amends_stray_rows 0"),
        "{metrics}"
    );

    eventually!(store.history(old.id, 0, 10).await.unwrap().is_empty());
    let left = store.days(store.now()).await.unwrap();
    assert!(left.iter().all(|day| day.day.beyond > young.id), "{left:?}");
    assert_eq!(store.load(&[old.id]).await.unwrap().0, []);
    assert_eq!(store.history(young.id, 0, 10).await.unwrap().len(), 1);
    orchestrator.shutdown(Duration::from_secs(10)).await;
    drop(store);
    database.drop().await;
}
