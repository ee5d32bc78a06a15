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
use crate::definition::Effect;
use crate::event::EventKind;
use crate::ids::{Op, StepKey};
use crate::operator::By;
use crate::refusal::Refused;
use crate::saga::{Phase, StepState, StepStatus};

pub(super) fn retry(turn: &mut Turn<'_>, key: &StepKey, by: By) -> Result<(), Stop> {
    let state = find(turn, key)?;
    let nothing = || Refused::NothingToRetry {
        step: key.clone(),
        status: turn.status(key),
    };
    let Some(state) = state else {
        return Err(Stop::Refused(nothing()));
    };
    if state.elements.is_some() {
        return whole(turn, key, &by);
    }
    match state.status {
        StepStatus::Failed => {
            failed_step(turn, key, &state, &by)?;
            rest::end_if_mended(turn, by)
        }
        StepStatus::CompensationFailed => failed_undo(turn, key, &state, state.undo_refused, by),
        StepStatus::Scheduled
        | StepStatus::BackingOff
        | StepStatus::Settling
        | StepStatus::Compensating => hasten(turn, key, &state, by),
        StepStatus::OutcomeUnknown => Err(Stop::Refused(Refused::InDoubt(key.clone()))),
        StepStatus::Pending
        | StepStatus::Waiting
        | StepStatus::Succeeded
        | StepStatus::Skipped
        | StepStatus::Compensated
        | StepStatus::NeverHappened => Err(Stop::Refused(nothing())),
    }
}

/// Of a step with elements, tries every one again that failed, or whose undo did.
fn whole(turn: &mut Turn<'_>, key: &StepKey, by: &By) -> Result<(), Stop> {
    let position = turn.position(key)?;
    let (mut tried, mut undos) = (false, false);
    for key in turn.pieces_at(position) {
        let Some(state) = turn.saga.steps.get(&key).cloned() else {
            continue;
        };
        if state.status == StepStatus::Failed && forward::has_failed(turn, position) {
            failed_step(turn, &key, &state, by)?;
            tried = true;
        } else if state.status == StepStatus::CompensationFailed {
            failed_undo(turn, &key, &state, state.undo_refused, by.clone())?;
            undos = true;
        }
    }
    match (tried, undos) {
        (true, _) => rest::end_if_mended(turn, by.clone()),
        (false, true) => Ok(()),
        (false, false) => Err(Stop::Refused(Refused::NothingToRetry {
            step: key.clone(),
            status: turn.status(key),
        })),
    }
}

/// What became of that piece of work so far.
pub(super) fn find(turn: &Turn<'_>, key: &StepKey) -> Result<Option<StepState>, Stop> {
    let step = turn.definition.step(&key.step);
    let elements = turn.saga.elements(&key.step);
    let exists = key.element <= elements.map_or(0, |elements| elements.count);
    if step.is_none() || !exists {
        return Err(Stop::Refused(Refused::UnknownStep(key.clone())));
    }
    Ok(turn.saga.steps.get(key).cloned())
}

/// Whether a failed piece of work may be mended: it stands in the way of a saga that goes forward.
pub(super) fn stands_in_the_way(turn: &Turn<'_>, key: &StepKey) -> Result<(), Stop> {
    if turn.saga.phase != Phase::Running || turn.saga.unwind.is_some() {
        return Err(Stop::Refused(Refused::TurningBack));
    }
    if forward::has_failed(turn, turn.position(key)?) {
        return Ok(());
    }
    Err(Stop::Refused(Refused::PassedOver(key.clone())))
}

fn failed_step(turn: &mut Turn<'_>, key: &StepKey, state: &StepState, by: &By) -> Result<(), Stop> {
    stands_in_the_way(turn, key)?;
    if state.alarmed > 0 {
        return Err(Stop::Refused(Refused::EffectOnRecord(key.clone())));
    }
    turn.emit(EventKind::StepRetried {
        key: key.clone(),
        round: state.round + 1,
        by: by.clone(),
    });
    Ok(())
}

/// Tries an undo again; `refused` says that the last round is certain to have had no effect. A child
/// saga has no rounds of being undone; it is asked once more.
pub(super) fn failed_undo(
    turn: &mut Turn<'_>,
    key: &StepKey,
    state: &StepState,
    refused: bool,
    by: By,
) -> Result<(), Stop> {
    if turn.rests() {
        return Err(Stop::Refused(Refused::Paused));
    }
    let is_child = matches!(turn.plan(key)?.effect, Effect::Child);
    let attempt = if refused && !is_child {
        Attempt::first_of(state.undo_round + 1)
    } else {
        Attempt {
            number: state.attempt + 1,
            round: state.undo_round,
            rung: None,
            again: false,
        }
    };
    turn.emit(EventKind::UndoRetried {
        key: key.clone(),
        round: attempt.round,
        attempt: attempt.number,
        by,
    });
    match send::undo(turn, key, attempt)? {
        Ok(()) => Ok(()),
        Err(error) => {
            // Nothing was sent, so as much is known of the last round as before.
            let error = send::expression_error(&error);
            turn.emit(EventKind::UndoFailed {
                key: key.clone(),
                error,
                certified: refused,
            });
            unwind::advance(turn)
        }
    }
}

/// Does not wait for the time of the next attempt. One that rides a rung comes by itself in
/// seconds.
fn hasten(turn: &mut Turn<'_>, key: &StepKey, state: &StepState, by: By) -> Result<(), Stop> {
    if turn.rests() {
        return Err(Stop::Refused(Refused::Paused));
    }
    let waits = state
        .work
        .and_then(|work| work.retry)
        .is_some_and(|retry| !retry.sent);
    if !waits {
        let (step, status) = (key.clone(), state.status);
        return Err(Stop::Refused(Refused::InFlight { step, status }));
    }
    let op = match state.status {
        StepStatus::Settling => Op::Settle,
        StepStatus::Compensating => Op::Compensate,
        StepStatus::Pending
        | StepStatus::Waiting
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
    turn.emit(EventKind::RetryHastened {
        key: key.clone(),
        op,
        by,
    });
    retry::again(turn, key, op, None)
}
