//! Which causes are trouble, and which of several is told first.

use std::time::Duration;

use super::cause::Cause;
use crate::time::Timestamp;

/// A command that nobody consumes, or that the broker does not have, is trouble after this.
const WORKER_WAIT_MAX: Duration = Duration::from_mins(1);

/// A command that others are before in its queue is trouble after this.
const QUEUE_WAIT_MAX: Duration = Duration::from_mins(10);

/// A command that nobody says anything of is trouble after this.
const SILENCE_MAX: Duration = Duration::from_mins(5);

/// A handler that runs for longer is trouble, whatever its own limits.
const EXECUTION_MAX: Duration = Duration::from_hours(1);

/// A step that backs off is trouble once this attempt has failed.
const FAILED_ATTEMPTS: u32 = 3;

/// What was to happen at a certain time is trouble when it is late by this.
const TIMER_LATE_MAX: Duration = Duration::from_mins(1);

/// Somebody outside has been waited for, for too long, after this.
const SIGNAL_WAIT_MAX: Duration = Duration::from_hours(24);

/// Whether somebody should look: the saga stands still until an operator acts, or has waited for
/// longer than it should.
#[must_use]
pub fn is_stuck(cause: &Cause, now: Timestamp) -> bool {
    let longer = |since: &Timestamp, span: Duration| now.since(*since) > span;
    match cause {
        Cause::Parked { .. }
        | Cause::DefinitionMissing { .. }
        | Cause::Paused { .. }
        | Cause::MaxLifetime { .. }
        | Cause::StepFailed { .. }
        | Cause::RetriesExhaustedAfterPivot { .. }
        | Cause::OutcomeUnknown { .. }
        | Cause::CompensationFailed { .. } => true,
        Cause::BackingOff { attempt, until, .. } => {
            *attempt >= FAILED_ATTEMPTS || longer(until, TIMER_LATE_MAX)
        }
        Cause::WaitingForTimer { until, .. } => longer(until, TIMER_LATE_MAX),
        Cause::WaitingForSignal { since, until, .. } => match until {
            Some(until) => longer(until, TIMER_LATE_MAX),
            None => longer(since, SIGNAL_WAIT_MAX),
        },
        Cause::WaitingForChild {
            because,
            child_status,
            since,
            ..
        } => match (because, child_status) {
            (Some(cause), _) => is_stuck(cause, now),
            (None, Some(status)) if status.is_open() => false,
            // Its end, or that it was asked to begin, should have been told long ago.
            (None, Some(_) | None) => longer(since, SILENCE_MAX),
        },
        Cause::OutboxUnsent { written, .. } => longer(written, WORKER_WAIT_MAX),
        Cause::NoWorkerForOperation { since, .. } | Cause::WaitingForWorker { since, .. } => {
            longer(since, WORKER_WAIT_MAX)
        }
        Cause::WaitingInQueue { since, .. } => longer(since, QUEUE_WAIT_MAX),
        Cause::Dispatched { since, .. } | Cause::DeadLettered { since, .. } => {
            longer(since, SILENCE_MAX)
        }
        Cause::Executing { since, unheard, .. } => {
            longer(since, if *unheard { SILENCE_MAX } else { EXECUTION_MAX })
        }
    }
}

/// Puts first what stands still for ever, then what takes too long, then what takes its time.
pub fn in_order(causes: &mut [Cause], now: Timestamp) {
    causes.sort_by_key(|cause| (!is_stuck(cause, now), rank(cause)));
}

const fn rank(cause: &Cause) -> u8 {
    match cause {
        Cause::Parked { .. } | Cause::DefinitionMissing { .. } => 0,
        Cause::OutcomeUnknown { .. } => 1,
        Cause::CompensationFailed { .. } => 2,
        Cause::RetriesExhaustedAfterPivot { .. } | Cause::StepFailed { .. } => 3,
        Cause::MaxLifetime { .. } => 4,
        Cause::Paused { .. } => 5,
        Cause::NoWorkerForOperation { .. } => 6,
        Cause::WaitingForWorker { .. } => 7,
        Cause::OutboxUnsent { .. } => 8,
        Cause::DeadLettered { .. } => 9,
        Cause::BackingOff { .. } => 10,
        Cause::WaitingForSignal { .. } => 11,
        Cause::WaitingForTimer { .. } => 12,
        Cause::WaitingForChild { .. } => 13,
        Cause::WaitingInQueue { .. } => 14,
        Cause::Dispatched { .. } => 15,
        Cause::Executing { .. } => 16,
    }
}
