//! Where a saga stands, and where a piece of its work does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::StepName;

/// Where a saga stands. Whether it rests for an operator is told apart by
/// [`pause`](super::Saga::pause).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Going forward.
    Running,
    /// Undoing.
    Compensating,
    /// Every step is done.
    Completed,
    /// Everything undoable is undone; these effects were declared as not undoable.
    Compensated {
        /// Steps whose effect remains.
        residue: Vec<StepName>,
    },
    /// Something could not be undone; it rests for an operator.
    CompensationFailed,
    /// An operator ended it without undoing anything.
    Terminated,
}

impl Phase {
    /// Whether nothing more can happen.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        match self {
            Self::Completed | Self::Compensated { .. } | Self::Terminated => true,
            Self::Running | Self::Compensating | Self::CompensationFailed => false,
        }
    }
}

/// What people call the state of a saga.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Going forward.
    Running,
    /// Resting for an operator.
    Paused,
    /// Undoing.
    Compensating,
    /// Every step is done.
    Completed,
    /// Everything undoable is undone.
    Compensated,
    /// Something could not be undone.
    CompensationFailed,
    /// Ended by an operator without undo.
    Terminated,
}

impl Status {
    /// Every status, in the order in which people read them.
    pub const ALL: [Self; 7] = [
        Self::Running,
        Self::Paused,
        Self::Compensating,
        Self::Completed,
        Self::Compensated,
        Self::CompensationFailed,
        Self::Terminated,
    ];

    /// Whether something can still happen.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Running | Self::Paused | Self::Compensating | Self::CompensationFailed => true,
            Self::Completed | Self::Compensated | Self::Terminated => false,
        }
    }

    /// The word in tables, on the wire and on the screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::CompensationFailed => "compensation_failed",
            Self::Terminated => "terminated",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::as_str).join(", ");
                format!("`{text}` is not a status; it is one of {known}")
            })
    }
}

/// Where one piece of work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not dispatched.
    Pending,
    /// Its action is with the workers.
    Scheduled,
    /// It waits for a signal or a time.
    Waiting,
    /// An attempt failed; the next waits for its time.
    BackingOff,
    /// It happened.
    Succeeded,
    /// It failed for good, without effect.
    Failed,
    /// It was not needed.
    Skipped,
    /// The ledger is asked what became of it.
    Settling,
    /// Nobody knows whether it happened.
    OutcomeUnknown,
    /// Its undo is under way.
    Compensating,
    /// It is undone.
    Compensated,
    /// Its undo failed for good.
    CompensationFailed,
    /// It never happened and cannot happen any more.
    NeverHappened,
}

impl StepStatus {
    /// Whether nothing of its action is left to do.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Pending
            | Self::Scheduled
            | Self::Waiting
            | Self::BackingOff
            | Self::Settling
            | Self::OutcomeUnknown => false,
            Self::Succeeded
            | Self::Failed
            | Self::Skipped
            | Self::Compensating
            | Self::Compensated
            | Self::CompensationFailed
            | Self::NeverHappened => true,
        }
    }

    /// The word in tables, on the wire and on the screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduled => "scheduled",
            Self::Waiting => "waiting",
            Self::BackingOff => "backing_off",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Settling => "settling",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Compensating => "compensating",
            Self::Compensated => "compensated",
            Self::CompensationFailed => "compensation_failed",
            Self::NeverHappened => "never_happened",
        }
    }

    /// Whether a command for it may be with the workers.
    #[must_use]
    pub const fn is_in_flight(self) -> bool {
        match self {
            Self::Scheduled | Self::BackingOff | Self::Settling | Self::Compensating => true,
            Self::Pending
            | Self::Waiting
            | Self::Succeeded
            | Self::Failed
            | Self::Skipped
            | Self::OutcomeUnknown
            | Self::Compensated
            | Self::CompensationFailed
            | Self::NeverHappened => false,
        }
    }
}
