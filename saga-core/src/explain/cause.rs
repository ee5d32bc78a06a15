//! The closed list of causes, each with its evidence and the command that would mend it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{Op, SagaId, StepKey};
use crate::input::StepError;
use crate::operator::By;
use crate::time::Timestamp;

/// One reason why a saga is not further. Displayed, it is a sentence fragment for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// An input could not be applied.
    Parked {
        /// Why not.
        why: String,
    },
    /// An operator paused it.
    Paused {
        /// Who, and why.
        by: By,
        /// Since when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// It lived longer than its definition allows.
    MaxLifetime {
        /// When it should have been over.
        ended: Timestamp,
    },
    /// A step failed, and the saga rests instead of turning back.
    StepFailed {
        /// Which.
        step: StepKey,
        /// Its last error.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
    /// A step after the point of no return failed for good.
    RetriesExhaustedAfterPivot {
        /// Which.
        step: StepKey,
        /// Its last error.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
    /// Nobody knows whether a step happened.
    OutcomeUnknown {
        /// Which.
        step: StepKey,
        /// The key under which the outside world was asked; look there.
        outside_key: String,
        /// What settling said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
    /// A step could not be undone.
    CompensationFailed {
        /// Which.
        step: StepKey,
        /// The key under which the outside world was asked.
        outside_key: String,
        /// The undo's last error.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
    /// An attempt failed and the next waits for its time.
    BackingOff {
        /// Which step.
        step: StepKey,
        /// What of it.
        op: Op,
        /// The attempt that failed last.
        attempt: u32,
        /// Attempts in all; 0 means no limit.
        maximum_attempts: u32,
        /// When the next runs.
        until: Timestamp,
        /// Why the last failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
        /// The next attempt rides a dead-letter rung, where nobody can hasten it.
        on_rung: bool,
    },
    /// A step waits for somebody outside.
    WaitingForSignal {
        /// Which step.
        step: StepKey,
        /// For which signal.
        signal: String,
        /// Since when.
        since: Timestamp,
        /// Until when at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A step sleeps.
    WaitingForTimer {
        /// Which step.
        step: StepKey,
        /// Since when.
        since: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// A step waits for the saga that it runs, settles or undoes; ask that one why.
    WaitingForChild {
        /// Which step.
        step: StepKey,
        /// The child saga.
        child: SagaId,
        /// What of it.
        op: Op,
        /// Since when.
        since: Timestamp,
    },
    /// A command was sent. Whether a worker has it, only the queue and the workers can tell.
    Dispatched {
        /// Which step.
        step: StepKey,
        /// What of it.
        op: Op,
        /// Which attempt.
        attempt: u32,
        /// When it was sent.
        since: Timestamp,
    },
    /// A worker has said that it is at it.
    Executing {
        /// Which step.
        step: StepKey,
        /// What of it.
        op: Op,
        /// Which attempt.
        attempt: u32,
        /// When the handler started.
        since: Timestamp,
    },
}

impl Cause {
    /// The word in tables, on the wire and on the screen.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Parked { .. } => "parked",
            Self::Paused { .. } => "paused",
            Self::MaxLifetime { .. } => "max_lifetime",
            Self::StepFailed { .. } => "step_failed",
            Self::RetriesExhaustedAfterPivot { .. } => "retries_exhausted_after_pivot",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::CompensationFailed { .. } => "compensation_failed",
            Self::BackingOff { .. } => "backing_off",
            Self::WaitingForSignal { .. } => "waiting_for_signal",
            Self::WaitingForTimer { .. } => "waiting_for_timer",
            Self::WaitingForChild { .. } => "waiting_for_child",
            Self::Dispatched { .. } => "dispatched",
            Self::Executing { .. } => "executing",
        }
    }

    /// Whether the saga stands still until somebody does something.
    #[must_use]
    pub const fn needs_operator(&self) -> bool {
        match self {
            Self::Parked { .. }
            | Self::Paused { .. }
            | Self::MaxLifetime { .. }
            | Self::StepFailed { .. }
            | Self::RetriesExhaustedAfterPivot { .. }
            | Self::OutcomeUnknown { .. }
            | Self::CompensationFailed { .. } => true,
            Self::BackingOff { .. }
            | Self::WaitingForSignal { .. }
            | Self::WaitingForTimer { .. }
            | Self::WaitingForChild { .. }
            | Self::Dispatched { .. }
            | Self::Executing { .. } => false,
        }
    }

    /// The command that would mend it, to be completed with a reason; `None` where waiting does.
    #[must_use]
    pub fn mend(&self, saga: SagaId) -> Option<String> {
        let command = match self {
            Self::Parked { .. } | Self::Paused { .. } | Self::MaxLifetime { .. } => {
                format!("amends saga resume {saga}")
            }
            Self::StepFailed { step, .. }
            | Self::RetriesExhaustedAfterPivot { step, .. }
            | Self::CompensationFailed { step, .. }
            | Self::BackingOff {
                step,
                on_rung: false,
                ..
            } => format!("amends saga retry {saga} {step}"),
            Self::OutcomeUnknown { step, .. } => {
                format!("amends saga resolve {saga} {step} --happened JSON | --never")
            }
            Self::WaitingForSignal { signal, .. } => {
                return Some(format!("amends saga signal {saga} {signal} --payload JSON"));
            }
            Self::WaitingForChild { child, .. } => {
                return Some(format!("amends saga explain {child}"));
            }
            Self::BackingOff { on_rung: true, .. }
            | Self::WaitingForTimer { .. }
            | Self::Dispatched { .. }
            | Self::Executing { .. } => return None,
        };
        Some(format!("{command} --reason …"))
    }
}

impl fmt::Display for Cause {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each cause, all of them in one place"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parked { why } => write!(f, "an input could not be applied: {why}"),
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
            } => write!(f, "{op} of step {step} is up to saga {child} since {since}"),
            Self::Dispatched {
                step,
                op,
                attempt,
                since,
            } => write!(
                f,
                "{op} of step {step}, attempt {attempt}, was sent at {since}"
            ),
            Self::Executing {
                step,
                op,
                attempt,
                since,
            } => write!(
                f,
                "{op} of step {step}, attempt {attempt}, is executed since {since}"
            ),
        }
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
