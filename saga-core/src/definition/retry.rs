//! When the next attempt runs: exponential back-off with deterministic jitter.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::ids::{Op, SagaId, StepKey};

/// How many rungs there are.
const RUNG_COUNT: u32 = 6;

/// The dead-letter rungs a retry can ride, each a queue with this constant delay.
pub const RUNGS: [Duration; RUNG_COUNT as usize] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// How an action or an undo is retried, by Temporal's names.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Delay before the second attempt.
    pub initial_interval: Duration,
    /// Each further delay is this many times longer.
    pub backoff_coefficient: f64,
    /// No delay is longer.
    pub maximum_interval: Duration,
    /// Attempts in all; 0 means no limit.
    pub maximum_attempts: u32,
    /// Delays vary by this share of themselves in both directions, 0.0 to 1.0.
    pub jitter: f64,
    /// Error codes that are not worth another attempt.
    pub non_retryable_errors: BTreeSet<String>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            initial_interval: Duration::from_secs(1),
            backoff_coefficient: 2.0,
            maximum_interval: Duration::from_mins(1),
            maximum_attempts: 5,
            jitter: 0.2,
            non_retryable_errors: BTreeSet::new(),
        }
    }
}

/// How long to wait, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// On the dead-letter rung of exactly this delay.
    Rung(Duration),
    /// With a timer of the orchestrator.
    Timer(Duration),
}

impl Delay {
    /// The span to wait.
    #[must_use]
    pub const fn span(self) -> Duration {
        match self {
            Self::Rung(span) | Self::Timer(span) => span,
        }
    }
}

impl RetryPolicy {
    /// Whether `failed` attempts leave room for one more after an error with this code.
    #[must_use]
    pub fn allows_another(&self, failed: u32, code: &str) -> bool {
        (self.maximum_attempts == 0 || failed < self.maximum_attempts)
            && !self.non_retryable_errors.contains(code)
    }

    /// The delay after attempt `attempt` (1-based) failed.
    ///
    /// The jitter is a hash of saga, step, op and attempt, so that a replay computes the same delay
    /// and sagas that failed together do not come back together. A delay that lies within its own
    /// jitter of a rung takes that rung, which costs the orchestrator no timer.
    #[must_use]
    pub fn delay(&self, saga: SagaId, key: &StepKey, op: Op, attempt: u32) -> Delay {
        let base = self.base_delay(attempt);
        if let Some(rung) = self.rung_near(base) {
            return Delay::Rung(rung);
        }
        let swing = (unit_hash(saga, key, op, attempt) * 2.0 - 1.0) * self.jitter;
        Delay::Timer(base.mul_f64(1.0 + swing))
    }

    /// The rung that a command rides which is sent once more after the broker gave it up. What one
    /// crash swept along comes back scattered, so that the poison among it is soon alone.
    #[must_use]
    pub fn scattered(saga: SagaId, key: &StepKey, op: Op, attempt: u32) -> Duration {
        let share = unit_hash(saga, key, op, attempt);
        RUNGS
            .into_iter()
            .zip(1_u32..)
            .find(|(_, number)| share * f64::from(RUNG_COUNT) < f64::from(*number))
            .map_or(RUNGS[0], |(rung, _)| rung)
    }

    fn base_delay(&self, attempt: u32) -> Duration {
        let exponent = f64::from(attempt.saturating_sub(1));
        let factor = self.backoff_coefficient.powf(exponent);
        let longest = self.maximum_interval.as_secs_f64();
        let seconds = (self.initial_interval.as_secs_f64() * factor).min(longest);
        Duration::from_secs_f64(if seconds.is_finite() {
            seconds
        } else {
            longest
        })
    }

    fn rung_near(&self, base: Duration) -> Option<Duration> {
        let reach = base.mul_f64(self.jitter);
        RUNGS
            .into_iter()
            .filter(|rung| rung.abs_diff(base) <= reach)
            .min_by_key(|rung| rung.abs_diff(base))
    }
}

/// A number in 0..1 that depends on nothing but its arguments.
fn unit_hash(saga: SagaId, key: &StepKey, op: Op, attempt: u32) -> f64 {
    let mut hash = Sha256::new();
    hash.update(saga.0.as_bytes());
    hash.update(key.step.as_str().as_bytes());
    hash.update(key.element.to_be_bytes());
    hash.update(op.as_str().as_bytes());
    hash.update(attempt.to_be_bytes());
    let digest = hash.finalize();
    let top = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    f64::from(top) / (f64::from(u32::MAX) + 1.0)
}
