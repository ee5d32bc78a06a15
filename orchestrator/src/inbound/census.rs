//! Which commands are known to have been started.

use std::collections::{BTreeMap, BTreeSet};

use broker::envelope::worker::{Announcement, Occasion, RunningInfo};
use saga_core::ids::MessageId;

/// Workers whose running commands are remembered. Beyond that everything is told again, which
/// costs a load of the sagas and changes nothing.
const WORKERS_MAX: usize = 4096;

/// The running commands of each worker, from its last announcement. Only the first word that a
/// command was started is news to its saga.
#[derive(Debug, Default)]
pub(super) struct Census {
    running: BTreeMap<String, BTreeSet<MessageId>>,
}

impl Census {
    /// The commands that this worker was not known to run.
    pub(super) fn news<'a>(&mut self, announcement: &'a Announcement) -> Vec<&'a RunningInfo> {
        let known = self
            .running
            .remove(&announcement.worker)
            .unwrap_or_default();
        let news = announcement
            .running
            .iter()
            .filter(|running| !known.contains(&running.command))
            .collect();
        if self.running.len() >= WORKERS_MAX {
            self.running.clear();
        }
        if announcement.announcement != Occasion::Goodbye && !announcement.running.is_empty() {
            let now = announcement.running.iter().map(|it| it.command).collect();
            self.running.insert(announcement.worker.clone(), now);
        }
        news
    }
}
