//! Compares what a saga says of itself with the books of the services.

use std::collections::BTreeSet;

use saga_core::definition::{Definition, Effect};
use saga_core::event::{Event, EventKind};
use saga_core::ids::{StepKey, StepName};
use saga_core::saga::{Phase, Saga, StepStatus};

use super::books::{EffectKey, Entry};
use super::case::Ran;
use super::end::End;

/// Everything about a case that must not be, whatever its fault was.
pub(super) fn audit(definition: &Definition, ran: &Ran) -> Vec<String> {
    let mut problems = Vec::new();
    for (key, entry) in &ran.effects {
        if key.saga == ran.saga.id {
            problems.extend(of_effect(definition, ran, key, *entry));
        }
    }
    problems.extend(missing_effects(definition, ran));
    problems.extend(undone_too_early(definition, &ran.history));
    problems.extend(alarms(&ran.history));
    if ran.dead_letters > 0 {
        problems.push(format!(
            "{} messages ended as dead letters",
            ran.dead_letters
        ));
    }
    problems
}

/// What was undone, in the order in which it was.
pub(super) fn undone(history: &[Event]) -> Vec<StepKey> {
    history
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::StepCompensated { key, .. } => Some(key.clone()),
            _ => None,
        })
        .collect()
}

fn of_effect(definition: &Definition, ran: &Ran, key: &EffectKey, entry: Entry) -> Option<String> {
    let work = StepKey {
        step: key.step.clone(),
        element: key.element,
    };
    let status = ran.saga.step_status(&work);
    let word = status.as_str();
    match entry {
        Entry { done: 0, .. } => Some(format!("{work} was undone without having had an effect")),
        Entry { undone: 2.., .. } => Some(format!("{work} was undone twice")),
        Entry { done: 2.., .. } => Some(format!("{work} took effect twice")),
        Entry { undone: 1, .. } if status == StepStatus::Succeeded => {
            Some(format!("{work} was undone, and the saga says it stands"))
        }
        _ if entry.stands() && !may_stand(definition, ran, &work) => Some(format!(
            "the effect of {work} is left behind: the saga is {}, the step {word}",
            ran.end
        )),
        _ => None,
    }
}

/// Whether an effect that was not undone is accounted for.
fn may_stand(definition: &Definition, ran: &Ran, work: &StepKey) -> bool {
    let status = ran.saga.step_status(work);
    let Some(step) = definition.step(&work.step) else {
        return false;
    };
    let declared = match &step.effect {
        Effect::None => true,
        Effect::Residue(_) => is_residue(&ran.saga, &work.step),
        Effect::Compensate(_) | Effect::Retriable => false,
    };
    match ran.end {
        End::Completed => status == StepStatus::Succeeded,
        End::Compensated => declared,
        End::CompensationFailed => {
            declared
                || status == StepStatus::CompensationFailed
                || (status == StepStatus::Succeeded && waits_behind(definition, ran, work))
        }
        // It waits for a person, who finds it under its name.
        End::Paused | End::OutcomeUnknown => match status {
            StepStatus::Succeeded
            | StepStatus::Scheduled
            | StepStatus::BackingOff
            | StepStatus::Settling
            | StepStatus::OutcomeUnknown
            | StepStatus::Compensating
            | StepStatus::CompensationFailed => true,
            StepStatus::Pending
            | StepStatus::Failed
            | StepStatus::Skipped
            | StepStatus::Compensated
            | StepStatus::NeverHappened => false,
        },
        // Wrong already.
        End::Terminated | End::Unfinished => true,
    }
}

fn is_residue(saga: &Saga, step: &StepName) -> bool {
    match &saga.phase {
        Phase::Compensated { residue } => residue.contains(step),
        // It is listed once the saga has ended.
        Phase::Running | Phase::Compensating | Phase::CompensationFailed => true,
        Phase::Completed | Phase::Terminated => false,
    }
}

/// Whether something that came later stands in the way of undoing this.
fn waits_behind(definition: &Definition, ran: &Ran, work: &StepKey) -> bool {
    let Some(position) = position(definition, &work.step) else {
        return false;
    };
    followers(definition, position).into_iter().any(|after| {
        let name = &definition.steps[after].name;
        ran.saga.steps.iter().any(|(key, state)| {
            key.step == *name
                && matches!(
                    state.status,
                    StepStatus::CompensationFailed | StepStatus::OutcomeUnknown
                )
        })
    })
}

/// Steps that the saga says happened, of which the services know nothing.
fn missing_effects(definition: &Definition, ran: &Ran) -> Vec<String> {
    let happened = |key: &StepKey| {
        ran.effects.iter().any(|(effect, entry)| {
            effect.saga == ran.saga.id
                && effect.step == key.step
                && effect.element == key.element
                && entry.done > 0
        })
    };
    ran.saga
        .steps
        .iter()
        .filter(|(key, state)| {
            state.status == StepStatus::Succeeded
                && definition.step(&key.step).is_some()
                && !happened(key)
        })
        .map(|(key, _)| format!("{key} is said to have happened, and its service knows nothing"))
        .collect()
}

/// Undos that came before the undo of something that depended on them.
fn undone_too_early(definition: &Definition, history: &[Event]) -> Vec<String> {
    let order = undone(history);
    let mut problems = Vec::new();
    for (index, early) in order.iter().enumerate() {
        let Some(at) = position(definition, &early.step) else {
            continue;
        };
        let after = followers(definition, at);
        let too_late = order[index + 1..].iter().find(|late| {
            position(definition, &late.step).is_some_and(|late| after.contains(&late))
        });
        if let Some(late) = too_late {
            problems.push(format!(
                "{early} was undone before {late}, which follows it"
            ));
        }
    }
    problems
}

fn alarms(history: &[Event]) -> Vec<String> {
    history
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::EffectAfterUndo { key, .. } => Some(format!(
                "{key} took effect after it was said never to have happened"
            )),
            _ => None,
        })
        .collect()
}

pub(super) fn position(definition: &Definition, name: &StepName) -> Option<usize> {
    definition.steps.iter().position(|step| step.name == *name)
}

/// Everything that follows a step, directly or not.
pub(super) fn followers(definition: &Definition, position: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = definition.steps[position].dependents.clone();
    while let Some(after) = open.pop() {
        if found.insert(after) {
            open.extend(&definition.steps[after].dependents);
        }
    }
    found
}
