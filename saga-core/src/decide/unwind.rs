//! Turning back: what is in doubt is settled, what happened is undone in reverse order.

use super::send::{self, Attempt};
use super::turn::{Stop, Turn};
use super::{child, forward};
use crate::definition::Effect;
use crate::event::{EventKind, PauseCause, UnwindCause};
use crate::ids::StepKey;
use crate::input::StepError;
use crate::saga::{Phase, StepStatus};

/// The saga has failed. It turns back, unless a pivot in flight may already have decided otherwise.
pub(super) fn begin(turn: &mut Turn<'_>, cause: UnwindCause) -> Result<(), Stop> {
    if pivots_in_doubt(turn).is_empty() {
        return turn_back(turn, cause);
    }
    turn.emit(EventKind::UnwindHeld { cause });
    reconsider(turn)
}

/// A pivot that holds up the unwinding may be settled now. While the saga rests nothing follows.
pub(super) fn reconsider(turn: &mut Turn<'_>) -> Result<(), Stop> {
    let Some(cause) = turn.saga.unwind.clone() else {
        return Ok(());
    };
    if turn.rests() {
        return Ok(());
    }
    if turn.pivot_passed() {
        return past_the_pivot(turn, &cause);
    }
    let pivots = pivots_in_doubt(turn);
    if pivots.is_empty() {
        return turn_back(turn, cause);
    }
    for position in pivots {
        stop_going_forward(turn, &turn.key_at(position))?;
    }
    Ok(())
}

/// The pivot turned out to have happened: the saga stays on its forward path.
fn past_the_pivot(turn: &mut Turn<'_>, cause: &UnwindCause) -> Result<(), Stop> {
    match cause {
        UnwindCause::StepFailed(step) => {
            turn.emit(EventKind::SagaPaused {
                cause: PauseCause::FailedAfterPivot(step.clone()),
            });
            Ok(())
        }
        UnwindCause::Deadline => {
            turn.emit(EventKind::DeadlinePassed);
            forward::resume(turn)
        }
        UnwindCause::Cancelled(by) => {
            turn.emit(EventKind::CancelTooLate { by: by.clone() });
            forward::resume(turn)
        }
        UnwindCause::Parent => {
            let by = child::by_parent(turn);
            turn.emit(EventKind::CancelTooLate { by });
            forward::resume(turn)
        }
    }
}

fn turn_back(turn: &mut Turn<'_>, cause: UnwindCause) -> Result<(), Stop> {
    turn.emit(EventKind::CompensationStarted { cause });
    for position in 0..turn.definition.steps.len() {
        for key in turn.pieces_at(position) {
            stop_going_forward(turn, &key)?;
        }
    }
    advance(turn)
}

/// What was dispatched is settled, what waits does not wait any more.
fn stop_going_forward(turn: &mut Turn<'_>, key: &StepKey) -> Result<(), Stop> {
    match turn.status(key) {
        StepStatus::Scheduled | StepStatus::BackingOff => {
            let state = turn.saga.steps.get(key);
            let round = state.map_or(0, |state| state.round);
            send::settle(turn, key, Attempt::first_of(round), None)
        }
        StepStatus::Waiting => {
            turn.emit(EventKind::StepSkipped { key: key.clone() });
            Ok(())
        }
        StepStatus::Pending
        | StepStatus::Succeeded
        | StepStatus::Failed
        | StepStatus::Skipped
        | StepStatus::Settling
        | StepStatus::OutcomeUnknown
        | StepStatus::Compensating
        | StepStatus::Compensated
        | StepStatus::CompensationFailed
        | StepStatus::NeverHappened => Ok(()),
    }
}

fn pivots_in_doubt(turn: &Turn<'_>) -> Vec<usize> {
    (0..turn.definition.steps.len())
        .filter(|&position| turn.definition.steps[position].pivot && in_doubt(turn, position))
        .collect()
}

pub(super) fn in_doubt(turn: &Turn<'_>, position: usize) -> bool {
    turn.any_piece(position, is_in_doubt)
}

fn is_in_doubt(status: StepStatus) -> bool {
    status.is_in_flight() || status == StepStatus::OutcomeUnknown
}

/// Nobody knows whether a step happened. A pivot in doubt stops everything.
pub(super) fn after_unknown(turn: &mut Turn<'_>, key: &StepKey) -> Result<(), Stop> {
    let step = turn.step(key)?;
    match turn.saga.phase {
        Phase::Running => {
            if step.pivot && !turn.rests() {
                turn.emit(EventKind::SagaPaused {
                    cause: PauseCause::PivotUnknown(step.name.clone()),
                });
            }
            Ok(())
        }
        Phase::Compensating | Phase::CompensationFailed => advance(turn),
        Phase::Completed | Phase::Compensated { .. } | Phase::Terminated => Ok(()),
    }
}

/// Undoes what nothing that followed stands in the way of any more; ends when nothing is left.
pub(super) fn advance(turn: &mut Turn<'_>) -> Result<(), Stop> {
    if turn.saga.phase != Phase::Compensating || turn.saga.pause.is_some() {
        return Ok(());
    }
    for position in (0..turn.definition.steps.len()).rev() {
        if needs_undo(turn, position) && nothing_stands_after(turn, position) {
            undo_pieces(turn, position)?;
        }
    }
    end_if_done(turn);
    Ok(())
}

/// Undoes the pieces of a step in reverse order, as many at a time as went forward at a time. One
/// that is still being settled holds up those before it.
fn undo_pieces(turn: &mut Turn<'_>, position: usize) -> Result<(), Stop> {
    let each = turn.definition.steps[position].for_each.as_ref();
    let mut room = each.map_or(1, |each| each.max_parallel);
    for key in turn.pieces_at(position).rev() {
        let status = turn.status(&key);
        if room == 0 || (status.is_in_flight() && status != StepStatus::Compensating) {
            return Ok(());
        }
        if turn.needs_undo(&key) {
            start_undo(turn, key)?;
            room -= 1;
        } else if status == StepStatus::Compensating {
            room -= 1;
        }
    }
    Ok(())
}

fn start_undo(turn: &mut Turn<'_>, key: StepKey) -> Result<(), Stop> {
    if let Err(error) = send::undo(turn, &key, Attempt::FIRST)? {
        let error: StepError = send::expression_error(&error);
        turn.emit(EventKind::UndoFailed {
            key,
            error,
            certified: true,
        });
    }
    Ok(())
}

fn needs_undo(turn: &Turn<'_>, position: usize) -> bool {
    turn.pieces_at(position).any(|key| turn.needs_undo(&key))
}

/// Whether every step that came after this one, directly or not, is out of the way.
fn nothing_stands_after(turn: &Turn<'_>, position: usize) -> bool {
    let steps = &turn.definition.steps;
    let mut seen = vec![false; steps.len()];
    let mut stack = steps[position].dependents.clone();
    while let Some(after) = stack.pop() {
        if std::mem::replace(&mut seen[after], true) {
            continue;
        }
        if stands(turn, after) {
            return false;
        }
        stack.extend(&steps[after].dependents);
    }
    true
}

fn stands(turn: &Turn<'_>, position: usize) -> bool {
    let stuck = |status| is_in_doubt(status) || status == StepStatus::CompensationFailed;
    needs_undo(turn, position) || turn.any_piece(position, stuck)
}

fn end_if_done(turn: &mut Turn<'_>) {
    let steps = 0..turn.definition.steps.len();
    let any = |turn: &Turn<'_>, is: fn(StepStatus) -> bool| {
        steps.clone().any(|position| turn.any_piece(position, is))
    };
    if any(turn, StepStatus::is_in_flight) {
        return;
    }
    if any(turn, |status| status == StepStatus::CompensationFailed) {
        turn.emit(EventKind::CompensationFailed);
        return;
    }
    if steps.clone().any(|at| stands(turn, at)) {
        return;
    }
    let residue = steps
        .filter(|&at| turn.pieces_at(at).any(|key| remains(turn, &key)))
        .map(|at| turn.definition.steps[at].name.clone())
        .collect();
    turn.emit(EventKind::SagaCompensated { residue });
}

/// Whether an effect of this piece of work is left behind.
fn remains(turn: &Turn<'_>, key: &StepKey) -> bool {
    let state = turn.saga.steps.get(key);
    let effect = turn.plan(key).is_ok_and(|plan| match plan.effect {
        Effect::None => false,
        Effect::Compensate(_) | Effect::Child | Effect::Residue(_) | Effect::Retriable => true,
    });
    (turn.status(key) == StepStatus::Succeeded && effect)
        || state.is_some_and(|state| state.residue)
}
