//! A handle on sagas in memory.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use saga_core::time::Timestamp;
use uuid::Uuid;

use super::clock::MemoryClock;
use super::state::State;
use crate::store::{LetterRecord, StoredDeadLetter};

/// Sagas in memory. Each handle is one orchestrator; handles made with
/// [`another_owner`](Self::another_owner) share one state, like processes that share a database.
#[derive(Debug)]
pub struct MemoryStore {
    pub(super) owner: Uuid,
    pub(super) clock: Arc<MemoryClock>,
    pub(super) state: Arc<Mutex<State>>,
    /// Held while transitions are written, and by a judge from reading to writing. It is not the
    /// state's own lock, so that a judge may ask this store for the time or an id.
    pub(super) writing: Arc<Mutex<()>>,
    /// What a commit takes for each saga, in microseconds.
    pub(super) commit_takes_micros: Arc<AtomicU32>,
}

impl MemoryStore {
    /// An empty store whose clock shows `start` now and goes as tokio's clock goes.
    #[must_use]
    pub fn new(owner: Uuid, start: Timestamp) -> Self {
        let clock = Arc::new(MemoryClock::starting_at(start));
        Self {
            owner,
            clock,
            state: Arc::default(),
            writing: Arc::default(),
            commit_takes_micros: Arc::default(),
        }
    }

    /// A handle on the same state for another orchestrator.
    #[must_use]
    pub fn another_owner(&self, owner: Uuid) -> Self {
        Self {
            owner,
            clock: Arc::clone(&self.clock),
            state: Arc::clone(&self.state),
            writing: Arc::clone(&self.writing),
            commit_takes_micros: Arc::clone(&self.commit_takes_micros),
        }
    }

    /// From now on commits take so long for each saga in them, as those of a busy database do.
    pub fn commit_takes(&self, micros: u32) {
        self.commit_takes_micros.store(micros, Ordering::Relaxed);
    }

    /// Every dead letter, by id.
    #[must_use]
    pub fn kept(&self) -> Vec<StoredDeadLetter> {
        let state = self.state();
        state
            .dead_letters
            .values()
            .map(LetterRecord::stored)
            .collect()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A judge that panics has written nothing, so the lock is as good as before.
    pub(super) fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
