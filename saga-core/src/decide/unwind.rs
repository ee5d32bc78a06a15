//! Turning back: what is in doubt is settled, what happened is undone in reverse order.

use super::send::{self, Attempt};
use super::turn::{Stop, Turn};
use super::{forward, retry};
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
        settle_if_dispatched(turn, position)?;
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
    }
}

fn turn_back(turn: &mut Turn<'_>, cause: UnwindCause) -> Result<(), Stop> {
    turn.emit(EventKind::CompensationStarted { cause });
    for position in 0..turn.definition.steps.len() {
        settle_if_dispatched(turn, position)?;
    }
    advance(turn)
}

fn settle_if_dispatched(turn: &mut Turn<'_>, position: usize) -> Result<(), Stop> {
    let step = &turn.definition.steps[position];
    match turn.status_at(position) {
        StepStatus::Scheduled | StepStatus::BackingOff => {
            let round = turn
                .saga
                .steps
                .get(&turn.key_at(position))
                .map_or(0, |state| state.round);
            send::settle(
                turn,
                step,
                Attempt {
                    round,
                    ..Attempt::FIRST
                },
                None,
            )
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
    let status = turn.status_at(position);
    status.is_in_flight() || status == StepStatus::OutcomeUnknown
}

/// Nobody knows whether a step happened. A pivot in doubt stops everything.
pub(super) fn after_unknown(turn: &mut Turn<'_>, position: usize) -> Result<(), Stop> {
    let step = &turn.definition.steps[position];
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
        if turn.needs_undo(position) && nothing_stands_after(turn, position) {
            start_undo(turn, position)?;
        }
    }
    end_if_done(turn);
    Ok(())
}

fn start_undo(turn: &mut Turn<'_>, position: usize) -> Result<(), Stop> {
    let definition = turn.definition;
    let step = &definition.steps[position];
    if let Err(error) = send::undo(turn, step, retry::compensation(step)?, Attempt::FIRST)? {
        let error: StepError = send::expression_error(&error);
        turn.emit(EventKind::UndoFailed {
            key: StepKey::whole(step.name.clone()),
            error,
            certified: true,
        });
    }
    Ok(())
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
    in_doubt(turn, position)
        || turn.needs_undo(position)
        || turn.status_at(position) == StepStatus::CompensationFailed
}

fn end_if_done(turn: &mut Turn<'_>) {
    let steps = 0..turn.definition.steps.len();
    if steps.clone().any(|at| turn.status_at(at).is_in_flight()) {
        return;
    }
    if steps
        .clone()
        .any(|at| turn.status_at(at) == StepStatus::CompensationFailed)
    {
        turn.emit(EventKind::CompensationFailed);
        return;
    }
    if steps.clone().any(|at| stands(turn, at)) {
        return;
    }
    let residue = steps
        .filter(|&at| turn.status_at(at) == StepStatus::Succeeded)
        .filter(|&at| !matches!(turn.definition.steps[at].effect, Effect::None))
        .map(|at| turn.definition.steps[at].name.clone())
        .collect();
    turn.emit(EventKind::SagaCompensated { residue });
}
