//! Stores to test: two orchestrators, each with its own handle, on one state.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::store::{
    Batch, CommitReport, PostgresSettings, PostgresStore, SagaOutcome, Store, Transition, migrate,
};
use saga_core::ids::SagaId;
use saga_core::saga::Saga;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::{config, sample};

/// Longest wait for something that must happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Two orchestrators on one state.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) a: Arc<dyn Store>,
    pub(crate) b: Arc<dyn Store>,
}

/// A schema of its own on the test database.
pub(crate) struct Database {
    pub(crate) schema: String,
    pub(crate) admin: Client,
}

impl Database {
    /// An empty schema name and a connection that uses it.
    pub(crate) async fn empty() -> Self {
        let schema = format!("amends_test_{}", Uuid::now_v7().simple());
        let mut config: tokio_postgres::Config = config::postgres_url().parse().unwrap();
        config.options(format!("-c search_path={schema}"));
        let (admin, connection) = config
            .connect(NoTls)
            .await
            .expect("the test database answers");
        tokio::spawn(connection);
        Self { schema, admin }
    }

    /// A migrated schema.
    pub(crate) async fn migrated() -> Self {
        let database = Self::empty().await;
        migrate(&database.settings()).await.unwrap();
        database
    }

    /// Settings for a new owner.
    pub(crate) fn settings(&self) -> PostgresSettings {
        let mut settings = PostgresSettings::new(&config::postgres_url(), Uuid::now_v7());
        settings.schema.clone_from(&self.schema);
        settings.pool_size = 4;
        settings
    }

    /// A store of a new owner.
    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::connect(self.settings()).await.unwrap()
    }

    /// The first column of the only row, as text.
    pub(crate) async fn text(&self, sql: &str) -> String {
        let row = self.admin.query_one(sql, &[]).await.unwrap();
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }

    /// Removes the schema.
    pub(crate) async fn drop(self) {
        self.admin
            .batch_execute(&format!("DROP SCHEMA {} CASCADE", self.schema))
            .await
            .unwrap();
    }
}

/// Commits one transition that must succeed, and returns the saga.
pub(crate) async fn commit(store: &dyn Store, transition: Transition) -> Saga {
    let saga = Saga::clone(&transition.saga);
    let report = store.commit(&sample::batch([transition])).await.unwrap();
    assert_committed(&report, saga.id);
    saga
}

/// Commits a start and returns the saga.
pub(crate) async fn started(store: &dyn Store) -> Saga {
    commit(store, sample::start(store)).await
}

/// The one saga of that id.
pub(crate) async fn load(store: &dyn Store, id: SagaId) -> Saga {
    let (mut sagas, _) = store.load(&[id]).await.unwrap();
    assert_eq!(sagas.len(), 1, "saga {id} is stored once");
    sagas.remove(0)
}

pub(crate) fn assert_committed(report: &CommitReport, id: SagaId) {
    let outcome = report.outcome(id);
    assert!(
        matches!(outcome, Some(SagaOutcome::Committed(_))),
        "{id}: {outcome:?}"
    );
}

pub(crate) fn assert_conflict(report: &CommitReport, id: SagaId) {
    let outcome = report.outcome(id);
    assert!(
        matches!(outcome, Some(SagaOutcome::Conflict)),
        "{id}: {outcome:?}"
    );
}

pub(crate) fn assert_poisoned(report: &CommitReport, id: SagaId) {
    let outcome = report.outcome(id);
    assert!(
        matches!(outcome, Some(SagaOutcome::Poisoned(_))),
        "{id}: {outcome:?}"
    );
}

pub(crate) fn assert_key_taken(report: &CommitReport, id: SagaId, holder: SagaId) {
    let outcome = report.outcome(id);
    assert!(
        matches!(outcome, Some(SagaOutcome::KeyTaken(by)) if *by == holder),
        "{id}: {outcome:?}, and not taken by {holder}"
    );
}

/// An empty batch but for confirmed messages.
pub(crate) fn confirmed(ids: impl IntoIterator<Item = saga_core::ids::MessageId>) -> Batch {
    Batch {
        confirmed: ids.into_iter().collect(),
        ..Batch::default()
    }
}

/// Repeats an async condition until it holds; panics after [`DEADLINE`].
macro_rules! eventually {
    ($condition:expr) => {{
        let started = tokio::time::Instant::now();
        while !$condition {
            assert!(
                started.elapsed() < $crate::stores::DEADLINE,
                "{}",
                stringify!($condition)
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }};
}
pub(crate) use eventually;
