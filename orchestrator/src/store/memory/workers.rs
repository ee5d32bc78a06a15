//! What workers say of themselves, in memory.

use std::time::Duration;

use broker::envelope::worker::{Announcement, Occasion};
use saga_core::time::Timestamp;

use super::state::State;
use crate::store::{StoredWorker, WORKERS_MAX};

/// Workers that have been gone for this long are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

impl State {
    /// The twin of `announce.sql`.
    pub(super) fn announce(&mut self, said: &Announcement, now: Timestamp, lease: Duration) {
        self.workers
            .retain(|id, it| *id == said.worker || it.lease_until.after(FORGOTTEN_AFTER) >= now);
        let known = self.workers.get(&said.worker);
        if known.is_some_and(|known| known.announcement.seq >= said.seq) {
            return;
        }
        let lease_until = match said.announcement {
            Occasion::Hello | Occasion::Heartbeat => now.after(lease),
            Occasion::Goodbye => now,
        };
        let worker = StoredWorker {
            announcement: said.clone(),
            heartbeat_at: now,
            lease_until,
        };
        self.workers.insert(said.worker.clone(), worker);
    }

    /// The twin of `workers.sql`.
    pub(super) fn workers_by_name(&self) -> Vec<StoredWorker> {
        let mut workers: Vec<StoredWorker> = self.workers.values().cloned().collect();
        workers.sort_by(|a, b| a.announcement.name.cmp(&b.announcement.name));
        workers.truncate(usize::try_from(WORKERS_MAX).unwrap_or(usize::MAX));
        workers
    }
}
