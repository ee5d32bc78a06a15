//! Going forward: starting, dispatching what has become possible, completing.

use std::sync::Arc;

use serde_json::Value;

use super::send::{self, Attempt};
use super::turn::{Stop, Turn};
use super::{child, elements, fallback, unwind, wait};
use crate::definition::{OnFailure, StepKind};
use crate::event::{EventKind, PauseCause, UnwindCause};
use crate::ids::{Op, StepKey};
use crate::input::{Start, StepError};
use crate::saga::{Phase, StepStatus};
use crate::values::ValueKey;

pub(super) fn start(turn: &mut Turn<'_>, start: &Start) -> Result<(), Stop> {
    if turn.saga.version != 0 {
        let parent = turn.saga.parent.as_ref().map(|state| &state.parent);
        if parent.is_some() && parent == start.parent.as_ref() {
            return child::asked_again(turn, Op::Action);
        }
        return Err(Stop::Illegal(format!(
            "saga {} was started before",
            turn.saga.id
        )));
    }
    let definition = turn.definition;
    let mut labels = definition.labels.clone();
    labels.extend(start.labels.clone());
    turn.emit(EventKind::SagaStarted {
        definition: definition.reference.clone(),
        key: start.key.clone(),
        labels,
        deadline: definition.deadline.map(|limit| turn.now.after(limit)),
        lifetime_ends: turn.now.after(definition.max_lifetime),
        parent: start.parent.clone(),
    });
    turn.write(ValueKey::Input, Arc::clone(&start.input));
    advance(turn, 0..definition.steps.len())
}

/// A piece of work is over and in nobody's way; goes on with what waited for it.
pub(super) fn after(turn: &mut Turn<'_>, key: &StepKey) -> Result<(), Stop> {
    match turn.saga.phase {
        Phase::Running if turn.saga.unwind.is_some() => unwind::reconsider(turn),
        Phase::Running if key.element > 0 => elements::advance(turn, turn.position(key)?),
        Phase::Running => {
            let step = turn.step(key)?;
            advance(turn, step.dependents.iter().copied())
        }
        Phase::Compensating | Phase::CompensationFailed => unwind::advance(turn),
        Phase::Completed | Phase::Compensated { .. } | Phase::Terminated => Ok(()),
    }
}

/// Goes on after the saga stood still: draws the consequences of a failure that came meanwhile,
/// or dispatches whatever has become possible.
pub(super) fn resume(turn: &mut Turn<'_>) -> Result<(), Stop> {
    let steps = 0..turn.definition.steps.len();
    for position in steps.clone() {
        fallback::take_last_good(turn, position)?;
    }
    let stands = |&at: &usize| has_failed(turn, at) && !fallback::is_open(turn, &turn.key_at(at));
    if let Some(position) = steps.clone().find(stands) {
        return consequence(turn, position);
    }
    for position in steps.clone() {
        fallback::resume(turn, position)?;
    }
    advance(turn, steps)
}

/// Whether a step has failed and stands in the way of the forward path.
pub(super) fn has_failed(turn: &Turn<'_>, position: usize) -> bool {
    turn.status_at(position) == StepStatus::Failed && !turn.is_finished(position)
}

/// A piece of work failed for good and without effect.
pub(super) fn fail(turn: &mut Turn<'_>, key: &StepKey, error: StepError) -> Result<(), Stop> {
    let passed = record_failure(turn, key, error)?;
    match turn.saga.phase {
        Phase::Running if turn.saga.unwind.is_some() => unwind::reconsider(turn),
        Phase::Running if passed => after(turn, key),
        Phase::Running => stand_in_the_way(turn, key),
        Phase::Compensating | Phase::CompensationFailed => unwind::advance(turn),
        Phase::Completed | Phase::Compensated { .. } | Phase::Terminated => Ok(()),
    }
}

/// Records a failure; says whether the saga may go on without what failed.
pub(super) fn record_failure(
    turn: &mut Turn<'_>,
    key: &StepKey,
    error: StepError,
) -> Result<bool, Stop> {
    let step = turn.step(key)?;
    let good = fallback::last_good(turn, key)?;
    let residue = child::left_something(step, error.details.as_ref());
    turn.emit(EventKind::StepFailed {
        key: key.clone(),
        error,
        residue,
    });
    match &step.on_failure {
        OnFailure::Continue => Ok(true),
        OnFailure::Output(output) => {
            turn.write(ValueKey::Output(key.clone()), Arc::new(output.clone()));
            Ok(true)
        }
        OnFailure::LastGood(_) => {
            let is_there = good.is_some();
            if let Some(good) = good {
                fallback::substitute(turn, key, good);
            }
            Ok(is_there)
        }
        OnFailure::Compensate | OnFailure::Pause | OnFailure::Fallback(_) => Ok(false),
    }
}

/// Something failed that the saga cannot go on without. An element fails its whole step.
pub(super) fn stand_in_the_way(turn: &mut Turn<'_>, key: &StepKey) -> Result<(), Stop> {
    if fallback::begin(turn, key)? {
        return Ok(());
    }
    let position = turn.position(key)?;
    if key.element > 0 {
        elements::fail_whole(turn, position, key);
    }
    consequence(turn, position)
}

/// What follows from a failure that stands in the way. While the saga rests nothing does: it may
/// be tried again by hand, and is looked at when the saga goes on.
fn consequence(turn: &mut Turn<'_>, position: usize) -> Result<(), Stop> {
    if turn.rests() || turn.is_finished(position) {
        return Ok(());
    }
    let step = &turn.definition.steps[position];
    if turn.pivot_passed() {
        turn.emit(EventKind::SagaPaused {
            cause: PauseCause::FailedAfterPivot(step.name.clone()),
        });
        return Ok(());
    }
    match &step.on_failure {
        OnFailure::Continue | OnFailure::Output(_) => Ok(()),
        OnFailure::Pause => {
            turn.emit(EventKind::SagaPaused {
                cause: PauseCause::StepFailed(step.name.clone()),
            });
            Ok(())
        }
        OnFailure::Compensate | OnFailure::Fallback(_) | OnFailure::LastGood(_) => {
            unwind::begin(turn, UnwindCause::StepFailed(step.name.clone()))
        }
    }
}

/// Dispatches those of the candidates that have become possible, and what that makes possible in
/// turn; completes the saga when nothing is left.
fn advance(turn: &mut Turn<'_>, candidates: impl IntoIterator<Item = usize>) -> Result<(), Stop> {
    let mut candidates: Vec<usize> = candidates.into_iter().collect();
    let mut next = 0;
    while let Some(&position) = candidates.get(next) {
        next += 1;
        if goes_forward(turn) && take_up(turn, position)? {
            candidates.extend(&turn.definition.steps[position].dependents);
        }
    }
    complete_if_done(turn)
}

pub(super) fn goes_forward(turn: &Turn<'_>) -> bool {
    turn.saga.phase == Phase::Running && turn.saga.pause.is_none() && turn.saga.unwind.is_none()
}

/// Does what can be done for a step now; says whether it is over by that.
fn take_up(turn: &mut Turn<'_>, position: usize) -> Result<bool, Stop> {
    match turn.status_at(position) {
        StepStatus::Pending if is_ready(turn, position) => dispatch(turn, position),
        StepStatus::Waiting => wait::look(turn, position),
        StepStatus::Scheduled => {
            elements::resume(turn, position)?;
            Ok(false)
        }
        StepStatus::Pending
        | StepStatus::BackingOff
        | StepStatus::Succeeded
        | StepStatus::Failed
        | StepStatus::Skipped
        | StepStatus::Settling
        | StepStatus::OutcomeUnknown
        | StepStatus::Compensating
        | StepStatus::Compensated
        | StepStatus::CompensationFailed
        | StepStatus::NeverHappened => Ok(false),
    }
}

fn is_ready(turn: &Turn<'_>, position: usize) -> bool {
    turn.definition.steps[position]
        .depends_on
        .iter()
        .all(|&before| turn.is_finished(before))
}

/// Dispatches a step, or skips it; says whether it is over already.
fn dispatch(turn: &mut Turn<'_>, position: usize) -> Result<bool, Stop> {
    let definition = turn.definition;
    let step = &definition.steps[position];
    let key = turn.key_at(position);
    if let Some(when) = &step.when {
        turn.require(when.reads(), None)?;
        match when.test(&turn.scope(None)) {
            Ok(true) => {}
            Ok(false) => {
                turn.emit(EventKind::StepSkipped { key });
                return Ok(true);
            }
            Err(error) => {
                fail(turn, &key, send::expression_error(&error))?;
                return Ok(false);
            }
        }
    }
    match (&step.kind, &step.for_each) {
        (StepKind::Action(_) | StepKind::Saga(_), Some(each)) => {
            elements::split(turn, position, each)?;
            Ok(false)
        }
        (StepKind::Action(_) | StepKind::Saga(_), None) => {
            let state = turn.saga.steps.get(&key);
            let round = state.map_or(0, |state| state.round);
            if let Err(error) = send::action(turn, &key, Attempt::first_of(round))? {
                fail(turn, &key, send::expression_error(&error))?;
            }
            Ok(false)
        }
        (StepKind::Wait(_) | StepKind::Sleep(_), _) => wait::begin(turn, position),
    }
}

fn complete_if_done(turn: &mut Turn<'_>) -> Result<(), Stop> {
    if !goes_forward(turn) || !(0..turn.definition.steps.len()).all(|at| turn.is_finished(at)) {
        return Ok(());
    }
    let definition = turn.definition;
    let mut output_error = None;
    if let Some(output) = &definition.output {
        turn.require(output.reads(), None)?;
        match output.render(&turn.scope(None)) {
            Ok(result) => turn.write(ValueKey::Result, Arc::new(result)),
            Err(error) => {
                turn.write(ValueKey::Result, Arc::new(Value::Null));
                output_error = Some(error.to_string());
            }
        }
    }
    turn.emit(EventKind::SagaCompleted { output_error });
    Ok(())
}
