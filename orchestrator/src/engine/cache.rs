//! The sagas a lane has seen lately. Compare-and-set is the truth; this only saves reading.

use std::collections::HashMap;
use std::sync::Arc;

use saga_core::ids::SagaId;
use saga_core::saga::Saga;
use saga_core::values::Values;

/// Sagas in one generation. There are two, so a lane keeps at most twice as many: of a saga with an
/// input of 2 KiB some 7 KiB each.
const GENERATION_SAGAS_MAX: usize = 1024;

/// What is known of one saga.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) saga: Arc<Saga>,
    pub(super) values: Values,
}

/// Two generations: what was not used while one filled up is forgotten with the older.
#[derive(Debug, Default)]
pub(super) struct Cache {
    young: HashMap<SagaId, Known>,
    old: HashMap<SagaId, Known>,
}

impl Cache {
    pub(super) fn get(&mut self, id: SagaId) -> Option<&mut Known> {
        if let Some(known) = self.old.remove(&id) {
            self.put(id, known);
        }
        self.young.get_mut(&id)
    }

    pub(super) fn put(&mut self, id: SagaId, known: Known) {
        if self.young.len() >= GENERATION_SAGAS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&id);
        self.young.insert(id, known);
    }

    pub(super) fn forget(&mut self, id: SagaId) {
        self.young.remove(&id);
        self.old.remove(&id);
    }
}
