//! How a saga of a case ended, or came to rest.

use std::fmt;

use saga_core::saga::{Phase, Saga, StepStatus};

/// How a saga ended, or came to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Every step is done.
    Completed,
    /// Everything undoable is undone.
    Compensated,
    /// An undo failed; it rests for an operator.
    CompensationFailed,
    /// It rests for an operator, with a cause.
    Paused,
    /// Nobody knows whether a step happened; it rests until an operator says so.
    OutcomeUnknown,
    /// It was terminated, which nobody here asks for.
    Terminated,
    /// It had not come to rest when the case was given up.
    Unfinished,
}

impl End {
    /// How the saga rests, or `None` while it moves.
    pub(super) fn of(saga: &Saga) -> Option<Self> {
        match (&saga.phase, &saga.pause) {
            (Phase::Completed, _) => Some(Self::Completed),
            (Phase::Compensated { .. }, _) => Some(Self::Compensated),
            (Phase::Terminated, _) => Some(Self::Terminated),
            (Phase::CompensationFailed, _) => Some(Self::CompensationFailed),
            (Phase::Running | Phase::Compensating, Some(_)) => Some(Self::Paused),
            (Phase::Running | Phase::Compensating, None) => {
                // A step that is split is as far as its elements are.
                let mut states = saga
                    .steps
                    .listed()
                    .values()
                    .filter(|it| it.elements.is_none());
                let is_moving = states.clone().any(|state| {
                    state.status.is_in_flight() || state.status == StepStatus::Waiting
                });
                let is_unknown = states.any(|state| state.status == StepStatus::OutcomeUnknown);
                (is_unknown && !is_moving).then_some(Self::OutcomeUnknown)
            }
        }
    }

    /// The word in tables and in JSON.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::CompensationFailed => "compensation_failed",
            Self::Paused => "paused",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Terminated => "terminated",
            Self::Unfinished => "unfinished",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
