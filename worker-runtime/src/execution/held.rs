//! The keys and claims that this process is working on.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::ledger::LedgerKey;

/// The keys that this process is working on, so that a duplicate does not even reach the ledger,
/// and how many claims it holds.
#[derive(Clone)]
pub(super) struct Held {
    keys: Arc<Mutex<HashSet<LedgerKey>>>,
    claims: Arc<watch::Sender<usize>>,
}

impl Held {
    pub(super) fn new() -> Self {
        Self {
            keys: Arc::default(),
            claims: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Takes a key until the guard is dropped; `None` when it is taken.
    pub(super) fn take(&self, key: &LedgerKey) -> Option<HeldKey> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.clone()).then(|| HeldKey {
            held: self.clone(),
            key: key.clone(),
        })
    }

    /// Counts a claim until the guard is dropped: the lease is renewed while there is one.
    pub(super) fn claim(&self) -> HeldClaim {
        self.claims.send_modify(|count| *count += 1);
        HeldClaim { held: self.clone() }
    }

    /// How many claims are held.
    pub(super) fn claims(&self) -> watch::Receiver<usize> {
        self.claims.subscribe()
    }
}

/// A key that is taken.
pub(super) struct HeldKey {
    held: Held,
    key: LedgerKey,
}

impl Drop for HeldKey {
    fn drop(&mut self) {
        let mut keys = self
            .held
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        keys.remove(&self.key);
    }
}

/// A claim that is counted.
pub(super) struct HeldClaim {
    held: Held,
}

impl Drop for HeldClaim {
    fn drop(&mut self) {
        self.held.claims.send_modify(|count| *count -= 1);
    }
}
