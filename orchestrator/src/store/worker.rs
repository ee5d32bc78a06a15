//! What the store knows of a worker process.

use broker::envelope::worker::Announcement;
use saga_core::time::Timestamp;

/// Workers that are listed, at most.
pub const WORKERS_MAX: u32 = 1000;

/// A worker process, as it has last spoken of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredWorker {
    /// Its last word.
    pub announcement: Announcement,
    /// When that came.
    pub heartbeat_at: Timestamp,
    /// It counts as gone when nothing has come by then.
    pub lease_until: Timestamp,
}

impl StoredWorker {
    /// Whether it is there: it has spoken lately, and has not taken its leave.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.lease_until > now
    }

    /// Whether it takes what comes.
    #[must_use]
    pub fn serves(&self, now: Timestamp) -> bool {
        self.is_alive(now) && self.announcement.draining.is_none()
    }
}
