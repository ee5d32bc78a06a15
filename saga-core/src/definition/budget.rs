//! The worst case: how often a step can be tried, and how long that takes.

use std::time::Duration;

use super::model::{Definition, Effect, OnFailure, Step, StepKind, Timeouts};
use super::retry::RetryPolicy;
use crate::ids::StepName;
use crate::time::parse_span;

/// The broker delivers a message again this often, after its consumer was lost or did not answer,
/// before it gives the message up.
pub const REDELIVERIES_MAX: u32 = 20;

/// How often one attempt can reach a worker: its deliveries, and those of the probe that follows a
/// message that the broker gave up.
pub const DELIVERIES_PER_ATTEMPT: u64 = 2 * (REDELIVERIES_MAX as u64 + 1);

/// The worst case of a definition, as long as workers and broker take the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Every step, in the order of the definition.
    pub steps: Vec<StepBudget>,
    /// From the start until the last step is done, on the longest path; `None` has no limit.
    pub forward: Option<Duration>,
    /// From the first undo to the last, on the longest path; `None` has no limit.
    pub undo: Option<Duration>,
}

/// The worst case of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepBudget {
    /// Its id.
    pub step: StepName,
    /// Its action.
    pub action: CallBudget,
    /// Its undo, where it has one.
    pub undo: Option<CallBudget>,
}

/// The worst case of an action or an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallBudget {
    /// How many attempts the orchestrator makes; `None` has no limit.
    pub attempts: Option<u32>,
    /// How often a worker can be handed one of them, the broker's redeliveries included. The ledger
    /// answers all but the first from its row.
    pub deliveries: Option<u64>,
    /// From the first dispatch to the end of the last attempt; `None` has no limit.
    pub wall_time: Option<Duration>,
}

impl Budget {
    /// The worst case of a definition.
    #[must_use]
    pub fn of(definition: &Definition) -> Self {
        let steps: Vec<StepBudget> = definition
            .steps
            .iter()
            .map(|step| StepBudget {
                step: step.name.clone(),
                action: CallBudget::of_step(step),
                undo: match &step.effect {
                    Effect::Compensate(undo) => Some(CallBudget::of(&undo.retry, &undo.timeouts)),
                    Effect::None | Effect::Child | Effect::Residue(_) | Effect::Retriable => None,
                },
            })
            .collect();
        let forward = longest(definition, |at| steps[at].action.wall_time);
        let undo = longest(definition, |at| match &steps[at].undo {
            Some(undo) => undo.wall_time,
            None => Some(Duration::ZERO),
        });
        Self {
            steps,
            forward,
            undo,
        }
    }
}

impl CallBudget {
    /// The worst case of what a step does, its fallback included.
    fn of_step(step: &Step) -> Self {
        let waits = |wall_time: Option<Duration>| Self {
            attempts: Some(1),
            deliveries: Some(0),
            wall_time,
        };
        let mut budget = match &step.kind {
            StepKind::Action(_) => Self::of(&step.retry, &step.timeouts),
            StepKind::Wait(wait) => waits(wait.timeout),
            StepKind::Sleep(span) => {
                let written = span.written();
                waits(written.as_str().and_then(|text| parse_span(text).ok()))
            }
            // The other saga has limits of its own.
            StepKind::Saga(_) => waits(None),
        };
        if let OnFailure::Fallback(other) = &step.on_failure {
            let other = Self::of(&other.retry, &other.timeouts);
            budget = Self {
                attempts: budget
                    .attempts
                    .zip(other.attempts)
                    .map(|(a, b)| a.saturating_add(b)),
                deliveries: budget
                    .deliveries
                    .zip(other.deliveries)
                    .map(|(a, b)| a.saturating_add(b)),
                wall_time: budget
                    .wall_time
                    .zip(other.wall_time)
                    .map(|(a, b)| a.saturating_add(b)),
            };
        }
        if step.for_each.is_some() {
            // Of one element; how many there are shows only when it runs.
            budget.wall_time = None;
        }
        budget
    }

    /// The worst case of a policy under its limits.
    #[must_use]
    pub fn of(retry: &RetryPolicy, limits: &Timeouts) -> Self {
        let limit = limits.schedule_to_close;
        let allowed = (retry.maximum_attempts > 0).then_some(retry.maximum_attempts);
        let fitting = limit.map(|limit| attempts_within(retry, limit));
        let attempts = match (allowed, fitting) {
            (Some(allowed), Some(fitting)) => Some(allowed.min(fitting)),
            (one, other) => one.or(other),
        };
        let waits = allowed.map(|attempts| waits(retry, attempts));
        let runs = limits
            .start_to_close
            .zip(allowed)
            .map(|(run, attempts)| run.saturating_mul(attempts));
        let needed = waits
            .zip(runs)
            .map(|(waits, runs)| waits.saturating_add(runs));
        let wall_time = match (needed, limit) {
            (Some(needed), Some(limit)) => Some(needed.min(limit)),
            (one, other) => one.or(other),
        };
        Self {
            attempts,
            deliveries: attempts.map(|attempts| u64::from(attempts) * DELIVERIES_PER_ATTEMPT),
            wall_time,
        }
    }
}

/// The delays of a policy without jitter, from the first on.
struct Delays {
    next: f64,
    coefficient: f64,
    longest: f64,
}

impl Delays {
    const fn of(retry: &RetryPolicy) -> Self {
        Self {
            next: retry.initial_interval.as_secs_f64(),
            coefficient: retry.backoff_coefficient,
            longest: retry.maximum_interval.as_secs_f64(),
        }
    }

    /// The next delay, and whether all later ones are the same.
    fn next(&mut self) -> (f64, bool) {
        let delay = self.next.min(self.longest);
        let stays = self.next >= self.longest || self.coefficient <= 1.0;
        self.next *= self.coefficient;
        (delay, stays)
    }
}

/// How many attempts can begin before `limit` has passed, when each fails at once and jitter makes
/// every delay as short as it can.
pub(crate) fn attempts_within(retry: &RetryPolicy, limit: Duration) -> u32 {
    let shortest = 1.0 - retry.jitter;
    let mut left = limit.as_secs_f64();
    let mut delays = Delays::of(retry);
    let mut attempts: u32 = 1;
    loop {
        let (delay, stays) = delays.next();
        let delay = delay * shortest;
        if delay <= 0.0 {
            return u32::MAX;
        }
        if delay >= left {
            return attempts;
        }
        if stays {
            // Those that begin strictly before the limit.
            let more = (left / delay).ceil() - 1.0;
            return attempts.saturating_add(whole(more));
        }
        left -= delay;
        attempts = attempts.saturating_add(1);
    }
}

/// The sum of all delays between this many attempts, as long as jitter makes them.
fn waits(retry: &RetryPolicy, attempts: u32) -> Duration {
    let mut delays = Delays::of(retry);
    let mut left = attempts.saturating_sub(1);
    let mut sum = 0.0;
    while left > 0 {
        let (delay, stays) = delays.next();
        if stays {
            sum += delay * f64::from(left);
            break;
        }
        sum += delay;
        left -= 1;
    }
    Duration::try_from_secs_f64(sum * (1.0 + retry.jitter)).unwrap_or(Duration::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float saturates, and attempts are not negative"
)]
const fn whole(count: f64) -> u32 {
    count as u32
}

/// The longest path through the steps by this measure; `None` when a step on any path has no limit.
fn longest(definition: &Definition, of: impl Fn(usize) -> Option<Duration>) -> Option<Duration> {
    let mut until: Vec<Option<Duration>> = vec![None; definition.steps.len()];
    let mut waiting: Vec<usize> = definition
        .steps
        .iter()
        .map(|step| step.depends_on.len())
        .collect();
    let mut ready: Vec<usize> = (0..waiting.len()).filter(|at| waiting[*at] == 0).collect();
    let mut end = Some(Duration::ZERO);
    while let Some(at) = ready.pop() {
        let step = &definition.steps[at];
        let begin = step
            .depends_on
            .iter()
            .map(|earlier| until[*earlier])
            .try_fold(Duration::ZERO, |latest, one| Some(latest.max(one?)));
        until[at] = begin
            .zip(of(at))
            .map(|(begin, own)| begin.saturating_add(own));
        end = end.zip(until[at]).map(|(end, own)| end.max(own));
        for dependent in &step.dependents {
            waiting[*dependent] -= 1;
            if waiting[*dependent] == 0 {
                ready.push(*dependent);
            }
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CallBudget, DELIVERIES_PER_ATTEMPT, attempts_within, waits};
    use crate::definition::{RetryPolicy, Timeouts};

    fn policy(attempts: u32, initial: u64, coefficient: f64, maximum: u64) -> RetryPolicy {
        RetryPolicy {
            initial_interval: Duration::from_secs(initial),
            backoff_coefficient: coefficient,
            maximum_interval: Duration::from_secs(maximum),
            maximum_attempts: attempts,
            jitter: 0.0,
            ..RetryPolicy::default()
        }
    }

    fn limits(attempt: Option<u64>, total: Option<u64>) -> Timeouts {
        Timeouts {
            start_to_close: attempt.map(Duration::from_secs),
            schedule_to_close: total.map(Duration::from_secs),
            ..Timeouts::default()
        }
    }

    #[test]
    fn delays_add_up_to_their_cap() {
        // 1 2 4 8 8 8
        assert_eq!(waits(&policy(7, 1, 2.0, 8), 7), Duration::from_secs(31));
        assert_eq!(waits(&policy(1, 1, 2.0, 8), 1), Duration::ZERO);
        assert_eq!(
            waits(&policy(0, 5, 1.0, 60), 1_000),
            Duration::from_secs(4_995)
        );
        let jittered = RetryPolicy {
            jitter: 0.5,
            ..policy(3, 2, 1.0, 2)
        };
        assert_eq!(waits(&jittered, 3), Duration::from_secs(6));
    }

    #[test]
    fn attempts_are_counted_by_when_they_begin() {
        let doubling = policy(0, 1, 2.0, 8);
        for (limit, attempts) in [(1, 1), (2, 2), (3, 2), (4, 3), (8, 4), (16, 5), (24, 6)] {
            let found = attempts_within(&doubling, Duration::from_secs(limit));
            assert_eq!(found, attempts, "within {limit} s");
        }
        let always = RetryPolicy {
            jitter: 1.0,
            ..doubling
        };
        assert_eq!(attempts_within(&always, Duration::from_secs(1)), u32::MAX);
    }

    #[test]
    fn the_smaller_of_attempts_and_time_counts() {
        let budget = CallBudget::of(&policy(3, 1, 2.0, 8), &limits(Some(10), None));
        assert_eq!(budget.attempts, Some(3));
        assert_eq!(budget.wall_time, Some(Duration::from_secs(33)));
        assert_eq!(budget.deliveries, Some(3 * DELIVERIES_PER_ATTEMPT));
        let cut = CallBudget::of(&policy(3, 1, 2.0, 8), &limits(Some(10), Some(15)));
        assert_eq!(cut.wall_time, Some(Duration::from_secs(15)));
        let endless = CallBudget::of(&policy(0, 1, 2.0, 8), &limits(None, None));
        assert_eq!((endless.attempts, endless.wall_time), (None, None));
        let bounded = CallBudget::of(&policy(0, 1, 2.0, 8), &limits(None, Some(16)));
        assert_eq!(bounded.attempts, Some(5));
        assert_eq!(bounded.wall_time, Some(Duration::from_secs(16)));
    }
}
