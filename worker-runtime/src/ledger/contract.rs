//! The seam between the pipeline and the place where the ledger is kept.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use saga_core::time::Timestamp;

use super::entry::{Ask, Barred, Barrier, Closing, Found, Note, Recording, Stored};
use super::error::LedgerError;
use super::key::WorkerId;
use super::memory::MemoryTransaction;
use super::proof::Recorded;

/// The idempotency table: in PostgreSQL, or in memory for the embedded engine.
///
/// Batches answer in the order they were asked in, and no batch holds a key twice. Waiting for
/// another's open transaction is bounded by 200 ms everywhere; then the key is in progress.
#[async_trait]
pub trait Ledger: Send + Sync + fmt::Debug {
    /// Claims keys for outside calls. The claims are committed, and to disk, when this returns:
    /// a claim that a crash could lose would let settling say that a call was never made.
    ///
    /// A claim that this worker holds already is taken over like one that is over, so the caller
    /// asks only for keys that it is not working on.
    async fn claim(&self, worker: &WorkerId, asks: &[Ask]) -> Result<Vec<Found>, LedgerError>;

    /// Closes claims that are still held.
    async fn close(
        &self,
        worker: &WorkerId,
        closings: &[Closing],
    ) -> Result<Vec<Recording>, LedgerError>;

    /// Puts the results of calls without effect on record, where there is none yet. Such a call needs
    /// no claim: a second one does no harm, and is answered with what the first recorded. Where that is the
    /// same, it counts as recorded.
    async fn note(&self, worker: &WorkerId, notes: &[Note]) -> Result<Vec<Recording>, LedgerError>;

    /// Blocks an action's key if it is absent, and claims it if its call was interrupted.
    async fn settle(&self, worker: &WorkerId, ask: &Ask) -> Result<Found, LedgerError>;

    /// Closes actions that are about to be undone, where that can be done.
    async fn bar(
        &self,
        worker: &WorkerId,
        barriers: &[Barrier],
    ) -> Result<Vec<Barred>, LedgerError>;

    /// Opens the transaction in which a transactional handler works, and takes the key in it.
    /// For an undo, the barrier stands in the same transaction.
    async fn begin(
        &self,
        worker: &WorkerId,
        ask: &Ask,
        barrier: Option<&Barrier>,
    ) -> Result<Begun, LedgerError>;

    /// The time by which deadlines are judged. That saves work and decides nothing, so this
    /// process's own clock will do.
    fn now(&self) -> Timestamp;

    /// How long a lease lasts; it is renewed three times as often.
    fn lease(&self) -> Duration;

    /// Prolongs the worker's lease. Called only while it holds claims.
    async fn renew(&self, worker: &WorkerId) -> Result<(), LedgerError>;

    /// Ends the worker's lease, once it holds no claims.
    async fn leave(&self, worker: &WorkerId) -> Result<(), LedgerError>;
}

/// What became of beginning a transaction.
pub enum Begun {
    /// The key is taken.
    Open(Box<dyn LedgerTransaction>),
    /// The barrier says that it does not come to that. What it found is committed.
    Barred(Barred),
    /// The key is no longer free.
    Found(Found),
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(_) => f.write_str("Open"),
            Self::Barred(barred) => f.debug_tuple("Barred").field(barred).finish(),
            Self::Found(found) => f.debug_tuple("Found").field(found).finish(),
        }
    }
}

/// An open transaction that holds a key. Dropped, it is rolled back.
///
/// Handlers write through [`postgres`](Self::postgres); the rest is the pipeline's.
#[async_trait]
pub trait LedgerTransaction: Send {
    /// The connection, inside the transaction; `None` on the embedded engine.
    ///
    /// Beginning, committing and rolling back are the pipeline's business. A handler that does so
    /// itself spoils the unit of work, as does one that ignores a failed statement.
    fn postgres(&self) -> Option<&tokio_postgres::Client>;

    /// The embedded engine's transaction; `None` on PostgreSQL.
    fn memory(&mut self) -> Option<&mut MemoryTransaction>;

    /// Commits. With [`Stored::Applied`] the effect is kept, with anything else it is undone and
    /// only the result stays.
    async fn commit(self: Box<Self>, result: &Stored) -> Result<Recorded, LedgerError>;

    /// Undoes everything, the key included.
    async fn roll_back(self: Box<Self>) -> Recorded;

    /// The same for a handler that was cut off: what it left running is stopped.
    async fn abandon(self: Box<Self>) -> Recorded;
}
