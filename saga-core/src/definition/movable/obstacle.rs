//! What stands against moving a saga.

use crate::definition::DefinitionRef;
use crate::ids::{ActionName, StepName};
use crate::saga::Status;

/// Why a saga cannot move. Displayed, it is a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// It is over.
    #[error("the saga is {0}; nothing can change it any more")]
    Closed(Status),
    /// Another saga altogether.
    #[error("{0} is another saga, not another version of this one")]
    OtherSaga(DefinitionRef),
    /// It runs that version already.
    #[error("the saga runs {0} already")]
    SameVersion(DefinitionRef),
    /// A step that was touched is gone.
    #[error("step {0} was touched, and the other version does not have it")]
    StepGone(StepName),
    /// What was asked of a worker is asked of another there.
    #[error("step {step} has asked for {from}, in the other version it is {to}")]
    ActionChanged {
        /// Which.
        step: StepName,
        /// As it was asked.
        from: String,
        /// As it would be.
        to: String,
    },
    /// What a worker was given is computed anew to settle and to undo it, and would be told wrong.
    #[error("step {0} was given its input, and the other version computes another one for it")]
    InputChanged(StepName),
    /// What reads its output counts on there being one.
    #[error("step {0} was skipped, and the other version never skips it")]
    NeverSkipped(StepName),
    /// It is split into elements in only one of the versions.
    #[error("step {0} runs once for each element in only one of the versions, and was touched")]
    ElementsChanged(StepName),
    /// What was done could not be undone any more.
    #[error("step {0} is undone by a compensation, and the other version has none for it")]
    LosesUndo(StepName),
    /// What becomes of its effect is another matter there.
    #[error("step {step} {from}, in the other version it {to}")]
    EffectChanged {
        /// Which.
        step: StepName,
        /// As it is.
        from: &'static str,
        /// As it would be.
        to: &'static str,
    },
    /// An undo was begun with another operation.
    #[error("the undo of step {step} has asked for {from}, in the other version it is {to}")]
    UndoChanged {
        /// Which.
        step: StepName,
        /// As it was asked.
        from: ActionName,
        /// As it would be.
        to: ActionName,
    },
    /// The point of no return is another step.
    #[error("step {0} is the point of no return in only one of the versions, and was touched")]
    PivotChanged(StepName),
    /// The pivot has passed, and this step counts on turning back.
    #[error("the point of no return has passed, and step {0} would come before it")]
    BeforePivot(StepName),
    /// How its failure was handled is another matter there.
    #[error("step {0} has failed, and the other version handles that differently")]
    FailureChanged(StepName),
    /// Something that was done would come after something that was not.
    #[error(
        "step {step} was begun, and in the other version it waits for {dependency}, which is not done"
    )]
    OutOfOrder {
        /// Which.
        step: StepName,
        /// What it would have waited for.
        dependency: StepName,
    },
    /// Something would be undone after what it depends on.
    #[error(
        "step {step} is still to be undone, and {dependency}, which it waits for in the other version, is undone"
    )]
    UndoneOutOfOrder {
        /// Which.
        step: StepName,
        /// What it depends on there.
        dependency: StepName,
    },
    /// The step of the parent that runs this saga can be turned back, and this saga could not.
    #[error(
        "the saga is a step of another one, and the other version has a point of no return, which \
         that step does not have"
    )]
    ChildGetsPivot,
    /// Its payload could not start a saga of that version.
    #[error("the saga's input does not fit: {0}")]
    InputRefused(String),
}
