//! The outbox in memory.

use saga_core::ids::MessageId;
use saga_core::time::Timestamp;
use uuid::Uuid;

use super::state::State;
use crate::store::OutboxMessage;

impl State {
    /// Takes over rows of orchestrators that live no more.
    pub(super) fn adopt_outbox(
        &mut self,
        owner: Uuid,
        now: Timestamp,
        limit: u32,
    ) -> Vec<OutboxMessage> {
        let orphans = self
            .outbox
            .iter()
            .filter(|(_, entry)| entry.owner != owner && !self.is_alive(entry.owner, now));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let ids: Vec<MessageId> = orphans.map(|(id, _)| *id).take(limit).collect();
        let mut adopted = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(entry) = self.outbox.get_mut(&id) {
                entry.owner = owner;
                adopted.push(OutboxMessage {
                    id,
                    message: entry.message.clone(),
                });
            }
        }
        adopted
    }
}
