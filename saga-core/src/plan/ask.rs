//! The question, and what makes it senseless.

use super::outlook::Outlook;
use super::rehearsal::Rehearsal;
use crate::definition::Definition;
use crate::ids::StepKey;
use crate::operator::Verb;
use crate::refusal::Refused;
use crate::saga::{Phase, Saga, StepStatus};
use crate::time::Timestamp;
use crate::values::{ValueKey, Values};

/// Why there is no outlook.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The saga does not let itself be cancelled, or does not go on to where it would fail.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The definition has no such step.
    #[error("the saga has no step {0}")]
    UnknownStep(StepKey),
    /// It is past that.
    #[error("step {step} is {}; it cannot fail any more", status.as_str())]
    Over {
        /// Which step.
        step: StepKey,
        /// Where it stands.
        status: StepStatus,
    },
    /// The saga turns back, so that nothing of its forward path fails any more.
    #[error("the saga is turning back; ask without a step for what it still undoes")]
    TurningBack,
    /// It waits without a limit.
    #[error("step {0} waits without a timeout; it cannot fail")]
    CannotFail(StepKey),
    /// The saga ends without it.
    #[error("the saga would not come to step {step}: {why}")]
    NotReached {
        /// Which step.
        step: StepKey,
        /// What it would come to.
        why: String,
    },
    /// There are too many steps to think through.
    #[error("more than {0} answers would be needed to think this saga through")]
    TooLong(usize),
    /// Values of the saga are missing.
    #[error("{} values of the saga are missing", .0.len())]
    Lacks(Vec<ValueKey>),
    /// A bug.
    #[error("the saga cannot be thought through: {0}")]
    Illegal(String),
}

/// What would follow if this step failed for good, or without one if the saga was cancelled now.
/// `values` are all of the saga's. Nothing changes.
///
/// # Errors
/// Why there is nothing to tell.
pub fn plan(
    definition: &Definition,
    saga: &Saga,
    values: &Values,
    failed_at: Option<&StepKey>,
    now: Timestamp,
) -> Result<Outlook, PlanError> {
    if saga.phase.is_closed() {
        return Err(Refused::Closed(saga.status()).into());
    }
    let mut rehearsal = Rehearsal::new(definition, saga, values, failed_at, now);
    match failed_at {
        Some(step) => {
            can_fail(definition, saga, step)?;
            if saga.pause.is_some() {
                rehearsal.operate(Verb::Resume)?;
            }
        }
        None => cancel(&mut rehearsal)?,
    }
    rehearsal.play()?;
    rehearsal.finish()
}

fn can_fail(definition: &Definition, saga: &Saga, key: &StepKey) -> Result<(), PlanError> {
    let Some(step) = definition.step(&key.step) else {
        return Err(PlanError::UnknownStep(key.clone()));
    };
    if saga.phase != Phase::Running || saga.unwind.is_some() {
        return Err(PlanError::TurningBack);
    }
    let status = saga.step_status(key);
    let over = status.is_over();
    if over {
        let step = StepKey {
            step: step.name.clone(),
            element: key.element,
        };
        return Err(PlanError::Over { step, status });
    }
    Ok(())
}

/// A saga that turns back already is looked at from where it is.
fn cancel(rehearsal: &mut Rehearsal<'_>) -> Result<(), PlanError> {
    match rehearsal.operate(Verb::Cancel) {
        Err(PlanError::Refused(Refused::TurningBack)) => {
            if rehearsal.rests() {
                rehearsal.operate(Verb::Resume)?;
            }
            Ok(())
        }
        Err(PlanError::Refused(Refused::CompensationFailed)) => rehearsal.retry_undos(),
        done => done,
    }
}
