//! The embedded engine's transaction: what was changed is changed back.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::table::Shared;
use crate::ledger::contract::LedgerTransaction;
use crate::ledger::entry::Stored;
use crate::ledger::error::LedgerError;
use crate::ledger::key::LedgerKey;
use crate::ledger::proof::Recorded;

/// An open transaction of the embedded engine.
///
/// A handler changes its own data in place and says how to change it back.
pub struct MemoryTransaction {
    shared: Arc<Shared>,
    key: LedgerKey,
    undo: Vec<Box<dyn FnOnce() + Send>>,
    is_open: bool,
}

impl MemoryTransaction {
    pub(super) const fn new(shared: Arc<Shared>, key: LedgerKey) -> Self {
        Self {
            shared,
            key,
            undo: Vec::new(),
            is_open: true,
        }
    }

    /// Runs `undo` if the transaction is rolled back; the last one given runs first.
    pub fn on_rollback(&mut self, undo: impl FnOnce() + Send + 'static) {
        self.undo.push(Box::new(undo));
    }

    fn end(&mut self, result: Option<&Stored>) {
        if !self.is_open {
            return;
        }
        self.is_open = false;
        if !matches!(result, Some(Stored::Applied(_))) {
            self.undo.drain(..).rev().for_each(|undo| undo());
        }
        self.shared.end(&self.key, result);
    }
}

impl fmt::Debug for MemoryTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTransaction")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Drop for MemoryTransaction {
    fn drop(&mut self) {
        self.end(None);
    }
}

#[async_trait]
impl LedgerTransaction for MemoryTransaction {
    fn postgres(&self) -> Option<&tokio_postgres::Client> {
        None
    }

    fn memory(&mut self) -> Option<&mut MemoryTransaction> {
        Some(self)
    }

    async fn commit(mut self: Box<Self>, result: &Stored) -> Result<Recorded, LedgerError> {
        self.end(Some(result));
        Ok(Recorded::committed())
    }

    async fn roll_back(mut self: Box<Self>) -> Recorded {
        self.end(None);
        Recorded::committed()
    }

    async fn abandon(self: Box<Self>) -> Recorded {
        self.roll_back().await
    }
}
