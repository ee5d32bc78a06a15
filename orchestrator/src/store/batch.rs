//! What one commit writes, and what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use broker::message::Outgoing;
use saga_core::decision::Good;
use saga_core::event::Event;
use saga_core::ids::{MessageId, SagaId};
use saga_core::saga::Saga;
use saga_core::time::Timestamp;
use saga_core::values::ValueKey;
use serde_json::Value;
use uuid::Uuid;

use super::committed::Committed;
use super::contract::StoreError;

/// Longest business key, in bytes. The tables say the same.
pub const KEY_BYTES_MAX: usize = 1024;

/// Everything that one statement writes: all of it, or for each saga none of it.
#[derive(Debug, Default)]
pub struct Batch {
    /// At most one per saga; several inputs of a saga are folded before.
    pub transitions: Vec<Transition>,
    /// Outbox rows that the broker has confirmed; they are deleted.
    pub confirmed: Vec<MessageId>,
    /// Messages that nobody could read; they are kept for people.
    pub dead_letters: Vec<StoredDeadLetter>,
}

/// What becomes of one saga.
#[derive(Debug, Clone)]
pub struct Transition {
    /// The saga after its events. Its `version` is the new one.
    pub saga: Arc<Saga>,
    /// The version the decision was made on; 0 for a saga that is new.
    pub expected: u64,
    /// The new events, `expected + 1 ..= saga.version`.
    pub events: Vec<Event>,
    /// New values.
    pub values: Vec<(ValueKey, Arc<Value>)>,
    /// What to send.
    pub outbox: Vec<OutboxMessage>,
    /// When the saga must be looked at again. A stored earlier time is kept, except that a closed
    /// saga has none.
    pub wake_at: Option<Timestamp>,
    /// For a new saga with a business key.
    pub start_key: Option<StartKey>,
    /// The closed saga that it takes the key over from.
    pub replaces: Option<SagaId>,
    /// Outputs that later failures of the same operation may fall back to.
    pub good: Vec<Good>,
}

/// A message that waits for the broker's confirm.
#[derive(Debug, Clone)]
pub struct OutboxMessage {
    /// Its id; the row's key.
    pub id: MessageId,
    /// The message.
    pub message: Outgoing,
}

/// The business key of a new saga. Once a saga has it, every later start of that definition name
/// with that key finds this saga, open or closed, until another one takes it over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StartKey {
    /// The definition's name, without its version.
    pub definition: Arc<str>,
    /// The key.
    pub key: String,
}

/// A message that could not be understood or processed, with its raw bytes.
#[derive(Debug, Clone)]
pub struct StoredDeadLetter {
    /// Its id in the table: the same for the same message.
    pub id: Uuid,
    /// The saga it belongs to, where that could be read.
    pub saga: Option<SagaId>,
    /// The queue it came from.
    pub queue: String,
    /// Why it is here, for people.
    pub reason: String,
    /// Same cause, same fingerprint.
    pub fingerprint: String,
    /// Properties as JSON.
    pub properties: Value,
    /// The raw bytes.
    pub body: Vec<u8>,
}

/// What a commit did, saga by saga.
#[derive(Debug, Default)]
pub struct CommitReport {
    outcomes: BTreeMap<SagaId, SagaOutcome>,
    proof: Option<Committed>,
}

/// What a commit did with one saga.
#[derive(Debug, Clone)]
pub enum SagaOutcome {
    /// Written. Under a lock also: judged, and nothing was to be written.
    Committed(Committed),
    /// Somebody else moved it first; load and decide again.
    Conflict,
    /// Not started: this saga has its business key.
    KeyTaken(SagaId),
    /// The database cannot hold what the transition says; nothing of it is written.
    Poisoned(String),
}

impl CommitReport {
    /// The report of a batch whose statement was committed.
    pub(in crate::store) const fn committed() -> Self {
        Self {
            outcomes: BTreeMap::new(),
            proof: Some(Committed::new()),
        }
    }

    /// Proof that the batch's dead letters are on disk; each saga has its own outcome.
    #[must_use]
    pub const fn proof(&self) -> Option<Committed> {
        self.proof
    }

    /// Records what became of a saga.
    pub(in crate::store) fn record(&mut self, saga: SagaId, outcome: SagaOutcome) {
        self.outcomes.insert(saga, outcome);
    }

    /// What became of a saga; `None` when the batch did not have it.
    #[must_use]
    pub fn outcome(&self, saga: SagaId) -> Option<&SagaOutcome> {
        self.outcomes.get(&saga)
    }
}

impl Batch {
    /// The transitions that a store can try to write; the others are reported as poisoned.
    ///
    /// # Errors
    /// When one saga is in the batch twice, which would leave open which of the two is written.
    pub(in crate::store) fn sound_transitions(
        &self,
        report: &mut CommitReport,
    ) -> Result<Vec<&Transition>, StoreError> {
        let mut seen = BTreeSet::new();
        let mut sound = Vec::with_capacity(self.transitions.len());
        for transition in &self.transitions {
            if !seen.insert(transition.saga.id) {
                return Err(StoreError::Refused {
                    operation: "commit a batch",
                    source: format!("saga {} is in it twice", transition.saga.id).into(),
                });
            }
            match transition.check() {
                Ok(()) => sound.push(transition),
                Err(reason) => report.record(transition.saga.id, SagaOutcome::Poisoned(reason)),
            }
        }
        Ok(sound)
    }
}

impl Transition {
    /// Whether its parts fit together and text columns can hold its texts.
    ///
    /// # Errors
    /// A sentence that says what does not.
    pub(in crate::store) fn check(&self) -> Result<(), String> {
        let (id, last) = (self.saga.id, self.saga.version);
        let seqs = self.events.iter().map(|event| event.seq);
        if self.events.is_empty() || !seqs.eq(self.expected.saturating_add(1)..=last) {
            return Err(format!(
                "its events are not numbered {} to {last}",
                self.expected + 1
            ));
        }
        if self.outbox.iter().any(|message| message.id.saga != id) {
            return Err("one of its messages belongs to another saga".to_owned());
        }
        if self.start_key.is_some() && self.expected != 0 {
            return Err("it takes a business key, and is no start".to_owned());
        }
        if self.saga.ended_at.is_some() != self.saga.phase.is_closed() {
            return Err("only a closed saga has an end, and every closed saga has one".to_owned());
        }
        let start_key = self.start_key.as_ref().map(|start| &start.key);
        for key in self.saga.key.iter().chain(start_key) {
            if key.is_empty() || key.len() > KEY_BYTES_MAX {
                return Err(format!("a business key has 1 to {KEY_BYTES_MAX} bytes"));
            }
        }
        let labels = self
            .saga
            .labels
            .iter()
            .flat_map(|(name, value)| [name, value]);
        if labels
            .chain(&self.saga.key)
            .chain(start_key)
            .any(|text| text.contains('\0'))
        {
            return Err("a business key or label contains U+0000".to_owned());
        }
        Ok(())
    }
}
