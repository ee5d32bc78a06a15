//! Going forward: starting, dispatching what has become possible, completing.

use std::sync::Arc;

use serde_json::Value;

use super::send::{self, Attempt};
use super::turn::{Stop, Turn};
use super::unwind;
use crate::definition::OnFailure;
use crate::event::{EventKind, PauseCause, UnwindCause};
use crate::ids::StepKey;
use crate::input::{Start, StepError};
use crate::saga::{Phase, StepStatus};
use crate::values::ValueKey;

pub(super) fn start(turn: &mut Turn<'_>, start: &Start) -> Result<(), Stop> {
    if turn.saga.version != 0 {
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
    });
    turn.write(ValueKey::Input, Arc::clone(&start.input));
    advance(turn, 0..definition.steps.len())
}

/// A step is over; goes on with what waited for it, if the saga goes forward.
pub(super) fn after_success(turn: &mut Turn<'_>, position: usize) -> Result<(), Stop> {
    match turn.saga.phase {
        Phase::Running if turn.saga.unwind.is_some() => unwind::reconsider(turn),
        Phase::Running => advance(
            turn,
            turn.definition.steps[position].dependents.iter().copied(),
        ),
        Phase::Compensating | Phase::CompensationFailed => unwind::advance(turn),
        Phase::Completed | Phase::Compensated { .. } | Phase::Terminated => Ok(()),
    }
}

/// Goes on after the saga stood still: draws the consequences of a failure that came meanwhile,
/// or dispatches whatever has become possible.
pub(super) fn resume(turn: &mut Turn<'_>) -> Result<(), Stop> {
    match (0..turn.definition.steps.len()).find(|&at| has_failed(turn, at)) {
        Some(position) => consequence(turn, position),
        None => advance(turn, 0..turn.definition.steps.len()),
    }
}

/// Whether a step has failed and stands in the way of the forward path.
pub(super) fn has_failed(turn: &Turn<'_>, position: usize) -> bool {
    turn.status_at(position) == StepStatus::Failed && !turn.is_finished(position)
}

/// A step failed for good and without effect.
pub(super) fn fail(turn: &mut Turn<'_>, position: usize, error: StepError) -> Result<(), Stop> {
    let step = &turn.definition.steps[position];
    let key = StepKey::whole(step.name.clone());
    turn.emit(EventKind::StepFailed {
        key: key.clone(),
        error,
    });
    if let OnFailure::FallbackOutput(output) = &step.on_failure {
        turn.write(ValueKey::Output(key), Arc::new(output.clone()));
    }
    match turn.saga.phase {
        Phase::Running if turn.saga.unwind.is_some() => return unwind::reconsider(turn),
        Phase::Running => {}
        Phase::Compensating | Phase::CompensationFailed => return unwind::advance(turn),
        Phase::Completed | Phase::Compensated { .. } | Phase::Terminated => return Ok(()),
    }
    match &step.on_failure {
        OnFailure::Continue | OnFailure::FallbackOutput(_) => {
            advance(turn, step.dependents.iter().copied())
        }
        OnFailure::Compensate | OnFailure::Pause => consequence(turn, position),
    }
}

/// What follows from a failure that stands in the way. While the saga rests nothing does: it may
/// be tried again by hand, and is looked at when the saga goes on.
fn consequence(turn: &mut Turn<'_>, position: usize) -> Result<(), Stop> {
    if turn.rests() {
        return Ok(());
    }
    let step = &turn.definition.steps[position];
    match &step.on_failure {
        OnFailure::Continue | OnFailure::FallbackOutput(_) => Ok(()),
        OnFailure::Compensate | OnFailure::Pause if turn.pivot_passed() => {
            turn.emit(EventKind::SagaPaused {
                cause: PauseCause::FailedAfterPivot(step.name.clone()),
            });
            Ok(())
        }
        OnFailure::Pause => {
            turn.emit(EventKind::SagaPaused {
                cause: PauseCause::StepFailed(step.name.clone()),
            });
            Ok(())
        }
        OnFailure::Compensate => unwind::begin(turn, UnwindCause::StepFailed(step.name.clone())),
    }
}

/// Dispatches those of the candidates that have become possible, and what that makes possible in
/// turn; completes the saga when nothing is left.
fn advance(turn: &mut Turn<'_>, candidates: impl IntoIterator<Item = usize>) -> Result<(), Stop> {
    let mut candidates: Vec<usize> = candidates.into_iter().collect();
    let mut next = 0;
    while let Some(&position) = candidates.get(next) {
        next += 1;
        if goes_forward(turn) && is_ready(turn, position) && dispatch(turn, position)? {
            candidates.extend(&turn.definition.steps[position].dependents);
        }
    }
    complete_if_done(turn)
}

fn goes_forward(turn: &Turn<'_>) -> bool {
    turn.saga.phase == Phase::Running && turn.saga.pause.is_none() && turn.saga.unwind.is_none()
}

fn is_ready(turn: &Turn<'_>, position: usize) -> bool {
    turn.status_at(position) == StepStatus::Pending
        && turn.definition.steps[position]
            .depends_on
            .iter()
            .all(|&before| turn.is_finished(before))
}

/// Schedules a step, or skips it; says whether it is over already.
fn dispatch(turn: &mut Turn<'_>, position: usize) -> Result<bool, Stop> {
    let definition = turn.definition;
    let step = &definition.steps[position];
    if let Some(when) = &step.when {
        turn.require(when.reads())?;
        match when.test(&turn.scope()) {
            Ok(true) => {}
            Ok(false) => {
                turn.emit(EventKind::StepSkipped {
                    key: StepKey::whole(step.name.clone()),
                });
                return Ok(true);
            }
            Err(error) => {
                fail(turn, position, send::expression_error(&error))?;
                return Ok(false);
            }
        }
    }
    let round = turn
        .saga
        .steps
        .get(&turn.key_at(position))
        .map_or(0, |state| state.round);
    let first = Attempt {
        round,
        ..Attempt::FIRST
    };
    if let Err(error) = send::action(turn, step, first)? {
        fail(turn, position, send::expression_error(&error))?;
    }
    Ok(false)
}

fn complete_if_done(turn: &mut Turn<'_>) -> Result<(), Stop> {
    if !goes_forward(turn) || !(0..turn.definition.steps.len()).all(|at| turn.is_finished(at)) {
        return Ok(());
    }
    let definition = turn.definition;
    let mut output_error = None;
    if let Some(output) = &definition.output {
        turn.require(output.reads())?;
        match output.render(&turn.scope()) {
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
