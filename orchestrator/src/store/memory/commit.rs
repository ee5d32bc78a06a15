//! Writing a batch into memory, saga by saga.

use std::collections::BTreeSet;
use std::sync::Arc;

use saga_core::ids::SagaId;
use saga_core::time::Timestamp;
use saga_core::values::ValueKey;
use uuid::Uuid;

use super::state::{OutboxEntry, SagaEntry, State};
use crate::store::{Batch, CommitReport, Committed, SagaOutcome, StoreError, Transition};

/// The largest element that a table's `integer` holds.
const ELEMENT_MAX: u32 = i32::MAX.unsigned_abs();

impl State {
    /// Writes a batch as one step: nobody sees half of it.
    pub(super) fn commit(
        &mut self,
        batch: &Batch,
        owner: Uuid,
        now: Timestamp,
    ) -> Result<CommitReport, StoreError> {
        let mut report = CommitReport::committed();
        let sound = batch.sound_transitions(&mut report)?;
        for id in &batch.confirmed {
            self.outbox.remove(id);
        }
        for transition in sound {
            report.record(transition.saga.id, self.write(transition, owner, now));
        }
        for letter in &batch.dead_letters {
            let outcome = letter.saga.and_then(|saga| report.outcome(saga));
            let unheard = matches!(
                outcome,
                Some(SagaOutcome::Conflict | SagaOutcome::KeyTaken(_))
            );
            if !unheard {
                self.dead_letters
                    .entry(letter.id)
                    .or_insert_with(|| letter.clone());
            }
        }
        Ok(report)
    }

    /// Writes one transition, if it wins.
    pub(super) fn write(
        &mut self,
        transition: &Transition,
        owner: Uuid,
        now: Timestamp,
    ) -> SagaOutcome {
        let id = transition.saga.id;
        let stored = self.sagas.get(&id).map_or(0, |entry| entry.saga.version);
        if let Some(key) = &transition.start_key {
            match self.keys.get(key) {
                Some(holder) if *holder == id => return SagaOutcome::Conflict,
                Some(holder) if self.may_replace(transition, *holder) => {}
                Some(holder) => return SagaOutcome::KeyTaken(*holder),
                None => {}
            }
        }
        if stored != transition.expected {
            return SagaOutcome::Conflict;
        }
        if let Some(reason) = self.refusal(transition) {
            return SagaOutcome::Poisoned(reason);
        }
        if let Some(key) = &transition.start_key {
            self.keys.insert(key.clone(), id);
        }
        self.write_matched(transition, owner, now);
        SagaOutcome::Committed(Committed::new())
    }

    fn write_matched(&mut self, transition: &Transition, owner: Uuid, now: Timestamp) {
        let saga = &transition.saga;
        let entry = self.sagas.entry(saga.id).or_insert_with(|| SagaEntry {
            saga: Arc::clone(saga),
            wake_at: None,
            events: Vec::new(),
        });
        let earliest = entry.wake_at.into_iter().chain(transition.wake_at).min();
        entry.wake_at = if saga.ended_at.is_none() {
            earliest
        } else {
            None
        };
        entry.saga = Arc::clone(saga);
        entry.events.extend(transition.events.iter().cloned());
        for (key, value) in &transition.values {
            self.values
                .insert((saga.id, key.clone()), Arc::clone(value));
        }
        for good in &transition.good {
            let key = (good.action.clone(), good.input);
            let value = ValueKey::Output(good.key.clone());
            self.good.insert(key, (now, saga.id, value));
        }
        for message in &transition.outbox {
            let message_row = OutboxEntry {
                owner,
                created_at: now,
                message: message.message.clone(),
            };
            self.outbox.insert(message.id, message_row);
        }
    }

    /// Whether the transition takes the key over from a saga that is closed.
    fn may_replace(&self, transition: &Transition, holder: SagaId) -> bool {
        let closed = self.sagas.get(&holder);
        transition.replaces == Some(holder)
            && closed.is_some_and(|entry| entry.saga.phase.is_closed())
    }

    /// What a table would refuse.
    fn refusal(&self, transition: &Transition) -> Option<String> {
        let too_large = transition.values.iter().any(|(key, _)| match key {
            ValueKey::Output(key) | ValueKey::Item(key) => key.element > ELEMENT_MAX,
            ValueKey::Signal(number) => *number > ELEMENT_MAX,
            ValueKey::Input | ValueKey::Result | ValueKey::LastGood(..) => false,
        });
        if too_large {
            return Some(format!("an element is greater than {ELEMENT_MAX}"));
        }
        let id = transition.saga.id;
        let mut fresh = BTreeSet::new();
        let written_twice = transition
            .values
            .iter()
            .any(|(key, _)| !fresh.insert(key) || self.values.contains_key(&(id, key.clone())));
        if written_twice {
            return Some("a value is written twice; values never change".to_owned());
        }
        let mut sent = transition.outbox.iter().map(|message| message.id);
        let sent_twice = sent.any(|id| self.outbox.contains_key(&id));
        sent_twice.then(|| "a message is written twice".to_owned())
    }
}
