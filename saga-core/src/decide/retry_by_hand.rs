//! An operator has something tried again: a failed step, a failed undo, or a waiting attempt now.
//!
//! Which key the worker's ledger and the outside world see is decided by what is known of the last
//! try. A step that failed is certain to have had no effect (the callee said so, or settling fenced
//! it), and its ledger row would only repeat that answer: it gets a new round, and so a new key. An
//! undo that was refused is the same. An undo in doubt keeps its round: under the same key it can
//! be repeated safely, while a new key could undo twice. It counts its attempts anew.

use super::send::{self, Attempt};
use super::turn::{Stop, Turn};
use super::{forward, rest, retry, unwind};
use crate::event::EventKind;
use crate::ids::{Op, StepKey, StepName};
use crate::operator::By;
use crate::refusal::Refused;
use crate::saga::{Phase, StepState, StepStatus};

pub(super) fn retry(turn: &mut Turn<'_>, step: &StepName, by: By) -> Result<(), Stop> {
    let (position, state) = find(turn, step)?;
    let nothing = || Refused::NothingToRetry {
        step: step.clone(),
        status: turn.status_at(position),
    };
    let Some(state) = state else {
        return Err(Stop::Refused(nothing()));
    };
    match state.status {
        StepStatus::Failed => failed_step(turn, position, &state, by),
        StepStatus::CompensationFailed => {
            failed_undo(turn, position, &state, state.undo_refused, by)
        }
        StepStatus::Scheduled
        | StepStatus::BackingOff
        | StepStatus::Settling
        | StepStatus::Compensating => hasten(turn, position, &state, by),
        StepStatus::OutcomeUnknown => Err(Stop::Refused(Refused::InDoubt(step.clone()))),
        StepStatus::Pending
        | StepStatus::Succeeded
        | StepStatus::Skipped
        | StepStatus::Compensated
        | StepStatus::NeverHappened => Err(Stop::Refused(nothing())),
    }
}

/// The step of that name and what became of it so far.
pub(super) fn find(turn: &Turn<'_>, step: &StepName) -> Result<(usize, Option<StepState>), Stop> {
    let steps = &turn.definition.steps;
    let position = steps
        .iter()
        .position(|one| one.name == *step)
        .ok_or_else(|| Stop::Refused(Refused::UnknownStep(step.clone())))?;
    let state = turn.saga.steps.get(&turn.key_at(position)).cloned();
    Ok((position, state))
}

/// Whether a failed step may be mended: it stands in the way of a saga that goes forward.
pub(super) fn stands_in_the_way(turn: &Turn<'_>, position: usize) -> Result<(), Stop> {
    if turn.saga.phase != Phase::Running || turn.saga.unwind.is_some() {
        return Err(Stop::Refused(Refused::TurningBack));
    }
    if forward::has_failed(turn, position) {
        return Ok(());
    }
    let step = &turn.definition.steps[position];
    Err(Stop::Refused(Refused::PassedOver(step.name.clone())))
}

fn failed_step(
    turn: &mut Turn<'_>,
    position: usize,
    state: &StepState,
    by: By,
) -> Result<(), Stop> {
    stands_in_the_way(turn, position)?;
    let key = turn.key_at(position);
    if state.alarmed > 0 {
        return Err(Stop::Refused(Refused::EffectOnRecord(key.step)));
    }
    turn.emit(EventKind::StepRetried {
        key,
        round: state.round + 1,
        by: by.clone(),
    });
    rest::end_if_mended(turn, by)
}

/// Tries an undo again; `refused` says that the last round is certain to have had no effect.
pub(super) fn failed_undo(
    turn: &mut Turn<'_>,
    position: usize,
    state: &StepState,
    refused: bool,
    by: By,
) -> Result<(), Stop> {
    if turn.rests() {
        return Err(Stop::Refused(Refused::Paused));
    }
    let step = &turn.definition.steps[position];
    let key = StepKey::whole(step.name.clone());
    let attempt = if refused {
        Attempt {
            round: state.undo_round + 1,
            ..Attempt::FIRST
        }
    } else {
        Attempt {
            number: state.attempt + 1,
            round: state.undo_round,
            rung: None,
        }
    };
    turn.emit(EventKind::UndoRetried {
        key: key.clone(),
        round: attempt.round,
        attempt: attempt.number,
        by,
    });
    match send::undo(turn, step, retry::compensation(step)?, attempt)? {
        Ok(()) => Ok(()),
        Err(error) => {
            // Nothing was sent, so as much is known of the last round as before.
            let error = send::expression_error(&error);
            turn.emit(EventKind::UndoFailed {
                key,
                error,
                certified: refused,
            });
            unwind::advance(turn)
        }
    }
}

/// Does not wait for the time of the next attempt. One that rides a rung comes by itself in
/// seconds.
fn hasten(turn: &mut Turn<'_>, position: usize, state: &StepState, by: By) -> Result<(), Stop> {
    if turn.rests() {
        return Err(Stop::Refused(Refused::Paused));
    }
    let key = turn.key_at(position);
    let waits = state
        .work
        .and_then(|work| work.retry)
        .is_some_and(|retry| !retry.sent);
    if !waits {
        let (step, status) = (key.step, state.status);
        return Err(Stop::Refused(Refused::InFlight { step, status }));
    }
    let op = match state.status {
        StepStatus::Settling => Op::Settle,
        StepStatus::Compensating => Op::Compensate,
        StepStatus::Pending
        | StepStatus::Scheduled
        | StepStatus::BackingOff
        | StepStatus::Succeeded
        | StepStatus::Failed
        | StepStatus::Skipped
        | StepStatus::OutcomeUnknown
        | StepStatus::Compensated
        | StepStatus::CompensationFailed
        | StepStatus::NeverHappened => Op::Action,
    };
    turn.emit(EventKind::RetryHastened { key, op, by });
    retry::again(turn, position, op, None)
}
