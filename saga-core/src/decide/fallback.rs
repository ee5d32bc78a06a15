//! What takes the place of a step that failed for good.

use super::forward;
use super::send::{self, Attempt};
use super::turn::{Stop, Turn};
use crate::decision::Good;
use crate::definition::{OnFailure, StepKind};
use crate::event::EventKind;
use crate::ids::{ActionName, StepKey};
use crate::saga::{Phase, StepStatus};
use crate::values::{GoodOutput, InputDigest, ValueKey};

/// Does a failed step's fallback instead, in a round of its own; says whether there is one to do.
/// While the saga rests it waits for the saga to go on.
pub(super) fn begin(turn: &mut Turn<'_>, key: &StepKey) -> Result<bool, Stop> {
    let step = turn.step(key)?;
    let state = turn.saga.steps.get(key);
    let Some(state) = state.filter(|state| !state.fallback && state.alarmed == 0) else {
        return Ok(false);
    };
    if !matches!(step.on_failure, OnFailure::Fallback(_)) {
        return Ok(false);
    }
    if turn.rests() {
        return Ok(true);
    }
    let round = state.round + 1;
    turn.emit(EventKind::FallbackStarted {
        key: key.clone(),
        round,
    });
    if let Err(error) = send::action(turn, key, Attempt::first_of(round))? {
        forward::fail(turn, key, send::expression_error(&error))?;
    }
    Ok(true)
}

/// Does the fallbacks of a step that were held up while the saga rested.
pub(super) fn resume(turn: &mut Turn<'_>, position: usize) -> Result<(), Stop> {
    if !matches!(
        turn.definition.steps[position].on_failure,
        OnFailure::Fallback(_)
    ) {
        return Ok(());
    }
    for key in turn.pieces_at(position) {
        if turn.status(&key) == StepStatus::Failed && forward::goes_forward(turn) {
            begin(turn, &key)?;
        }
    }
    Ok(())
}

/// The output that takes the place of a failure, where the step falls back to the last good one
/// and there is one that is fresh enough.
pub(super) fn last_good(turn: &Turn<'_>, key: &StepKey) -> Result<Option<GoodOutput>, Stop> {
    let OnFailure::LastGood(limit) = turn.step(key)?.on_failure else {
        return Ok(None);
    };
    if turn.saga.phase != Phase::Running || turn.saga.unwind.is_some() {
        return Ok(None);
    }
    let Some((action, input)) = operation(turn, key)? else {
        return Ok(None);
    };
    let found = turn.value(ValueKey::LastGood(action, input))?;
    let good: Option<GoodOutput> = serde_json::from_value((*found).clone()).ok().flatten();
    Ok(good.filter(|good| turn.now.since(good.at) <= limit))
}

/// Remembers a success for later failures of the same operation with the same input.
pub(super) fn remember(turn: &mut Turn<'_>, key: &StepKey) -> Result<(), Stop> {
    if !matches!(turn.step(key)?.on_failure, OnFailure::LastGood(_)) {
        return Ok(());
    }
    if let Some((action, input)) = operation(turn, key)? {
        let key = key.clone();
        turn.remember(Good { action, input, key });
    }
    Ok(())
}

fn operation(turn: &Turn<'_>, key: &StepKey) -> Result<Option<(ActionName, InputDigest)>, Stop> {
    let StepKind::Action(call) = turn.plan(key)?.kind else {
        return Ok(None);
    };
    turn.require(call.input.reads(), Some(key))?;
    let input = call.input.render(&turn.scope(Some(key)));
    Ok(input
        .ok()
        .map(|input| (call.action.clone(), InputDigest::of(&input))))
}
