//! The time by which a worker judges deadlines.

use std::time::SystemTime;

use saga_core::time::Timestamp;
use tokio::time::Instant;

/// This machine's clock.
pub(super) fn system_time() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(0).after(since)
}

/// A start point plus what tokio's clock has counted since, so that the embedded engine's workers
/// live in its orchestrator's time, virtual time included.
#[derive(Debug, Clone, Copy)]
pub(super) struct EmbeddedClock {
    start: Timestamp,
    started: Instant,
}

impl EmbeddedClock {
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
