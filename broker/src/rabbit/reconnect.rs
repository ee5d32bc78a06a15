//! How long to wait before the next attempt.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// First delay.
const FIRST: Duration = Duration::from_millis(100);
/// No delay is longer, jitter aside.
const LONGEST: Duration = Duration::from_secs(5);

/// Growing delays with jitter, without an end.
#[derive(Debug)]
pub(super) struct Delays(ExponentialBackoff);

impl Delays {
    pub(super) fn new() -> Self {
        Self(
            ExponentialBackoffBuilder::new()
                .with_initial_interval(FIRST)
                .with_max_interval(LONGEST)
                .with_multiplier(2.0)
                .with_randomization_factor(0.3)
                .with_max_elapsed_time(None)
                .build(),
        )
    }

    /// The next delay.
    pub(super) fn next(&mut self) -> Duration {
        self.0.next_backoff().unwrap_or(LONGEST)
    }

    /// It worked; the next trouble starts with short delays again.
    pub(super) fn reset(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_their_limit_and_never_end() {
        let mut delays = Delays::new();
        assert!(delays.next() <= FIRST.mul_f64(1.3));
        let later: Vec<_> = (0..1000).map(|_| delays.next()).collect();
        assert!(later.iter().all(|delay| *delay <= LONGEST.mul_f64(1.3)));
        assert!(
            later[900..]
                .iter()
                .all(|delay| *delay >= LONGEST.mul_f64(0.6))
        );
        delays.reset();
        assert!(delays.next() <= FIRST.mul_f64(1.3));
    }
}
