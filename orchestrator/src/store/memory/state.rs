//! What several handles of one memory store share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use broker::message::Outgoing;
use saga_core::definition::DefinitionRef;
use saga_core::event::Event;
use saga_core::ids::{ActionName, MessageId, SagaId};
use saga_core::saga::Saga;
use saga_core::time::Timestamp;
use saga_core::values::{InputDigest, ValueKey};
use serde_json::Value;
use uuid::Uuid;

use crate::audit::AuditRecord;
use crate::auth::ApiToken;
use crate::store::{LetterRecord, StartKey, StoredDefinition, StoredWorker};

/// The tables.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) sagas: BTreeMap<SagaId, SagaEntry>,
    pub(super) values: BTreeMap<(SagaId, ValueKey), Arc<Value>>,
    pub(super) keys: BTreeMap<StartKey, SagaId>,
    /// The newest good output of each operation and input, by where it is kept.
    pub(super) good: BTreeMap<(ActionName, InputDigest), (Timestamp, SagaId, ValueKey)>,
    pub(super) outbox: BTreeMap<MessageId, OutboxEntry>,
    pub(super) dead_letters: BTreeMap<Uuid, LetterRecord>,
    pub(super) definitions: BTreeMap<DefinitionRef, StoredDefinition>,
    /// Until when each orchestrator counts as alive.
    pub(super) leases: BTreeMap<Uuid, Timestamp>,
    /// Whose the reply queues are, or were last, by number less one.
    pub(super) reply_queues: Vec<Uuid>,
    /// What each worker has last said.
    pub(super) workers: BTreeMap<String, StoredWorker>,
    pub(super) audit: Vec<AuditRecord>,
    pub(super) tokens: Vec<ApiToken>,
    /// Sagas of days that are not dropped yet, which are deleted themselves.
    pub(super) forgotten: BTreeSet<SagaId>,
    /// Ids minted so far.
    pub(super) minted: u64,
}

/// One saga.
#[derive(Debug)]
pub(super) struct SagaEntry {
    pub(super) saga: Arc<Saga>,
    pub(super) wake_at: Option<Timestamp>,
    pub(super) events: Vec<Event>,
}

/// One message that waits for its confirm.
#[derive(Debug)]
pub(super) struct OutboxEntry {
    pub(super) owner: Uuid,
    pub(super) created_at: Timestamp,
    pub(super) message: Outgoing,
}

impl State {
    /// A `UUIDv7` of this time. A counter stands where others have random bits, so that the same
    /// run mints the same ids.
    pub(super) fn mint(&mut self, at: Timestamp) -> SagaId {
        self.minted += 1;
        let millis = u64::try_from(at.as_micros() / 1_000).unwrap_or(0);
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&self.minted.to_be_bytes());
        SagaId(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid())
    }

    /// Whether an orchestrator has said lately that it lives.
    pub(super) fn is_alive(&self, owner: Uuid, now: Timestamp) -> bool {
        self.leases.get(&owner).is_some_and(|until| *until > now)
    }
}
