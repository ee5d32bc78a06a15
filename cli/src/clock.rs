//! The clock of this machine, where no store's clock is at hand.

use std::time::{SystemTime, UNIX_EPOCH};

use saga_core::time::Timestamp;

/// The time now.
pub fn now() -> Timestamp {
    // A clock before 1970 is as good as one at 1970: only differences matter to us.
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
