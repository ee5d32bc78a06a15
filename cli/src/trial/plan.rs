//! Which faults make sense for a step.

use saga_core::definition::{Definition, Effect, OnFailure, Step};
use saga_core::ids::StepKey;
use saga_core::saga::{Saga, StepStatus};

use super::audit::{followers, position};
use super::fault::{Fault, Planted};

/// Plants a fault at a step of a saga that went so without any.
///
/// # Errors
/// Why the fault makes no sense there, for people.
pub(super) fn plant(
    definition: &Definition,
    smooth: &Saga,
    step: &Step,
    fault: Fault,
) -> Result<Planted, String> {
    if !ran(smooth, step) {
        return Err("with this input its `when` is false".to_owned());
    }
    let culprit = match fault {
        Fault::Fail
        | Fault::Timeout
        | Fault::CrashAfterEffect
        | Fault::Duplicate
        | Fault::LateReply => None,
        Fault::UndoFails => {
            is_undoable(&step.effect)?;
            let culprit = culprit(definition, smooth, step)
                .ok_or("no step after it can turn the saga back")?;
            Some(culprit.name.clone())
        }
    };
    Ok(Planted {
        step: step.name.clone(),
        element: 0,
        fault,
        culprit,
    })
}

fn is_undoable(effect: &Effect) -> Result<(), String> {
    match effect {
        Effect::Compensate(_) => Ok(()),
        Effect::None => Err("it has no effect".to_owned()),
        Effect::Residue(_) => Err("`compensate: none`".to_owned()),
        Effect::Retriable => Err("from the pivot on nothing is undone".to_owned()),
    }
}

/// The last step after this one whose failure turns the saga back for certain.
fn culprit<'a>(definition: &'a Definition, smooth: &Saga, step: &Step) -> Option<&'a Step> {
    let at = position(definition, &step.name)?;
    followers(definition, at)
        .into_iter()
        .rev()
        .filter(|&after| {
            let later = followers(definition, after);
            let mut steps = definition.steps.iter().enumerate();
            steps.all(|(other, step)| !step.pivot || other == after || later.contains(&other))
        })
        .map(|after| &definition.steps[after])
        .find(|after| ran(smooth, after) && after.on_failure == OnFailure::Compensate)
}

fn ran(smooth: &Saga, step: &Step) -> bool {
    smooth.step_status(&StepKey::whole(step.name.clone())) == StepStatus::Succeeded
}
