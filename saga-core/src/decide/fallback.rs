//! What takes the place of a step that failed for good.

use std::sync::Arc;

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
    if !is_open(turn, key) {
        return Ok(false);
    }
    if turn.rests() {
        return Ok(true);
    }
    let round = turn.saga.steps.get(key).map_or(1, |state| state.round + 1);
    turn.emit(EventKind::FallbackStarted {
        key: key.clone(),
        round,
    });
    if let Err(error) = send::action(turn, key, Attempt::first_of(round))? {
        forward::fail(turn, key, send::expression_error(&error))?;
    }
    Ok(true)
}

/// Whether there is a fallback that was not tried. What has had an effect after all is not done in
/// another way as well, and of a step with elements each has its own.
pub(super) fn is_open(turn: &Turn<'_>, key: &StepKey) -> bool {
    let state = turn.saga.steps.get(key);
    state.is_some_and(|state| !state.fallback && state.alarmed == 0)
        && turn.step(key).is_ok_and(|step| {
            matches!(step.on_failure, OnFailure::Fallback(_))
                && step.for_each.is_some() == (key.element > 0)
        })
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

/// Puts the last good outputs in the place of failures that came while nothing followed from them.
pub(super) fn take_last_good(turn: &mut Turn<'_>, position: usize) -> Result<(), Stop> {
    for key in turn.pieces_at(position) {
        let state = turn.saga.steps.get(&key);
        let failed =
            state.is_some_and(|state| state.status == StepStatus::Failed && !state.substituted);
        if failed && let Some(good) = last_good(turn, &key)? {
            substitute(turn, &key, good);
        }
    }
    Ok(())
}

/// Puts the last good output in the place of a failure.
pub(super) fn substitute(turn: &mut Turn<'_>, key: &StepKey, good: GoodOutput) {
    turn.emit(EventKind::LastGoodTaken {
        key: key.clone(),
        recorded_at: good.at,
    });
    turn.write(ValueKey::Output(key.clone()), Arc::new(good.output));
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
