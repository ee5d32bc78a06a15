//! The store in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;
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

use super::handle::MemoryStore;
use crate::audit::{AuditEntry, AuditFilter, AuditPage, AuditRecord};
use crate::auth::ApiToken;
use crate::store::{
    Batch, Clues, CommitReport, Committed, Day, Handling, Judge, LetterFilter, LetterGroup,
    LetterPage, LetterPlace, LetterRecord, Opened, OutboxMessage, Page, PoolState, Registration,
    ReplyQueues, SagaFilter, SagaOutcome, StatePage, Store, StoreError, StoredDay,
    StoredDefinition, StoredWorker,
};

#[async_trait]
impl Store for MemoryStore {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn new_saga_id(&self) -> SagaId {
        self.state().mint(self.clock.now())
    }

    async fn load_newer(
        &self,
        known: &[(SagaId, u64)],
    ) -> Result<(Vec<Saga>, Committed), StoreError> {
        let state = self.state();
        let newer = known.iter().filter_map(|(id, version)| {
            let stored = &state.sagas.get(id)?.saga;
            (stored.version > *version).then(|| Saga::clone(stored))
        });
        Ok((newer.collect(), Committed::new()))
    }

    async fn load_values(
        &self,
        keys: &[(SagaId, ValueKey)],
    ) -> Result<Vec<(SagaId, ValueKey, Arc<Value>)>, StoreError> {
        let state = self.state();
        let stored = keys.iter().filter_map(|wanted| {
            let value = state.values.get(wanted)?;
            Some((wanted.0, wanted.1.clone(), Arc::clone(value)))
        });
        Ok(stored.collect())
    }

    async fn last_good(
        &self,
        wanted: &[(ActionName, InputDigest)],
    ) -> Result<Vec<Option<GoodOutput>>, StoreError> {
        let state = self.state();
        let find = |key: &(ActionName, InputDigest)| {
            let (at, saga, value) = state.good.get(key)?;
            let output = state.values.get(&(*saga, value.clone()))?;
            Some(GoodOutput {
                output: (**output).clone(),
                at: *at,
            })
        };
        Ok(wanted.iter().map(find).collect())
    }

    async fn commit(&self, batch: &Batch) -> Result<CommitReport, StoreError> {
        let each = self.commit_takes_micros.load(Ordering::Relaxed);
        if each > 0 {
            let sagas = u32::try_from(batch.transitions.len()).unwrap_or(u32::MAX);
            tokio::time::sleep(Duration::from_micros(each.into()) * sagas).await;
        }
        let _writing = self.writing();
        self.state().commit(batch, self.owner, self.clock.now())
    }

    async fn commit_locked(
        &self,
        id: SagaId,
        judge: Judge<'_>,
    ) -> Result<CommitReport, StoreError> {
        let _writing = self.writing();
        let stored = self
            .state()
            .sagas
            .get(&id)
            .map(|entry| Saga::clone(&entry.saga));
        let mut report = CommitReport::default();
        let Some(transition) = judge(stored) else {
            report.record(id, SagaOutcome::Committed(Committed::new()));
            return Ok(report);
        };
        let outcome = match transition.check() {
            Ok(()) => self
                .state()
                .write(&transition, self.owner, self.clock.now()),
            Err(reason) => SagaOutcome::Poisoned(reason),
        };
        report.record(transition.saga.id, outcome);
        Ok(report)
    }

    async fn claim_due(&self, limit: u32, lease: Duration) -> Result<Vec<SagaId>, StoreError> {
        let now = self.clock.now();
        Ok(self.state().claim_due(limit, now, lease))
    }

    async fn rearm(&self, sagas: &[(SagaId, u64, Option<Timestamp>)]) -> Result<(), StoreError> {
        self.state().rearm(sagas);
        Ok(())
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.state().next_wake())
    }

    async fn heartbeat(&self, lease: Duration) -> Result<ReplyQueues, StoreError> {
        Ok(self.state().heartbeat(self.owner, self.clock.now(), lease))
    }

    async fn adopt_outbox(&self, limit: u32) -> Result<Vec<OutboxMessage>, StoreError> {
        let now = self.clock.now();
        Ok(self.state().adopt_outbox(self.owner, now, limit))
    }

    async fn own_outbox(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        let state = self.state();
        let own = state.outbox.iter().filter(|(id, entry)| {
            entry.owner == self.owner && after.is_none_or(|after| **id > after)
        });
        let messages = own.map(|(id, entry)| OutboxMessage {
            id: *id,
            message: entry.message.clone(),
        });
        Ok(messages
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect())
    }

    async fn delete_outbox(&self, confirmed: &[MessageId]) -> Result<(), StoreError> {
        let mut state = self.state();
        for id in confirmed {
            state.outbox.remove(id);
        }
        Ok(())
    }

    async fn outbox_backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        let state = self.state();
        let rows = u64::try_from(state.outbox.len()).unwrap_or(u64::MAX);
        Ok((
            rows,
            state.outbox.values().map(|entry| entry.created_at).min(),
        ))
    }

    async fn register(&self, definition: &Definition) -> Result<Registration, StoreError> {
        let at = self.clock.now();
        Ok(self.state().register(definition, at))
    }

    async fn definition(
        &self,
        reference: &DefinitionRef,
    ) -> Result<Option<StoredDefinition>, StoreError> {
        Ok(self.state().definitions.get(reference).cloned())
    }

    async fn retire(&self, reference: &DefinitionRef, by: &By) -> Result<bool, StoreError> {
        let at = self.clock.now();
        Ok(self.state().retire(reference, by, at))
    }

    async fn unretire(&self, reference: &DefinitionRef) -> Result<bool, StoreError> {
        Ok(self.state().unretire(reference))
    }

    async fn open_sagas(
        &self,
        reference: &DefinitionRef,
        limit: u32,
    ) -> Result<Vec<SagaId>, StoreError> {
        Ok(self.state().open_sagas(reference, limit))
    }

    async fn definitions(&self) -> Result<Vec<StoredDefinition>, StoreError> {
        Ok(self.state().definitions.values().cloned().collect())
    }

    async fn find_key(&self, definition: &str, key: &str) -> Result<Option<SagaId>, StoreError> {
        let wanted = crate::store::StartKey {
            definition: definition.into(),
            key: key.to_owned(),
        };
        Ok(self.state().keys.get(&wanted).copied())
    }

    async fn list(&self, filter: &SagaFilter) -> Result<Page, StoreError> {
        Ok(self.state().list(filter))
    }

    async fn list_states(&self, filter: &SagaFilter) -> Result<StatePage, StoreError> {
        Ok(self.state().list_states(filter))
    }

    async fn values(&self, id: SagaId) -> Result<Vec<(ValueKey, Arc<Value>)>, StoreError> {
        let state = self.state();
        let own = state
            .values
            .range((id, ValueKey::Input)..=(id, ValueKey::Signal(u32::MAX)));
        Ok(own
            .map(|((_, key), value)| (key.clone(), Arc::clone(value)))
            .collect())
    }

    async fn history(&self, id: SagaId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        Ok(self.state().history(id, after, limit))
    }

    async fn open_counts(&self) -> Result<Vec<(Status, u64)>, StoreError> {
        Ok(self.state().open_counts())
    }

    async fn announce(
        &self,
        announcements: &[&Announcement],
        lease: Duration,
    ) -> Result<Committed, StoreError> {
        let (now, mut state) = (self.clock.now(), self.state());
        for announcement in announcements {
            state.announce(announcement, now, lease);
        }
        Ok(Committed::new())
    }

    async fn workers(&self) -> Result<Vec<StoredWorker>, StoreError> {
        Ok(self.state().workers_by_name())
    }

    async fn kept_letter(&self, id: Uuid) -> Result<Option<Committed>, StoreError> {
        Ok(self
            .state()
            .dead_letters
            .contains_key(&id)
            .then(Committed::new))
    }

    async fn dead_letters(&self, filter: &LetterFilter) -> Result<LetterPage, StoreError> {
        Ok(self.state().letters(filter))
    }

    async fn letter_groups(&self, limit: u32) -> Result<Vec<LetterGroup>, StoreError> {
        Ok(self.state().letter_groups(limit))
    }

    async fn dead_letter(&self, id: Uuid) -> Result<Option<LetterRecord>, StoreError> {
        Ok(self.state().dead_letters.get(&id).cloned())
    }

    async fn handle_letter(&self, id: Uuid, how: Handling, by: &By) -> Result<bool, StoreError> {
        let at = self.clock.now();
        Ok(self.state().handle_letter(id, how, by, at))
    }

    async fn clues(&self, ids: &[SagaId]) -> Result<Clues, StoreError> {
        Ok(self.state().clues(ids))
    }

    async fn open_days(&self, _: Timestamp) -> Result<Opened, StoreError> {
        // A day begins with its first saga; there is nothing to stray from.
        Ok(Opened::default())
    }

    async fn days(&self, ended_before: Timestamp) -> Result<Vec<StoredDay>, StoreError> {
        Ok(self.state().days(ended_before))
    }

    async fn forget_sagas(
        &self,
        day: &Day,
        ended_before: Timestamp,
        after: Option<SagaId>,
        limit: u32,
    ) -> Result<Option<(u64, SagaId)>, StoreError> {
        let _writing = self.writing();
        Ok(self.state().forget_sagas(day, ended_before, after, limit))
    }

    async fn forget_letters(
        &self,
        handled_before: Timestamp,
        after: LetterPlace,
        limit: u32,
    ) -> Result<Option<(u64, LetterPlace)>, StoreError> {
        let _writing = self.writing();
        Ok(self.state().forget_letters(handled_before, after, limit))
    }

    async fn drop_day(&self, day: &Day) -> Result<bool, StoreError> {
        let _writing = self.writing();
        Ok(self.state().drop_day(day))
    }

    async fn append_audit(&self, entries: &[AuditEntry]) -> Result<Vec<AuditRecord>, StoreError> {
        Ok(self.state().append_audit(entries))
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<AuditPage, StoreError> {
        Ok(self.state().audit(filter))
    }

    async fn audit_chain(&self, after: u64, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        Ok(self.state().audit_chain(after, limit))
    }

    async fn add_api_token(&self, token: &ApiToken) -> Result<bool, StoreError> {
        Ok(self.state().add_api_token(token))
    }

    async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        Ok(self.state().api_tokens())
    }

    async fn revoke_api_token(&self, name: &str) -> Result<bool, StoreError> {
        let now = self.clock.now();
        Ok(self.state().revoke_api_token(name, now))
    }

    fn pool(&self) -> PoolState {
        PoolState::default()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
