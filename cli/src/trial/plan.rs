//! Which faults make sense for a step.

use saga_core::definition::{Child, Definition, Effect, OnFailure, Step, StepKind, Wait};
use saga_core::ids::{StepKey, StepName};
use saga_core::saga::{Saga, StepStatus};

use super::audit::{followers, position};
use super::fault::{Fault, Planted};
use super::script::Script;

/// The element of a `for_each` step that is hit, where there are as many: one in the middle, so
/// that others are done before it.
const ELEMENT: u32 = 2;

/// Plants a fault at a step of a saga that went so without any.
///
/// # Errors
/// Why the fault makes no sense there, for people.
pub(super) fn plant(
    script: &Script,
    smooth: &Saga,
    step: &Step,
    fault: Fault,
) -> Result<Planted, String> {
    let element = match smooth.elements(&step.name) {
        Some(elements) if elements.count == 0 => {
            return Err("with this input its list is empty".to_owned());
        }
        Some(elements) => ELEMENT.min(elements.count),
        None => 0,
    };
    if !ran(smooth, step) {
        return Err("with this input its `when` is false".to_owned());
    }
    let mut planted = Planted {
        step: step.name.clone(),
        element,
        fault,
        culprit: None,
        inner: None,
    };
    match &step.kind {
        StepKind::Action(_) => planted.culprit = for_action(script, smooth, step, fault)?,
        StepKind::Wait(wait) => for_wait(script, wait, fault)?,
        StepKind::Sleep(_) => return Err("nothing can go wrong with sleeping".to_owned()),
        StepKind::Saga(child) => planted.inner = for_child(script, child, fault)?,
    }
    Ok(planted)
}

/// The step that is to fail after the one whose undo fails.
fn for_action(
    script: &Script,
    smooth: &Saga,
    step: &Step,
    fault: Fault,
) -> Result<Option<StepName>, String> {
    match fault {
        Fault::Fail
        | Fault::Timeout
        | Fault::CrashAfterEffect
        | Fault::Duplicate
        | Fault::LateReply => Ok(None),
        Fault::UndoFails => {
            is_undoable(&step.effect)?;
            let definition = &script.definition;
            let after = position(definition, &step.name)
                .map(|at| followers(definition, at))
                .unwrap_or_default();
            let later = after.into_iter().rev();
            let culprit = culprit(definition, later, |step| ran(smooth, step));
            let none = "no step after it can turn the saga back";
            culprit.map(Some).ok_or_else(|| none.to_owned())
        }
    }
}

fn for_wait(script: &Script, wait: &Wait, fault: Fault) -> Result<(), String> {
    let waits_for_it = |step: &&Step| match &step.kind {
        StepKind::Wait(other) => other.signal == wait.signal,
        StepKind::Action(_) | StepKind::Sleep(_) | StepKind::Saga(_) => false,
    };
    match fault {
        Fault::Duplicate => Ok(()),
        Fault::Timeout | Fault::LateReply => {
            if wait.timeout.is_none() {
                return Err("it waits without a limit".to_owned());
            }
            let waiting = script.definition.steps.iter().filter(waits_for_it);
            if waiting.count() > 1 {
                return Err("another step waits for the same signal".to_owned());
            }
            Ok(())
        }
        Fault::Fail | Fault::CrashAfterEffect | Fault::UndoFails => {
            Err("it only waits for a signal".to_owned())
        }
    }
}

/// The step of the child saga that is to fail.
fn for_child(script: &Script, child: &Child, fault: Fault) -> Result<Option<StepName>, String> {
    match fault {
        Fault::Duplicate | Fault::LateReply => Ok(None),
        Fault::Fail => {
            let definition = script
                .child(child)
                .ok_or_else(|| format!("the saga {} is not known", child.name))?;
            let last = (0..definition.steps.len()).rev();
            let always = |step: &Step| step.when.is_none() && step.for_each.is_none();
            let culprit = culprit(definition, last, always);
            let none = "no step of the saga that it runs can turn that back";
            culprit.map(Some).ok_or_else(|| none.to_owned())
        }
        Fault::Timeout | Fault::CrashAfterEffect | Fault::UndoFails => {
            Err(format!("test {} itself", child.name))
        }
    }
}

fn is_undoable(effect: &Effect) -> Result<(), String> {
    match effect {
        Effect::Compensate(_) => Ok(()),
        Effect::None => Err("it has no effect".to_owned()),
        Effect::Child => Err("it undoes itself".to_owned()),
        Effect::Residue(_) => Err("`compensate: none`".to_owned()),
        Effect::Retriable => Err("from the pivot on nothing is undone".to_owned()),
    }
}

/// The first of the candidates whose failure turns the saga back for certain.
fn culprit(
    definition: &Definition,
    candidates: impl IntoIterator<Item = usize>,
    runs: impl Fn(&Step) -> bool,
) -> Option<StepName> {
    let before_every_pivot = |&at: &usize| {
        let later = followers(definition, at);
        let mut steps = definition.steps.iter().enumerate();
        steps.all(|(other, step)| !step.pivot || other == at || later.contains(&other))
    };
    candidates
        .into_iter()
        .filter(before_every_pivot)
        .map(|at| &definition.steps[at])
        .find(|step| {
            runs(step)
                && matches!(step.kind, StepKind::Action(_))
                && matches!(step.on_failure, OnFailure::Compensate)
        })
        .map(|step| step.name.clone())
}

fn ran(smooth: &Saga, step: &Step) -> bool {
    let is_empty = smooth
        .elements(&step.name)
        .is_some_and(|elements| elements.count == 0);
    let status = smooth.step_status(&StepKey::whole(step.name.clone()));
    status == StepStatus::Succeeded && !is_empty
}
