//! The clock of this machine, where no store's clock is at hand.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use saga_core::time::{Timestamp, parse_span};

use crate::failure::{Failure, Kind};

/// The time now.
pub fn now() -> Timestamp {
    // A clock before 1970 is as good as one at 1970: only differences matter to us.
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

/// A time of day and its date, without the year and the seconds, from how a time is written.
pub fn minute(at: &str) -> String {
    at.get(5..16).unwrap_or(at).replace('T', " ")
}

/// The time that long ago.
pub fn ago(span: Duration) -> Timestamp {
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now().as_micros().saturating_sub(micros))
}

/// The span that a flag was given.
pub fn span(flag: &str, text: &str) -> Result<Duration, Failure> {
    parse_span(text).map_err(|error| Failure::new(Kind::Usage, format!("{flag}: {error}")))
}
