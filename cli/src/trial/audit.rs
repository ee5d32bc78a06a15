//! Compares what a saga says of itself with the books of the services.

use std::collections::BTreeSet;

use saga_core::definition::{Definition, Effect, StepKind};
use saga_core::event::{Event, EventKind};
use saga_core::ids::{StepKey, StepName};
use saga_core::saga::{Phase, Saga, StepState, StepStatus};

use super::books::{EffectKey, Entry};
use super::case::{Played, Ran};
use super::end::End;

/// Everything about a case that must not be, whatever its fault was.
pub(super) fn audit(ran: &Ran) -> Vec<String> {
    let mut problems = of_saga(&ran.root, ran.end, ran);
    for other in &ran.others {
        let name = &other.saga.definition.name;
        let end = End::of(&other.saga).unwrap_or(End::Unfinished);
        if !other.saga.phase.is_closed() && ran.root.saga.phase.is_closed() {
            problems.push(format!("the saga {name} that it ran has not ended"));
        }
        let of_other = of_saga(other, end, ran);
        problems.extend(
            of_other
                .iter()
                .map(|problem| format!("in {name}: {problem}")),
        );
    }
    if ran.dead_letters > 0 {
        problems.push(format!(
            "{} messages ended as dead letters",
            ran.dead_letters
        ));
    }
    problems
}

fn of_saga(played: &Played, end: End, ran: &Ran) -> Vec<String> {
    let own = ran
        .effects
        .iter()
        .filter(|(key, _)| key.saga == played.saga.id);
    let mut problems: Vec<String> = own
        .clone()
        .filter_map(|(key, entry)| of_effect(played, end, key, *entry))
        .collect();
    let happened: BTreeSet<StepKey> = own
        .filter(|(_, entry)| entry.done > 0)
        .map(|(key, _)| key.work())
        .collect();
    problems.extend(missing_effects(played, &happened));
    problems.extend(undone_too_early(&played.definition, &played.history));
    problems.extend(alarms(&played.history));
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

fn of_effect(played: &Played, end: End, key: &EffectKey, entry: Entry) -> Option<String> {
    let work = key.work();
    let status = played.saga.step_status(&work);
    let word = status.as_str();
    match entry {
        Entry { done: 0, .. } => Some(format!("{work} was undone without having had an effect")),
        Entry { undone: 2.., .. } => Some(format!("{work} was undone twice")),
        Entry { done: 2.., .. } => Some(format!("{work} took effect twice")),
        Entry { undone: 1, .. } if status == StepStatus::Succeeded => {
            Some(format!("{work} was undone, and the saga says it stands"))
        }
        _ if entry.stands() && !may_stand(played, end, key) => Some(format!(
            "the effect of {work} is left behind: the saga is {end}, the step {word}"
        )),
        _ => None,
    }
}

/// Whether an effect that was not undone is accounted for.
fn may_stand(played: &Played, end: End, key: &EffectKey) -> bool {
    let work = key.work();
    let Some(step) = played.definition.step(&work.step) else {
        return false;
    };
    let Some(state) = played.saga.steps.get(&work) else {
        return false;
    };
    // A round is followed by another only once it is certain to have had no effect.
    if state.round != key.round {
        return false;
    }
    let declared = match step.plan(state.fallback).effect {
        Effect::None => true,
        Effect::Residue(_) => is_residue(&played.saga, &work.step),
        Effect::Compensate(_) | Effect::Child | Effect::Retriable => false,
    };
    match end {
        End::Completed => state.status == StepStatus::Succeeded,
        End::Compensated => declared,
        End::CompensationFailed => {
            declared
                || state.status == StepStatus::CompensationFailed
                || (state.status == StepStatus::Succeeded && waits_behind(played, &work))
        }
        // It waits for a person, who finds it under its name.
        End::Paused | End::OutcomeUnknown => match state.status {
            StepStatus::Succeeded
            | StepStatus::Scheduled
            | StepStatus::Waiting
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
fn waits_behind(played: &Played, work: &StepKey) -> bool {
    let definition = &played.definition;
    let Some(own) = position(definition, &work.step) else {
        return false;
    };
    let after = followers(definition, own);
    played.saga.steps.iter().any(|(key, state)| {
        let is_after = position(definition, &key.step).is_some_and(|at| after.contains(&at));
        let is_later = is_after || (key.step == work.step && key.element > work.element);
        is_later
            && matches!(
                state.status,
                StepStatus::CompensationFailed | StepStatus::OutcomeUnknown
            )
    })
}

/// Steps that the saga says happened, of which the services know nothing.
fn missing_effects(played: &Played, happened: &BTreeSet<StepKey>) -> Vec<String> {
    let is_done_by_worker = |key: &StepKey, state: &StepState| {
        let step = played.definition.step(&key.step);
        step.is_some_and(|step| {
            // A step that is split into elements does nothing itself.
            let is_split = step.for_each.is_some() && key.element == 0;
            matches!(step.plan(state.fallback).kind, StepKind::Action(_)) && !is_split
        })
    };
    played
        .saga
        .steps
        .iter()
        .filter(|(key, state)| {
            state.status == StepStatus::Succeeded
                && is_done_by_worker(key, state)
                && !happened.contains(key)
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
