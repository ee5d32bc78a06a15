//! A cause as a sentence fragment for people.

use std::fmt;

use super::cause::Cause;
use crate::input::StepError;

impl fmt::Display for Cause {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each cause, all of them in one place"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parked { why, .. } => write!(f, "an input could not be applied: {why}"),
            Self::DefinitionMissing { definition, why } => {
                write!(f, "its definition, {definition}, cannot be had: {why}")
            }
            Self::Paused { by, .. } => write!(f, "paused by {}: {}", by.who, by.reason),
            Self::MaxLifetime { ended } => write!(f, "its lifetime ended at {ended}"),
            Self::StepFailed { step, error } => {
                write!(f, "step {step} failed{}", Because(error.as_ref()))
            }
            Self::RetriesExhaustedAfterPivot { step, error } => {
                let because = Because(error.as_ref());
                write!(
                    f,
                    "step {step}, after the point of no return, failed{because}"
                )
            }
            Self::OutcomeUnknown {
                step,
                outside_key,
                error,
            } => {
                let because = Because(error.as_ref());
                write!(
                    f,
                    "nobody knows whether step {step} ({outside_key}) happened{because}"
                )
            }
            Self::CompensationFailed {
                step,
                outside_key,
                error,
            } => {
                let because = Because(error.as_ref());
                write!(
                    f,
                    "step {step} could not be undone ({outside_key}){because}"
                )
            }
            Self::BackingOff {
                step,
                op,
                attempt,
                maximum_attempts,
                until,
                error,
                ..
            } => {
                let limit = match maximum_attempts {
                    0 => String::new(),
                    limit => format!(" of {limit}"),
                };
                let because = Because(error.as_ref());
                write!(
                    f,
                    "{op} of step {step} failed at attempt {attempt}{limit}, again at {until}{because}"
                )
            }
            Self::WaitingForSignal {
                step,
                signal,
                since,
                until,
            } => {
                write!(f, "step {step} waits for signal {signal} since {since}")?;
                match until {
                    Some(until) => write!(f, ", until {until} at most"),
                    None => Ok(()),
                }
            }
            Self::WaitingForTimer { step, until, .. } => {
                write!(f, "step {step} sleeps until {until}")
            }
            Self::WaitingForChild {
                step,
                child,
                op,
                since,
                child_status,
                because,
            } => {
                write!(f, "{op} of step {step} is up to saga {child} since {since}")?;
                match (because, child_status) {
                    (Some(cause), _) => write!(f, ", where {cause}"),
                    (None, Some(status)) => write!(f, ", which is {status}"),
                    (None, None) => Ok(()),
                }
            }
            Self::OutboxUnsent { .. }
            | Self::NoWorkerForOperation { .. }
            | Self::WaitingForWorker { .. }
            | Self::DeadLettered { .. }
            | Self::WaitingInQueue { .. }
            | Self::Dispatched { .. }
            | Self::Executing { .. } => sent(self, f),
        }
    }
}

/// What becomes of a command once it is sent; nothing for other causes.
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each cause, all of them in one place"
)]
fn sent(cause: &Cause, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match cause {
        Cause::OutboxUnsent {
            step,
            op,
            attempt,
            written,
            ..
        } => write!(
            f,
            "{op} of step {step}, attempt {attempt}, is stored since {written} and the broker does \
             not have it yet"
        ),
        Cause::NoWorkerForOperation {
            step,
            op,
            attempt,
            since,
            operation,
            queue,
        } => write!(
            f,
            "{op} of step {step}, attempt {attempt}, waits in {queue} since {since}: no worker has \
             announced {operation} ({op})"
        ),
        Cause::WaitingForWorker { .. } => waits_for_worker(cause, f),
        Cause::DeadLettered {
            step,
            op,
            attempt,
            letter,
            reason,
            ..
        } => {
            write!(
                f,
                "{op} of step {step}, attempt {attempt}, was dead-lettered"
            )?;
            if let Some(letter) = letter {
                write!(f, " ({letter})")?;
            }
            match reason {
                Some(reason) => write!(f, ": {reason}"),
                None => Ok(()),
            }
        }
        Cause::WaitingInQueue {
            step,
            op,
            attempt,
            since,
            queue,
            messages,
            consumers,
            ..
        } => write!(
            f,
            "{op} of step {step}, attempt {attempt}, is in {queue} since {since}, where {messages} \
             wait for {consumers} consumers"
        ),
        Cause::Dispatched {
            step,
            op,
            attempt,
            since,
            empty_queue,
            ..
        } => {
            write!(
                f,
                "{op} of step {step}, attempt {attempt}, was sent at {since}"
            )?;
            match empty_queue {
                Some(queue) => write!(f, "; {queue} is empty, so a worker has it, or it is lost"),
                None => Ok(()),
            }
        }
        Cause::Executing {
            step,
            op,
            attempt,
            since,
            worker,
            unheard,
        } => {
            write!(
                f,
                "{op} of step {step}, attempt {attempt}, is executed since {since}"
            )?;
            match (worker, unheard) {
                (Some(worker), _) => write!(f, " by {worker}"),
                (None, true) => f.write_str("; no worker that is there reports it any more"),
                (None, false) => Ok(()),
            }
        }
        Cause::Parked { .. }
        | Cause::DefinitionMissing { .. }
        | Cause::Paused { .. }
        | Cause::MaxLifetime { .. }
        | Cause::StepFailed { .. }
        | Cause::RetriesExhaustedAfterPivot { .. }
        | Cause::OutcomeUnknown { .. }
        | Cause::CompensationFailed { .. }
        | Cause::BackingOff { .. }
        | Cause::WaitingForSignal { .. }
        | Cause::WaitingForTimer { .. }
        | Cause::WaitingForChild { .. } => Ok(()),
    }
}

fn waits_for_worker(cause: &Cause, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Cause::WaitingForWorker {
        step,
        op,
        attempt,
        since,
        queue,
        stopped,
        last_worker,
        last_heard,
        ..
    } = cause
    else {
        return Ok(());
    };
    write!(
        f,
        "{op} of step {step}, attempt {attempt}, waits in {queue} since {since}: nobody consumes it"
    )?;
    match (stopped, last_worker, last_heard) {
        (1.., _, _) => write!(f, ", {stopped} workers have opened their circuit breaker"),
        (0, Some(worker), Some(heard)) => write!(f, ", {worker} was last heard of at {heard}"),
        (0, Some(_), None) | (0, None, _) => Ok(()),
    }
}

/// An error at the end of a sentence.
struct Because<'a>(Option<&'a StepError>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(error) => write!(f, ": {}: {}", error.code, error.message),
            None => Ok(()),
        }
    }
}
