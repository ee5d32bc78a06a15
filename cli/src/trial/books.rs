//! What the mocked services did, by their own account.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use saga_core::ids::{SagaId, StepKey, StepName};

/// One effect: whose, of which step, element and round. Attempts of a round are one effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EffectKey {
    pub(super) saga: SagaId,
    pub(super) step: StepName,
    pub(super) element: u32,
    pub(super) round: u32,
}

impl EffectKey {
    /// The piece of work.
    pub(super) fn work(&self) -> StepKey {
        StepKey {
            step: self.step.clone(),
            element: self.element,
        }
    }
}

/// How often an effect took place, and how often it was undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Entry {
    pub(super) done: u32,
    pub(super) undone: u32,
}

impl Entry {
    /// The effect is in the world.
    pub(super) const fn stands(self) -> bool {
        self.done > 0 && self.undone == 0
    }
}

/// The books of one case. Clones are the same books.
#[derive(Debug, Clone, Default)]
pub(super) struct Books(Arc<Mutex<BTreeMap<EffectKey, Entry>>>);

impl Books {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<EffectKey, Entry>> {
        // Every change is complete when the guard is dropped, panic or not.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An effect takes place.
    pub(super) fn act(&self, key: EffectKey) {
        self.entries().entry(key).or_default().done += 1;
    }

    /// An effect is undone.
    pub(super) fn undo(&self, key: EffectKey) {
        self.entries().entry(key).or_default().undone += 1;
    }

    /// What is on record of an effect.
    pub(super) fn entry(&self, key: &EffectKey) -> Entry {
        self.entries().get(key).copied().unwrap_or_default()
    }

    /// Every effect, in the order of its key.
    pub(super) fn all(&self) -> BTreeMap<EffectKey, Entry> {
        self.entries().clone()
    }
}
