//! What people ask of a memory store.

use std::collections::BTreeSet;

use saga_core::event::Event;
use saga_core::ids::SagaId;
use saga_core::saga::{Saga, Status};
use serde_json::Value;

use super::state::State;
use crate::store::day::first_saga_id;
use crate::store::{
    CLUES_MAX, Clues, LetterClue, LetterRecord, PAGE_ROWS_MAX, Page, SagaFilter, SagaSummary,
    StatePage,
};

impl State {
    /// A saga's events after a sequence number.
    pub(super) fn history(&self, id: SagaId, after: u64, limit: u32) -> Vec<Event> {
        let events = self.sagas.get(&id).into_iter().flat_map(|it| &it.events);
        events
            .filter(|event| event.seq > after)
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .cloned()
            .collect()
    }

    /// Sagas, newest first.
    pub(super) fn list(&self, filter: &SagaFilter) -> Page {
        let StatePage { sagas, next } = self.list_states(filter);
        let sagas = sagas.iter().map(SagaSummary::of).collect();
        Page { sagas, next }
    }

    /// The same with their control state.
    pub(super) fn list_states(&self, filter: &SagaFilter) -> StatePage {
        let limit = usize::try_from(filter.limit.clamp(1, PAGE_ROWS_MAX)).unwrap_or(1);
        let older = |id: &SagaId| filter.before.is_none_or(|before| *id < before);
        let matching = self.sagas.iter().rev().filter(|(id, _)| older(id));
        let mut sagas: Vec<Saga> = matching
            .filter(|(_, entry)| {
                matches(&entry.saga, filter) && self.has_letter(&entry.saga, filter)
            })
            .take(limit + 1)
            .map(|(_, entry)| Saga::clone(&entry.saga))
            .collect();
        let more = sagas.len() > limit;
        sagas.truncate(limit);
        let next = if more {
            sagas.last().map(|saga| saga.id)
        } else {
            None
        };
        StatePage { sagas, next }
    }

    fn has_letter(&self, saga: &Saga, filter: &SagaFilter) -> bool {
        filter.letter_group.as_ref().is_none_or(|group| {
            self.dead_letters
                .values()
                .any(|LetterRecord { summary, .. }| {
                    summary.saga == Some(saga.id)
                        && summary.fingerprint == *group
                        && summary.handled.is_none()
                })
        })
    }

    /// What is known of the commands of these sagas.
    pub(super) fn clues(&self, ids: &[SagaId]) -> Clues {
        let limit = usize::try_from(CLUES_MAX).unwrap_or(usize::MAX);
        let ids: BTreeSet<&SagaId> = ids.iter().collect();
        let unsent = self.outbox.iter().filter(|(id, _)| ids.contains(&id.saga));
        let open = |letter: &&LetterRecord| letter.summary.handled.is_none();
        let letters = self
            .dead_letters
            .values()
            .filter(open)
            .filter_map(|letter| {
                let saga = letter.summary.saga.filter(|saga| ids.contains(saga))?;
                let message_id = letter.properties.get("message_id").and_then(Value::as_str);
                Some(LetterClue {
                    saga,
                    id: letter.summary.id,
                    message_id: message_id.map(str::to_owned),
                    reason: letter.summary.reason.clone(),
                })
            });
        Clues {
            unsent: unsent
                .map(|(id, entry)| (*id, entry.created_at))
                .take(limit)
                .collect(),
            letters: letters.take(limit).collect(),
        }
    }

    /// How many sagas are open, by status.
    pub(super) fn open_counts(&self) -> Vec<(Status, u64)> {
        let mut counts = std::collections::BTreeMap::new();
        for entry in self
            .sagas
            .values()
            .filter(|entry| entry.saga.ended_at.is_none())
        {
            *counts.entry(entry.saga.status()).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }
}

fn matches(saga: &Saga, filter: &SagaFilter) -> bool {
    filter.id.is_none_or(|id| saga.id == id)
        && (filter.statuses.is_empty() || filter.statuses.contains(&saga.status()))
        && filter
            .version
            .as_ref()
            .is_none_or(|version| saga.definition.version.to_string() == *version)
        && filter
            .definition
            .as_ref()
            .is_none_or(|name| *saga.definition.name == **name)
        && filter
            .key
            .as_ref()
            .is_none_or(|key| saga.key.as_ref() == Some(key))
        && filter
            .label
            .as_ref()
            .is_none_or(|(name, value)| saga.labels.get(name) == Some(value))
        && filter
            .since
            .is_none_or(|since| saga.id >= first_saga_id(since))
}
