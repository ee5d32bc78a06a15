//! The seam between the engine and where sagas are kept.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use broker::envelope::worker::Announcement;
use saga_core::definition::{Definition, DefinitionRef};
use saga_core::event::Event;
use saga_core::ids::{ActionName, MessageId, SagaId};
use saga_core::operator::By;
use saga_core::saga::{Saga, Status};
use saga_core::time::Timestamp;
use saga_core::values::{GoodOutput, InputDigest, ValueKey};
use serde_json::Value;
use uuid::Uuid;

use super::batch::{Batch, CommitReport, OutboxMessage, Transition};
use super::clues::Clues;
use super::committed::Committed;
use super::day::{Day, Opened, StoredDay};
use super::letter::{Handling, LetterFilter, LetterGroup, LetterPage, LetterPlace, LetterRecord};
use super::query::{Page, SagaFilter, StatePage};
use super::reply_queues::ReplyQueues;
use super::worker::StoredWorker;
use crate::audit::{AuditEntry, AuditFilter, AuditPage, AuditRecord};
use crate::auth::ApiToken;

/// Judges a freshly locked saga, `None` when there is none. Returns what to write, if anything.
pub type Judge<'a> = Box<dyn FnOnce(Option<Saga>) -> Option<Transition> + Send + 'a>;

/// Where sagas are kept.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// The time by the store's clock, which every orchestrator shares.
    fn now(&self) -> Timestamp;

    /// A new saga id by the store's clock: a `UUIDv7`.
    fn new_saga_id(&self) -> SagaId;

    /// The control state of these sagas, with proof that it was read just now. Unknown ids are
    /// left out.
    async fn load(&self, ids: &[SagaId]) -> Result<(Vec<Saga>, Committed), StoreError> {
        let all: Vec<_> = ids.iter().map(|id| (*id, 0)).collect();
        self.load_newer(&all).await
    }

    /// The same for sagas that are known up to a version: those that have got no further are left
    /// out too.
    async fn load_newer(
        &self,
        known: &[(SagaId, u64)],
    ) -> Result<(Vec<Saga>, Committed), StoreError>;

    /// These values; those that do not exist are left out.
    async fn load_values(
        &self,
        keys: &[(SagaId, ValueKey)],
    ) -> Result<Vec<(SagaId, ValueKey, Arc<Value>)>, StoreError>;

    /// The newest good output of each of these operations for these inputs, in their order.
    async fn last_good(
        &self,
        wanted: &[(ActionName, InputDigest)],
    ) -> Result<Vec<Option<GoodOutput>>, StoreError>;

    /// Writes a batch atomically. A dead letter about a saga of the batch is written with that
    /// saga's transition or not at all, except where the database refuses the transition. A saga
    /// that lost the compare-and-set, or whose data the database
    /// refuses, is reported and costs the others nothing.
    async fn commit(&self, batch: &Batch) -> Result<CommitReport, StoreError>;

    /// Locks one saga, has it judged and writes the result: the way out for a saga that keeps
    /// losing the compare-and-set. When the judge wants nothing written, the saga is reported as
    /// committed, because what it was judged against is.
    async fn commit_locked(&self, id: SagaId, judge: Judge<'_>)
    -> Result<CommitReport, StoreError>;

    /// Claims sagas whose time has come: the same saga is not claimed again before `lease` ends.
    async fn claim_due(&self, limit: u32, lease: Duration) -> Result<Vec<SagaId>, StoreError>;

    /// Sets when these sagas must be looked at again, where they still have that version.
    async fn rearm(&self, sagas: &[(SagaId, u64, Option<Timestamp>)]) -> Result<(), StoreError>;

    /// The earliest time any saga waits for.
    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Says that this orchestrator lives. Its outbox rows are its own until `lease` after the last
    /// time it said so; before the first time, anybody may take them over. A reply queue is its own
    /// as long, and then until another orchestrator takes it.
    async fn heartbeat(&self, lease: Duration) -> Result<ReplyQueues, StoreError>;

    /// Takes over outbox rows of orchestrators that live no more. When its answer is lost the rows
    /// have a new owner all the same, and only [`own_outbox`](Self::own_outbox) shows them.
    async fn adopt_outbox(&self, limit: u32) -> Result<Vec<OutboxMessage>, StoreError>;

    /// This orchestrator's own unsent outbox rows after `after`, in id order: what did not fit in
    /// memory.
    async fn own_outbox(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError>;

    /// Deletes outbox rows that the broker has confirmed. May be lost in a crash: they are sent
    /// again, and the workers' ledgers answer.
    async fn delete_outbox(&self, confirmed: &[MessageId]) -> Result<(), StoreError>;

    /// How many outbox rows there are, and when the oldest was written.
    async fn outbox_backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError>;

    /// Keeps a definition for ever. The same text again is no change; another text under the same
    /// name and version is refused.
    async fn register(&self, definition: &Definition) -> Result<Registration, StoreError>;

    /// The definition of that name and version.
    async fn definition(
        &self,
        reference: &DefinitionRef,
    ) -> Result<Option<StoredDefinition>, StoreError>;

    /// Keeps a version from starting new sagas. False when it is not registered, or is retired
    /// already.
    async fn retire(&self, reference: &DefinitionRef, by: &By) -> Result<bool, StoreError>;

    /// Lets a version start sagas again. False when it was not retired.
    async fn unretire(&self, reference: &DefinitionRef) -> Result<bool, StoreError>;

    /// The newest open sagas that run this version.
    async fn open_sagas(
        &self,
        reference: &DefinitionRef,
        limit: u32,
    ) -> Result<Vec<SagaId>, StoreError>;

    /// Every registered definition, by name and version.
    async fn definitions(&self) -> Result<Vec<StoredDefinition>, StoreError>;

    /// The saga that holds, or last held, this business key.
    async fn find_key(&self, definition: &str, key: &str) -> Result<Option<SagaId>, StoreError>;

    /// Sagas, newest first.
    async fn list(&self, filter: &SagaFilter) -> Result<Page, StoreError>;

    /// The same with the control state of each.
    async fn list_states(&self, filter: &SagaFilter) -> Result<StatePage, StoreError>;

    /// Every value of a saga.
    async fn values(&self, id: SagaId) -> Result<Vec<(ValueKey, Arc<Value>)>, StoreError>;

    /// The events of a saga after `after`, in order.
    async fn history(&self, id: SagaId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError>;

    /// How many sagas are open, by status.
    async fn open_counts(&self) -> Result<Vec<(Status, u64)>, StoreError>;

    /// Keeps the newest word of each worker. Each counts as there until `lease` after it, unless it
    /// was a goodbye; an hour later it is forgotten.
    async fn announce(
        &self,
        announcements: &[&Announcement],
        lease: Duration,
    ) -> Result<Committed, StoreError>;

    /// The workers that are known, those that have gone lately included, by name and id.
    async fn workers(&self) -> Result<Vec<StoredWorker>, StoreError>;

    /// Proof that this dead letter is on disk, if it is: its saga has heard of it then.
    async fn kept_letter(&self, id: Uuid) -> Result<Option<Committed>, StoreError>;

    /// Dead letters, newest first.
    async fn dead_letters(&self, filter: &LetterFilter) -> Result<LetterPage, StoreError>;

    /// The dead letters that nobody has handled, by fingerprint, the newest first; at most `limit`
    /// groups.
    async fn letter_groups(&self, limit: u32) -> Result<Vec<LetterGroup>, StoreError>;

    /// One dead letter with its bytes.
    async fn dead_letter(&self, id: Uuid) -> Result<Option<LetterRecord>, StoreError>;

    /// Writes down what became of a letter. False when that was written before, or there is no such
    /// letter.
    async fn handle_letter(&self, id: Uuid, how: Handling, by: &By) -> Result<bool, StoreError>;

    /// What is known of the commands of these sagas apart from their state.
    async fn clues(&self, ids: &[SagaId]) -> Result<Clues, StoreError>;

    /// Makes room for what sagas write that start until then, so that each day can be dropped by
    /// itself.
    async fn open_days(&self, until: Timestamp) -> Result<Opened, StoreError>;

    /// The days of which something is stored, the oldest first. Their sagas are counted where the
    /// day was over by `ended_before`; recent are those that had not ended by then.
    async fn days(&self, ended_before: Timestamp) -> Result<Vec<StoredDay>, StoreError>;

    /// Deletes at most `limit` sagas of a day after `after` that had ended by `ended_before`, with
    /// their keys and their handled dead letters. Says how many, and after which to go on; `None`
    /// when there was none. Their events and values stay until the day is dropped.
    async fn forget_sagas(
        &self,
        day: &Day,
        ended_before: Timestamp,
        after: Option<SagaId>,
        limit: u32,
    ) -> Result<Option<(u64, SagaId)>, StoreError>;

    /// Looks at no more than `limit` dead letters after `after` that were handled before
    /// `handled_before`, and deletes those without a saga that is stored. Says how many, and after
    /// which to go on; `None` when there was none.
    async fn forget_letters(
        &self,
        handled_before: Timestamp,
        after: LetterPlace,
        limit: u32,
    ) -> Result<Option<(u64, LetterPlace)>, StoreError>;

    /// Drops the events and values of a day. False, and nothing dropped, when a saga of that day is
    /// still stored, or a message of one is still to be sent.
    async fn drop_day(&self, day: &Day) -> Result<bool, StoreError>;

    /// Puts entries at the end of the audit log, each chained to the one before it: all of them, or
    /// none. When its answer is lost they may be there all the same.
    async fn append_audit(&self, entries: &[AuditEntry]) -> Result<Vec<AuditRecord>, StoreError>;

    /// Records of the audit log, the newest first.
    async fn audit(&self, filter: &AuditFilter) -> Result<AuditPage, StoreError>;

    /// Records of the audit log after that place, in their order; at most
    /// [`PAGE_ROWS_MAX`](super::PAGE_ROWS_MAX).
    async fn audit_chain(&self, after: u64, limit: u32) -> Result<Vec<AuditRecord>, StoreError>;

    /// Keeps a token. False when another one that is not revoked has its name.
    async fn add_api_token(&self, token: &ApiToken) -> Result<bool, StoreError>;

    /// The tokens, those that are not revoked first, then the newest; at most
    /// [`API_TOKENS_MAX`](crate::auth::API_TOKENS_MAX).
    async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError>;

    /// Revokes the token of that name, for good. False when there is none.
    async fn revoke_api_token(&self, name: &str) -> Result<bool, StoreError>;

    /// What its connections are doing.
    fn pool(&self) -> PoolState;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// What the connections of a store are doing; all zeros where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolState {
    /// Ready to be used.
    pub idle: usize,
    /// In use.
    pub busy: usize,
    /// Callers that wait for one.
    pub waiting: usize,
}

/// A definition as it is stored.
#[derive(Debug, Clone)]
pub struct StoredDefinition {
    /// Name and version.
    pub reference: DefinitionRef,
    /// Hex SHA-256 of the source.
    pub digest: String,
    /// The YAML.
    pub source: String,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// It starts no new sagas.
    pub retired: Option<Retirement>,
}

/// Why a version starts no new sagas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// Since when.
    pub at: Timestamp,
    /// Who said so, and why.
    pub by: By,
}

/// What registering a definition did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// It is new.
    Added,
    /// It was there, the same to the letter.
    Unchanged,
    /// That name and version was registered with another text; versions never change.
    Conflict,
}

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection, or it broke; what was under way may or may not have happened.
    #[error("reach the database to {operation}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database refused, and will refuse again.
    #[error("{operation}")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored cannot be read by this version.
    #[error("read what is stored of {what}")]
    Corrupt {
        /// Which row.
        what: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
