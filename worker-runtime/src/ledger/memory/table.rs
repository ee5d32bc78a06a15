//! The ledger over rows in memory.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use saga_core::delivery::{Standing, Verdict, on_undo};
use saga_core::time::Timestamp;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::rows::{Locked, Rows, State};
use super::transaction::MemoryTransaction;
use crate::ledger::clock::{EmbeddedClock, system_time};
use crate::ledger::contract::{Begun, Ledger};
use crate::ledger::entry::{Ask, Barred, Barrier, Closing, Found, Note, Recording, Stored};
use crate::ledger::error::LedgerError;
use crate::ledger::key::{LedgerKey, WorkerId};
use crate::ledger::limits::{LEASE, LOCK_TIMEOUT};
use crate::ledger::proof::Recorded;

/// The ledger of the embedded engine. Clones share their rows. It lives as long as the process.
#[derive(Clone)]
pub struct MemoryLedger {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    rows: Mutex<Rows>,
    /// A transaction has ended.
    freed: Notify,
    clock: EmbeddedClock,
}

impl Shared {
    pub(super) fn rows(&self) -> MutexGuard<'_, Rows> {
        // Every change of the rows is complete when the guard is dropped, panic or not.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn end(&self, key: &LedgerKey, result: Option<&Stored>) {
        self.rows().finish(key, result);
        self.freed.notify_waiters();
    }
}

impl Default for MemoryLedger {
    fn default() -> Self {
        Self::with_lease(LEASE)
    }
}

impl MemoryLedger {
    /// A ledger whose leases last this long.
    #[must_use]
    pub fn with_lease(lease: Duration) -> Self {
        Self::new(lease, system_time())
    }

    /// A ledger whose clock shows `start` now and goes as tokio's clock goes.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self::new(LEASE, start)
    }

    fn new(lease: Duration, start: Timestamp) -> Self {
        let shared = Shared {
            rows: Mutex::new(Rows::new(lease)),
            freed: Notify::new(),
            clock: EmbeddedClock::starting_at(start),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The attempt and the worker that a key is on record with, for the audit.
    #[must_use]
    pub fn holder(&self, key: &LedgerKey) -> Option<(u32, WorkerId)> {
        self.shared
            .rows()
            .get(key)
            .map(|row| (row.attempt, row.worker.clone()))
    }

    /// Tries until no open transaction is in the way; `None` when that takes too long.
    async fn unlocked<T>(
        &self,
        mut look: impl FnMut(&mut Rows) -> Result<T, Locked> + Send,
    ) -> Option<T> {
        timeout(LOCK_TIMEOUT, async {
            loop {
                let freed = self.shared.freed.notified();
                let looked = look(&mut self.shared.rows());
                match looked {
                    Ok(found) => return found,
                    Err(Locked) => freed.await,
                }
            }
        })
        .await
        .ok()
    }
}

impl fmt::Debug for MemoryLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLedger").finish_non_exhaustive()
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn claim(&self, worker: &WorkerId, asks: &[Ask]) -> Result<Vec<Found>, LedgerError> {
        let fresh = State::Started { released: None };
        let mut found = Vec::with_capacity(asks.len());
        for ask in asks {
            let claimed = self.unlocked(|rows| rows.claim(worker, ask, &fresh)).await;
            found.push(claimed.unwrap_or(Found::InProgress));
        }
        Ok(found)
    }

    async fn close(
        &self,
        worker: &WorkerId,
        closings: &[Closing],
    ) -> Result<Vec<Recording>, LedgerError> {
        let mut rows = self.shared.rows();
        Ok(closings
            .iter()
            .map(|closing| rows.close(worker, closing))
            .collect())
    }

    async fn note(&self, worker: &WorkerId, notes: &[Note]) -> Result<Vec<Recording>, LedgerError> {
        let mut noted = Vec::with_capacity(notes.len());
        for note in notes {
            let recording = self.unlocked(|rows| rows.note(worker, note)).await;
            noted.push(recording.unwrap_or(Recording::Fenced(None, Recorded::committed())));
        }
        Ok(noted)
    }

    async fn settle(&self, worker: &WorkerId, ask: &Ask) -> Result<Found, LedgerError> {
        let fresh = State::Stored(Stored::Blocked);
        let found = self.unlocked(|rows| rows.claim(worker, ask, &fresh)).await;
        Ok(found.unwrap_or(Found::InProgress))
    }

    async fn bar(
        &self,
        worker: &WorkerId,
        barriers: &[Barrier],
    ) -> Result<Vec<Barred>, LedgerError> {
        let mut barred = Vec::with_capacity(barriers.len());
        for barrier in barriers {
            let standing = self.unlocked(|rows| rows.bar(worker, barrier)).await;
            barred.push(Barred {
                standing: standing.unwrap_or(Standing::InProgress),
                recorded: Recorded::committed(),
            });
        }
        Ok(barred)
    }

    async fn begin(
        &self,
        worker: &WorkerId,
        ask: &Ask,
        barrier: Option<&Barrier>,
    ) -> Result<Begun, LedgerError> {
        if let Some(barrier) = barrier {
            let barred = self.bar(worker, std::slice::from_ref(barrier)).await?;
            let certified = barrier.output.is_some();
            let stopped = barred
                .into_iter()
                .find(|it| on_undo(it.standing, certified) != Verdict::Run);
            if let Some(barred) = stopped {
                return Ok(Begun::Barred(barred));
            }
        }
        match self.unlocked(|rows| rows.open(worker, ask)).await {
            None => Ok(Begun::Found(Found::InProgress)),
            Some(Some(found)) => Ok(Begun::Found(found)),
            Some(None) => {
                let transaction = MemoryTransaction::new(self.shared.clone(), ask.key.clone());
                Ok(Begun::Open(Box::new(transaction)))
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn lease(&self) -> Duration {
        self.shared.rows().lease
    }

    async fn renew(&self, worker: &WorkerId) -> Result<(), LedgerError> {
        self.shared.rows().renew(worker);
        Ok(())
    }

    async fn leave(&self, worker: &WorkerId) -> Result<(), LedgerError> {
        self.shared.rows().leave(worker);
        Ok(())
    }
}
