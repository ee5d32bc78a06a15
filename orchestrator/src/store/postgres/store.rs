//! The store on Postgres.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use broker::envelope::worker::Announcement;
use deadpool_postgres::{
    Manager, ManagerConfig, Pool, QueueMode, RecyclingMethod, Runtime, Timeouts,
};
use saga_core::definition::{Definition, DefinitionRef};
use saga_core::event::Event;
use saga_core::ids::{ActionName, MessageId, SagaId};
use saga_core::operator::By;
use saga_core::saga::{Saga, Status};
use saga_core::time::Timestamp;
use saga_core::values::{GoodOutput, InputDigest, ValueKey};
use serde_json::Value;
use uuid::Uuid;

use super::clock::DatabaseClock;
use super::connect::Connector;
use super::settings::{CONNECT_TIMEOUT, PostgresSettings};
use super::{
    audit, clues, commit, commit_locked, days, definitions, letters, outbox, reads, reply_queues,
    statements, timers, tokens, values, workers,
};
use crate::audit::{AuditEntry, AuditFilter, AuditPage, AuditRecord};
use crate::auth::ApiToken;
use crate::store::migrate;
use crate::store::{
    Batch, Clues, CommitReport, Committed, Day, Handling, Judge, LetterFilter, LetterGroup,
    LetterPage, LetterPlace, LetterRecord, Opened, OutboxMessage, Page, PoolState, Registration,
    ReplyQueues, SagaFilter, StatePage, Store, StoreError, StoredDay, StoredDefinition,
    StoredWorker,
};

/// Sagas in Postgres. Clones of the pool's connections are never shared; the store itself may be.
pub struct PostgresStore {
    pub(super) owner: Uuid,
    pub(super) pool: Pool,
    pub(super) connector: Connector,
    pub(super) answer_timeout: Duration,
    pub(super) clock: DatabaseClock,
}

impl PostgresStore {
    /// Connects, checks that the schema is the one this release knows, and reads the clock.
    pub async fn connect(settings: PostgresSettings) -> Result<Self, StoreError> {
        let connector = Connector::new(&settings)?;
        let manager = Manager::from_config(
            connector.config.clone(),
            connector.tls.clone(),
            // A connection that is not in a known state never goes back, so there is nothing to
            // clean.
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let timeouts = Timeouts {
            wait: Some(CONNECT_TIMEOUT),
            create: Some(CONNECT_TIMEOUT * 2),
            recycle: Some(CONNECT_TIMEOUT),
        };
        let pool = Pool::builder(manager)
            .max_size(settings.pool_size)
            // The one that was used last has its plans in the processor's caches.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .timeouts(timeouts)
            .build()
            .map_err(|error| StoreError::Refused {
                operation: "make a pool of connections",
                source: Box::new(error),
            })?;
        let store = Self {
            owner: settings.owner,
            pool,
            connector,
            answer_timeout: settings.answer_timeout,
            clock: DatabaseClock::new(),
        };
        migrate::check_current(&store).await?;
        store.ping().await?;
        Ok(store)
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore")
            .field("owner", &self.owner)
            .field("connector", &self.connector)
            .field("pool", &self.pool.status())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn new_saga_id(&self) -> SagaId {
        SagaId(self.clock.new_id())
    }

    async fn load_newer(
        &self,
        known: &[(SagaId, u64)],
    ) -> Result<(Vec<Saga>, Committed), StoreError> {
        reads::load_newer(self, known).await
    }

    async fn load_values(
        &self,
        keys: &[(SagaId, ValueKey)],
    ) -> Result<Vec<(SagaId, ValueKey, Arc<Value>)>, StoreError> {
        values::load_values(self, keys).await
    }

    async fn last_good(
        &self,
        wanted: &[(ActionName, InputDigest)],
    ) -> Result<Vec<Option<GoodOutput>>, StoreError> {
        reads::last_good(self, wanted).await
    }

    async fn commit(&self, batch: &Batch) -> Result<CommitReport, StoreError> {
        commit::commit(self, batch).await
    }

    async fn commit_locked(
        &self,
        id: SagaId,
        judge: Judge<'_>,
    ) -> Result<CommitReport, StoreError> {
        commit_locked::commit_locked(self, id, judge).await
    }

    async fn claim_due(&self, limit: u32, lease: Duration) -> Result<Vec<SagaId>, StoreError> {
        timers::claim_due(self, limit, lease).await
    }

    async fn rearm(&self, sagas: &[(SagaId, u64, Option<Timestamp>)]) -> Result<(), StoreError> {
        timers::rearm(self, sagas).await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        timers::next_wake(self).await
    }

    async fn heartbeat(&self, lease: Duration) -> Result<ReplyQueues, StoreError> {
        reply_queues::heartbeat(self, lease).await
    }

    async fn adopt_outbox(&self, limit: u32) -> Result<Vec<OutboxMessage>, StoreError> {
        outbox::adopt_outbox(self, limit).await
    }

    async fn own_outbox(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        outbox::own_outbox(self, after, limit).await
    }

    async fn delete_outbox(&self, confirmed: &[MessageId]) -> Result<(), StoreError> {
        outbox::delete_outbox(self, confirmed).await
    }

    async fn outbox_backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        outbox::outbox_backlog(self).await
    }

    async fn register(&self, definition: &Definition) -> Result<Registration, StoreError> {
        definitions::register(self, definition).await
    }

    async fn definition(
        &self,
        reference: &DefinitionRef,
    ) -> Result<Option<StoredDefinition>, StoreError> {
        definitions::definition(self, reference).await
    }

    async fn retire(&self, reference: &DefinitionRef, by: &By) -> Result<bool, StoreError> {
        definitions::retire(self, reference, by).await
    }

    async fn unretire(&self, reference: &DefinitionRef) -> Result<bool, StoreError> {
        definitions::unretire(self, reference).await
    }

    async fn open_sagas(
        &self,
        reference: &DefinitionRef,
        limit: u32,
    ) -> Result<Vec<SagaId>, StoreError> {
        definitions::open_sagas(self, reference, limit).await
    }

    async fn definitions(&self) -> Result<Vec<StoredDefinition>, StoreError> {
        definitions::definitions(self).await
    }

    async fn find_key(&self, definition: &str, key: &str) -> Result<Option<SagaId>, StoreError> {
        reads::find_key(self, definition, key).await
    }

    async fn list(&self, filter: &SagaFilter) -> Result<Page, StoreError> {
        reads::list(self, filter).await
    }

    async fn list_states(&self, filter: &SagaFilter) -> Result<StatePage, StoreError> {
        reads::list_states(self, filter).await
    }

    async fn values(&self, id: SagaId) -> Result<Vec<(ValueKey, Arc<Value>)>, StoreError> {
        values::values(self, id).await
    }

    async fn history(&self, id: SagaId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        reads::history(self, id, after, limit).await
    }

    async fn open_counts(&self) -> Result<Vec<(Status, u64)>, StoreError> {
        reads::open_counts(self).await
    }

    async fn announce(
        &self,
        announcements: &[&Announcement],
        lease: Duration,
    ) -> Result<Committed, StoreError> {
        workers::announce(self, announcements, lease).await
    }

    async fn workers(&self) -> Result<Vec<StoredWorker>, StoreError> {
        workers::workers(self).await
    }

    async fn kept_letter(&self, id: Uuid) -> Result<Option<Committed>, StoreError> {
        reads::kept_letter(self, id).await
    }

    async fn dead_letters(&self, filter: &LetterFilter) -> Result<LetterPage, StoreError> {
        letters::dead_letters(self, filter).await
    }

    async fn letter_groups(&self, limit: u32) -> Result<Vec<LetterGroup>, StoreError> {
        letters::letter_groups(self, limit).await
    }

    async fn dead_letter(&self, id: Uuid) -> Result<Option<LetterRecord>, StoreError> {
        letters::dead_letter(self, id).await
    }

    async fn handle_letter(&self, id: Uuid, how: Handling, by: &By) -> Result<bool, StoreError> {
        letters::handle_letter(self, id, how, by).await
    }

    async fn clues(&self, ids: &[SagaId]) -> Result<Clues, StoreError> {
        clues::clues(self, ids).await
    }

    async fn open_days(&self, until: Timestamp) -> Result<Opened, StoreError> {
        days::open_days(self, until).await
    }

    async fn days(&self, ended_before: Timestamp) -> Result<Vec<StoredDay>, StoreError> {
        days::days(self, ended_before).await
    }

    async fn forget_sagas(
        &self,
        day: &Day,
        ended_before: Timestamp,
        after: Option<SagaId>,
        limit: u32,
    ) -> Result<Option<(u64, SagaId)>, StoreError> {
        days::forget_sagas(self, day, ended_before, after, limit).await
    }

    async fn forget_letters(
        &self,
        handled_before: Timestamp,
        after: LetterPlace,
        limit: u32,
    ) -> Result<Option<(u64, LetterPlace)>, StoreError> {
        letters::forget_letters(self, handled_before, after, limit).await
    }

    async fn drop_day(&self, day: &Day) -> Result<bool, StoreError> {
        days::drop_day(self, day).await
    }

    async fn append_audit(&self, entries: &[AuditEntry]) -> Result<Vec<AuditRecord>, StoreError> {
        audit::append_audit(self, entries).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<AuditPage, StoreError> {
        audit::audit(self, filter).await
    }

    async fn audit_chain(&self, after: u64, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        audit::audit_chain(self, after, limit).await
    }

    async fn add_api_token(&self, token: &ApiToken) -> Result<bool, StoreError> {
        tokens::add_api_token(self, token).await
    }

    async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        tokens::api_tokens(self).await
    }

    async fn revoke_api_token(&self, name: &str) -> Result<bool, StoreError> {
        tokens::revoke_api_token(self, name).await
    }

    fn pool(&self) -> PoolState {
        let status = self.pool.status();
        PoolState {
            idle: status.available,
            busy: status.size.saturating_sub(status.available),
            waiting: status.waiting,
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.query_clock("ask whether it answers", statements::PING, &[])
            .await
            .map(drop)
    }
}
