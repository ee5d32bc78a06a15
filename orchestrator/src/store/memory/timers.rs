//! When the sagas of a memory store must be looked at again.

use std::time::Duration;

use saga_core::ids::SagaId;
use saga_core::time::Timestamp;

use super::state::State;

impl State {
    /// Claims sagas whose time has come, the earliest first.
    pub(super) fn claim_due(&mut self, limit: u32, now: Timestamp, lease: Duration) -> Vec<SagaId> {
        let mut due: Vec<(Timestamp, SagaId)> = self
            .sagas
            .iter()
            .filter_map(|(id, entry)| Some((entry.wake_at.filter(|at| *at <= now)?, *id)))
            .collect();
        due.sort_unstable();
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        for (_, id) in &due {
            if let Some(entry) = self.sagas.get_mut(id) {
                entry.wake_at = Some(now.after(lease));
            }
        }
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// Sets wake-up times where the version is still the same.
    pub(super) fn rearm(&mut self, sagas: &[(SagaId, u64, Option<Timestamp>)]) {
        for (id, version, wake_at) in sagas {
            let entry = self
                .sagas
                .get_mut(id)
                .filter(|entry| entry.saga.version == *version && entry.saga.ended_at.is_none());
            if let Some(entry) = entry {
                entry.wake_at = *wake_at;
            }
        }
    }

    /// The earliest wake-up time of all.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        self.sagas.values().filter_map(|entry| entry.wake_at).min()
    }
}
