//! What is registered, and which of it starts no new sagas.

use saga_core::definition::{Definition, DefinitionRef};
use saga_core::ids::SagaId;
use saga_core::operator::By;
use saga_core::time::Timestamp;

use super::state::State;
use crate::store::{Registration, Retirement, StoredDefinition};

impl State {
    /// Keeps a definition for ever.
    pub(super) fn register(&mut self, definition: &Definition, at: Timestamp) -> Registration {
        if let Some(stored) = self.definitions.get(&definition.reference) {
            return if stored.digest == definition.digest {
                Registration::Unchanged
            } else {
                Registration::Conflict
            };
        }
        let stored = StoredDefinition {
            reference: definition.reference.clone(),
            digest: definition.digest.clone(),
            source: definition.source.as_ref().to_owned(),
            registered_at: at,
            retired: None,
        };
        self.definitions
            .insert(definition.reference.clone(), stored);
        Registration::Added
    }

    pub(super) fn retire(&mut self, reference: &DefinitionRef, by: &By, at: Timestamp) -> bool {
        let stored = self.definitions.get_mut(reference);
        match stored.filter(|stored| stored.retired.is_none()) {
            Some(stored) => {
                let by = by.clone();
                stored.retired = Some(Retirement { at, by });
                true
            }
            None => false,
        }
    }

    pub(super) fn unretire(&mut self, reference: &DefinitionRef) -> bool {
        let stored = self.definitions.get_mut(reference);
        stored.is_some_and(|stored| stored.retired.take().is_some())
    }

    /// The newest open sagas of a version.
    pub(super) fn open_sagas(&self, reference: &DefinitionRef, limit: u32) -> Vec<SagaId> {
        self.sagas
            .iter()
            .rev()
            .filter(|(_, entry)| {
                entry.saga.definition == *reference && entry.saga.ended_at.is_none()
            })
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(|(id, _)| *id)
            .collect()
    }
}
