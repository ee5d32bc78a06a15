//! The database's time without asking for it each time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use saga_core::time::Timestamp;
use uuid::{ContextV7, Uuid};

/// The local clock, corrected by how far the database's clock is from it.
///
/// Every orchestrator corrects towards the same clock, so their times compare, whatever their own
/// clocks say.
#[derive(Debug)]
pub(super) struct DatabaseClock {
    offset_micros: AtomicI64,
    /// Orders the ids of one millisecond.
    ids: Mutex<ContextV7>,
}

impl DatabaseClock {
    /// A clock that takes the local one for the database's until it learns better.
    pub(super) fn new() -> Self {
        Self {
            offset_micros: AtomicI64::new(0),
            ids: Mutex::new(ContextV7::new()),
        }
    }

    /// The database's time, as far as is known.
    pub(super) fn now(&self) -> Timestamp {
        let offset = self.offset_micros.load(Ordering::Relaxed);
        Timestamp::from_micros(local_micros().saturating_add(offset))
    }

    /// A fresh `UUIDv7` of that time.
    pub(super) fn new_id(&self) -> Uuid {
        let micros = u64::try_from(self.now().as_micros()).unwrap_or(0);
        let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0);
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        Uuid::new_v7(uuid::Timestamp::from_unix(&*ids, micros / 1_000_000, nanos))
    }

    /// Learns from one reading of the database's clock, taken between two of the local one.
    ///
    /// The reading is only as good as the round trip was short: what is known stays unless the
    /// reading rules it out.
    pub(super) fn observe(&self, asked: i64, database: Timestamp, answered: i64) {
        let doubt = answered.saturating_sub(asked).max(0) / 2;
        let reading = database
            .as_micros()
            .saturating_sub(asked.saturating_add(doubt));
        let known = self.offset_micros.load(Ordering::Relaxed);
        if known.abs_diff(reading) > doubt.unsigned_abs() {
            self.offset_micros.store(reading, Ordering::Relaxed);
        }
    }
}

/// Microseconds since the Unix epoch by this machine's clock.
pub(super) fn local_micros() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_knows_until_a_reading_rules_it_out() {
        let clock = DatabaseClock::new();
        clock.observe(1_000, Timestamp::from_micros(51_100), 1_200);
        assert_eq!(clock.offset_micros.load(Ordering::Relaxed), 50_000);
        // Half a second of doubt says nothing against it.
        clock.observe(0, Timestamp::from_micros(400_000), 1_000_000);
        assert_eq!(clock.offset_micros.load(Ordering::Relaxed), 50_000);
        clock.observe(1_000, Timestamp::from_micros(21_100), 1_200);
        assert_eq!(clock.offset_micros.load(Ordering::Relaxed), 20_000);
    }
}
