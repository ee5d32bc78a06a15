//! Why an operator's verb is refused. The saga is as it was.

use crate::definition::{DefinitionRef, Obstacle};
use crate::ids::StepKey;
use crate::saga::{SIGNALS_MAX, Status, StepStatus};

/// Why a verb makes no sense now. Displayed, it is a sentence for people that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The saga is over.
    #[error("the saga is {0}; nothing can change it any more")]
    Closed(Status),
    /// It goes on already.
    #[error("the saga is not paused")]
    NotPaused,
    /// It rests already.
    #[error("the saga is paused already; `resume` lets it go on")]
    AlreadyPaused,
    /// Nothing is sent while it rests.
    #[error("the saga is paused, and nothing is sent while it is; `resume` it first")]
    Paused,
    /// It undoes, or will, what was done.
    #[error("the saga is turning back already")]
    TurningBack,
    /// It rests because something could not be undone.
    #[error("the saga rests in compensation_failed; `retry` or `resolve` the undo, or `terminate`")]
    CompensationFailed,
    /// The point of no return is behind it.
    #[error("the point of no return, {0}, has passed; the saga can only go forward")]
    PivotPassed(StepKey),
    /// The definition has no such step.
    #[error("the saga has no step {0}")]
    UnknownStep(StepKey),
    /// Resuming would only rest again.
    #[error("step {0} has failed; `retry` or `skip` it, `cancel` or `terminate` the saga")]
    StillFailed(StepKey),
    /// Resuming would only rest again.
    #[error("nobody knows whether step {0} happened; find out and `resolve` it")]
    StillUnknown(StepKey),
    /// There is nothing to try again.
    #[error("step {step} is {}; only what has failed can be tried again", status.as_str())]
    NothingToRetry {
        /// Which.
        step: StepKey,
        /// Where it stands.
        status: StepStatus,
    },
    /// Only a step that failed can be passed over.
    #[error("step {step} is {}; only a step that has failed can be skipped", status.as_str())]
    NothingToSkip {
        /// Which.
        step: StepKey,
        /// Where it stands.
        status: StepStatus,
    },
    /// What became of it is known, or will be.
    #[error("step {step} is {}; only an unknown outcome or a failed undo can be resolved", status.as_str())]
    NothingToResolve {
        /// Which.
        step: StepKey,
        /// Where it stands.
        status: StepStatus,
    },
    /// A command for it is with the workers.
    #[error("step {step} is {} and its command is with the workers; wait for the answer", status.as_str())]
    InFlight {
        /// Which.
        step: StepKey,
        /// Where it stands.
        status: StepStatus,
    },
    /// It may have happened: doing it again, or passing it over, could be wrong.
    #[error("nobody knows whether step {0} happened; find out and `resolve` it first")]
    InDoubt(StepKey),
    /// Its definition let the saga go on without it.
    #[error("step {0} failed, and the saga went on without it as its definition says")]
    PassedOver(StepKey),
    /// Without its pivot a saga would not know whether it may turn back.
    #[error("step {0} is the point of no return and cannot be skipped; `retry` it or `cancel`")]
    IsPivot(StepKey),
    /// It has as many signals as it may have.
    #[error("the saga has got {SIGNALS_MAX} signals, which is the most it may")]
    TooManySignals,
    /// It is split into elements.
    #[error("step {0} has elements; name one, such as `{0}[1]`")]
    NameAnElement(StepKey),
    /// Its effect is there after all.
    #[error(
        "step {0} took effect after it was ruled out; trying again would do it twice, `skip` it"
    )]
    EffectOnRecord(StepKey),
    /// What it has done does not fit the other version.
    #[error("the saga cannot move to {to}: {}", listed(obstacles))]
    CannotMove {
        /// The other version.
        to: DefinitionRef,
        /// Everything that stands against it.
        obstacles: Vec<Obstacle>,
    },
}

fn listed(obstacles: &[Obstacle]) -> String {
    let sentences: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
    sentences.join("; ")
}

impl Refused {
    /// What stands against a move, where that was asked for.
    #[must_use]
    pub fn obstacles(&self) -> &[Obstacle] {
        if let Self::CannotMove { obstacles, .. } = self {
            obstacles
        } else {
            &[]
        }
    }

    /// The word in metrics, logs and problem documents.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Closed(_) => "closed",
            Self::NotPaused => "not_paused",
            Self::AlreadyPaused => "already_paused",
            Self::Paused => "paused",
            Self::TurningBack => "turning_back",
            Self::CompensationFailed => "compensation_failed",
            Self::PivotPassed(_) => "pivot_passed",
            Self::UnknownStep(_) => "unknown_step",
            Self::StillFailed(_) => "still_failed",
            Self::StillUnknown(_) => "still_unknown",
            Self::NothingToRetry { .. } => "nothing_to_retry",
            Self::NothingToSkip { .. } => "nothing_to_skip",
            Self::NothingToResolve { .. } => "nothing_to_resolve",
            Self::InFlight { .. } => "in_flight",
            Self::InDoubt(_) => "in_doubt",
            Self::PassedOver(_) => "passed_over",
            Self::IsPivot(_) => "is_pivot",
            Self::TooManySignals => "too_many_signals",
            Self::NameAnElement(_) => "name_an_element",
            Self::EffectOnRecord(_) => "effect_on_record",
            Self::CannotMove { .. } => "cannot_move",
        }
    }
}
