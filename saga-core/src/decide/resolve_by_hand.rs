//! An operator knows better: what became of a step or an undo, or that it can be done without.

use std::sync::Arc;

use serde_json::Value;

use super::retry_by_hand::{failed_undo, find, stands_in_the_way};
use super::turn::{Stop, Turn};
use super::{reply, rest, unwind};
use crate::event::EventKind;
use crate::ids::{Op, StepKey};
use crate::operator::{By, Resolution};
use crate::refusal::Refused;
use crate::saga::{StepState, StepStatus};
use crate::values::ValueKey;

/// Goes on without a failed step, as if it had answered `output`.
pub(super) fn skip(
    turn: &mut Turn<'_>,
    key: &StepKey,
    output: &Arc<Value>,
    by: By,
) -> Result<(), Stop> {
    let state = find(turn, key)?;
    let status = turn.status(key);
    if status == StepStatus::OutcomeUnknown {
        return Err(Stop::Refused(Refused::InDoubt(key.clone())));
    }
    if status != StepStatus::Failed {
        let step = key.clone();
        return Err(Stop::Refused(Refused::NothingToSkip { step, status }));
    }
    if state.is_some_and(|state| state.elements.is_some()) {
        return Err(Stop::Refused(Refused::NameAnElement(key.clone())));
    }
    stands_in_the_way(turn, key)?;
    if turn.step(key)?.pivot {
        return Err(Stop::Refused(Refused::IsPivot(key.clone())));
    }
    turn.emit(EventKind::StepSkippedByOperator {
        key: key.clone(),
        by: by.clone(),
    });
    turn.write(ValueKey::Output(key.clone()), Arc::clone(output));
    rest::end_if_mended(turn, by)
}

/// Records what became of a step whose outcome is unknown, or of an undo that failed.
pub(super) fn resolve(
    turn: &mut Turn<'_>,
    key: &StepKey,
    resolution: &Resolution,
    by: By,
) -> Result<(), Stop> {
    let state = find(turn, key)?;
    if state.as_ref().is_some_and(|state| state.elements.is_some()) {
        return Err(Stop::Refused(Refused::NameAnElement(key.clone())));
    }
    match state {
        Some(state) if state.status == StepStatus::OutcomeUnknown => {
            resolve_step(turn, key, &state, resolution, by)
        }
        Some(state) if state.status == StepStatus::CompensationFailed => {
            resolve_undo(turn, key, &state, resolution, &by)
        }
        Some(_) | None => Err(Stop::Refused(Refused::NothingToResolve {
            step: key.clone(),
            status: turn.status(key),
        })),
    }
}

fn resolve_step(
    turn: &mut Turn<'_>,
    key: &StepKey,
    state: &StepState,
    resolution: &Resolution,
    by: By,
) -> Result<(), Stop> {
    turn.emit(EventKind::StepResolved {
        key: key.clone(),
        op: Op::Action,
        happened: matches!(resolution, Resolution::Happened(_)),
        by: by.clone(),
    });
    match resolution {
        Resolution::Happened(output) => {
            reply::succeeded(turn, key, reply::FOUND_OUT, None, output)?;
        }
        Resolution::Never => reply::never_happened(turn, key, state)?,
    }
    rest::end_if_mended(turn, by)
}

/// An undo that never happened is tried again. The operator has settled its last round, so the
/// next one has a key of its own.
fn resolve_undo(
    turn: &mut Turn<'_>,
    key: &StepKey,
    state: &StepState,
    resolution: &Resolution,
    by: &By,
) -> Result<(), Stop> {
    let resolved = |happened| EventKind::StepResolved {
        key: key.clone(),
        op: Op::Compensate,
        happened,
        by: by.clone(),
    };
    match resolution {
        Resolution::Happened(_) => {
            turn.emit(resolved(true));
            turn.emit(EventKind::StepCompensated {
                key: key.clone(),
                attempt: state.attempt,
                residue: false,
            });
            unwind::advance(turn)
        }
        Resolution::Never if turn.rests() => Err(Stop::Refused(Refused::Paused)),
        Resolution::Never => {
            turn.emit(resolved(false));
            failed_undo(turn, key, state, true, by.clone())
        }
    }
}
