//! Time that stands still when tokio's does.

use saga_core::time::Timestamp;
use tokio::time::Instant;

/// A start point plus what tokio's clock has counted since: wall time normally, virtual time while
/// tokio's clock is paused.
#[derive(Debug)]
pub(super) struct MemoryClock {
    start: Timestamp,
    started: Instant,
}

impl MemoryClock {
    /// A clock that shows `start` now.
    pub(super) fn starting_at(start: Timestamp) -> Self {
        Self {
            start,
            started: Instant::now(),
        }
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        self.start.after(self.started.elapsed())
    }
}
