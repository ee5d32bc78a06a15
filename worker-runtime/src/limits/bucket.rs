//! A token bucket as plain rules: time comes in as an argument.

use std::time::{Duration, Instant};

/// How often an operation may be called by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// So many calls…
    pub calls: u32,
    /// …in this time.
    pub per: Duration,
    /// Calls that may be made at once after a time without any.
    pub burst: u32,
}

impl RateLimit {
    /// So many calls a second, in bursts of a tenth of that.
    #[must_use]
    pub const fn per_second(calls: u32) -> Self {
        Self {
            calls,
            per: Duration::from_secs(1),
            burst: calls / 10,
        }
    }

    /// Calls that may be made within `span` after a time without any.
    pub(crate) fn calls_within(&self, span: Duration) -> u32 {
        let refilled = span.as_nanos() / self.interval().as_nanos().max(1);
        u32::try_from(refilled)
            .unwrap_or(u32::MAX)
            .saturating_add(self.burst.max(1))
    }

    fn interval(&self) -> Duration {
        self.per / self.calls.max(1)
    }
}

/// The bucket, kept as the time at which it will be full again.
#[derive(Debug)]
pub(super) struct Bucket {
    interval: Duration,
    room: Duration,
    full_at: Instant,
}

impl Bucket {
    pub(super) fn new(limit: RateLimit, now: Instant) -> Self {
        let interval = limit.interval();
        Self {
            interval,
            room: interval.saturating_mul(limit.burst.max(1) - 1),
            full_at: now,
        }
    }

    /// Takes a token, or says when there is one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let full_at = self.full_at.max(now);
        if full_at.duration_since(now) > self.room {
            return Err(full_at - self.room);
        }
        self.full_at = full_at + self.interval;
        Ok(())
    }

    /// Gives a token back that was not used.
    pub(super) fn give_back(&mut self) {
        self.full_at = self
            .full_at
            .checked_sub(self.interval)
            .unwrap_or(self.full_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit {
        calls: 10,
        per: Duration::from_secs(1),
        burst: 3,
    };

    fn taken(bucket: &mut Bucket, now: Instant) -> usize {
        (0..100).map_while(|_| bucket.take(now).ok()).count()
    }

    #[test]
    fn a_burst_and_then_one_for_each_interval() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut bucket = Bucket::new(LIMIT, begin);
        assert_eq!(taken(&mut bucket, at(0)), 3);
        assert_eq!(bucket.take(at(0)), Err(at(100)), "it says when");
        assert_eq!(taken(&mut bucket, at(99)), 0);
        assert_eq!(taken(&mut bucket, at(100)), 1);
        assert_eq!(taken(&mut bucket, at(350)), 2);
        assert_eq!(taken(&mut bucket, at(60_000)), 3, "never more than a burst");
    }

    #[test]
    fn over_a_long_time_the_rate_holds() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(LIMIT, begin);
        let calls: usize = (0..10_000)
            .map(|ms| taken(&mut bucket, begin + Duration::from_millis(ms)))
            .sum();
        assert_eq!(calls, 3 + 99);
        assert_eq!(LIMIT.calls_within(Duration::from_secs(10)), 103);
    }

    #[test]
    fn what_was_not_used_can_be_used() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(LIMIT, begin);
        assert_eq!(taken(&mut bucket, begin), 3);
        bucket.give_back();
        assert_eq!(taken(&mut bucket, begin), 1);
    }

    #[test]
    fn settings_that_make_no_sense_let_calls_through_one_by_one() {
        let begin = Instant::now();
        let none = RateLimit {
            calls: 0,
            burst: 0,
            ..LIMIT
        };
        let mut bucket = Bucket::new(none, begin);
        assert_eq!(taken(&mut bucket, begin), 1);
        assert_eq!(taken(&mut bucket, begin + Duration::from_secs(1)), 1);
    }
}
