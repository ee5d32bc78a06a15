//! A ledger under test, where effects of transactional handlers are kept, and a worker's view of
//! the ledger that can fall asleep.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use saga_core::time::Timestamp;
use uuid::Uuid;
use worker_runtime::ledger::{
    Ask, Barred, Barrier, Begun, Closing, Found, Ledger, LedgerError, MemoryLedger, Note,
    PostgresLedger, PostgresSettings, Recording, WorkerId, migrate,
};

use crate::bench::LEASE;
use crate::config::postgres_url;
use crate::handlers::Obedient;

/// A ledger, and its database where it has one.
pub(crate) struct World {
    pub(crate) ledger: Arc<dyn Ledger>,
    database: Option<PostgresLedger>,
}

impl World {
    pub(crate) fn memory() -> Self {
        Self {
            ledger: Arc::new(MemoryLedger::with_lease(LEASE)),
            database: None,
        }
    }

    pub(crate) async fn postgres() -> Self {
        Self::postgres_without_patience(Duration::from_secs(60)).await
    }

    /// The server ends transactions that are left alone for this long.
    pub(crate) async fn postgres_without_patience(idle: Duration) -> Self {
        let settings = PostgresSettings {
            schema: format!("test {}", Uuid::now_v7()),
            lease: LEASE,
            connections: 4,
            undo_connections: 2,
            idle_in_transaction_timeout: idle,
            ..PostgresSettings::new(&postgres_url())
        };
        migrate(&settings).await.unwrap();
        let ledger = PostgresLedger::new(&settings).unwrap();
        let client = ledger.pool().get().await.unwrap();
        let table = "CREATE TABLE effects (id uuid)";
        client.batch_execute(table).await.unwrap();
        drop(client);
        Self {
            ledger: Arc::new(ledger.clone()),
            database: Some(ledger),
        }
    }

    /// Lasting effects of these transactional handlers.
    pub(crate) async fn effects(&self, handlers: &[&Obedient]) -> i64 {
        let Some(database) = &self.database else {
            return handlers.iter().map(|it| i64::from(it.effects())).sum();
        };
        let client = database.pool().get().await.unwrap();
        let count = "SELECT count(*) FROM effects";
        client.query_one(count, &[]).await.unwrap().get(0)
    }
}

/// The ledger as a process sees it that does not renew its lease: one that was stopped while a
/// handler ran, and that wakes up later.
pub(crate) struct Asleep(pub(crate) Arc<dyn Ledger>);

impl fmt::Debug for Asleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asleep")
    }
}

#[async_trait]
impl Ledger for Asleep {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn claim(&self, worker: &WorkerId, asks: &[Ask]) -> Result<Vec<Found>, LedgerError> {
        self.0.claim(worker, asks).await
    }

    async fn close(
        &self,
        worker: &WorkerId,
        closings: &[Closing],
    ) -> Result<Vec<Recording>, LedgerError> {
        self.0.close(worker, closings).await
    }

    async fn note(&self, worker: &WorkerId, notes: &[Note]) -> Result<Vec<Recording>, LedgerError> {
        self.0.note(worker, notes).await
    }

    async fn settle(&self, worker: &WorkerId, ask: &Ask) -> Result<Found, LedgerError> {
        self.0.settle(worker, ask).await
    }

    async fn bar(
        &self,
        worker: &WorkerId,
        barriers: &[Barrier],
    ) -> Result<Vec<Barred>, LedgerError> {
        self.0.bar(worker, barriers).await
    }

    async fn begin(
        &self,
        worker: &WorkerId,
        ask: &Ask,
        barrier: Option<&Barrier>,
    ) -> Result<Begun, LedgerError> {
        self.0.begin(worker, ask, barrier).await
    }

    fn lease(&self) -> Duration {
        self.0.lease()
    }

    async fn renew(&self, _worker: &WorkerId) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn leave(&self, worker: &WorkerId) -> Result<(), LedgerError> {
        self.0.leave(worker).await
    }
}
