//! Which definitions are registered, and which are refused.

use std::sync::Arc;
use std::time::Duration;

use broker::memory::{MemoryBroker, MemorySettings};
use broker::topology::Topology;
use orchestrator::catalog::{Catalog, CatalogError};
use orchestrator::store::{MemoryStore, Registration, Store};
use saga_core::compiler;
use saga_core::definition::Definition;
use uuid::Uuid;

const DAY: Duration = Duration::from_hours(24);

fn living_for(lifetime: &str) -> Definition {
    let source = format!(
        "saga: long\nversion: 1.0.0\nmax_lifetime: {lifetime}\nsteps:\n  - {{ id: rest, sleep: 1h }}\n"
    );
    let compiled = compiler::compile("long.yaml", &source);
    compiled.definition.expect("it compiles")
}

fn catalog(retention: Option<Duration>) -> (Catalog, Arc<dyn Store>) {
    let begin = "2026-01-01T00:00:00Z".parse().expect("a time");
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Uuid::now_v7(), begin));
    let broker = MemoryBroker::new(MemorySettings::new(Topology::new("test")));
    let catalog = Catalog::new(Arc::clone(&store), Arc::new(broker), retention);
    (catalog, store)
}

#[tokio::test]
async fn a_saga_may_not_live_longer_than_sagas_are_kept() {
    let (catalog, store) = catalog(Some(30 * DAY));
    let refused = catalog.register(living_for("31d")).await;
    let error = refused.expect_err("its sagas would outlive what others know of them");
    assert!(
        matches!(error, CatalogError::OutlivesRetention { .. }),
        "{error:?}"
    );
    let said = error.to_string();
    for words in [
        "long 1.0.0",
        "max_lifetime of 31d",
        "kept for 30d",
        "retention.days",
    ] {
        assert!(said.contains(words), "`{words}` in {said}");
    }
    let stored = store.definitions().await.expect("the store answers");
    assert!(stored.is_empty(), "nothing of a refused one is kept");

    let added = catalog.register(living_for("30d")).await;
    assert_eq!(added.expect("just short enough"), Registration::Added);
}

#[tokio::test]
async fn where_sagas_are_kept_for_ever_they_live_as_long_as_they_say() {
    let (catalog, _) = catalog(None);
    let added = catalog.register(living_for("3000d")).await;
    assert_eq!(added.expect("registered"), Registration::Added);
}
