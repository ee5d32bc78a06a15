//! The elements of a `for_each` step: each a piece of work of its own, some at a time.

use std::sync::Arc;

use serde_json::Value;

use super::forward;
use super::send::{self, Attempt};
use super::turn::{Stop, Turn};
use crate::definition::ForEach;
use crate::event::EventKind;
use crate::ids::StepKey;
use crate::input::StepError;
use crate::saga::{StepState, StepStatus};
use crate::values::ValueKey;

/// Most elements of one `for_each` step.
pub const ELEMENTS_MAX: usize = 10_000;

/// Splits a step into its elements and dispatches the first of them. Each element is kept as a
/// value of its own, so that a decision about one reads that one only.
pub(super) fn split(turn: &mut Turn<'_>, position: usize, each: &ForEach) -> Result<(), Stop> {
    let key = turn.key_at(position);
    turn.require(each.items.reads(), None)?;
    let items = match each.items.eval(&turn.scope(None)) {
        Ok(Value::Array(items)) if items.len() <= ELEMENTS_MAX => items,
        Ok(Value::Array(items)) => {
            let message = format!(
                "`for_each` has {} elements, the most are {ELEMENTS_MAX}",
                items.len()
            );
            return forward::fail(turn, &key, StepError::new("too_many_elements", message));
        }
        Ok(_) => {
            let text = each.items.text();
            let message = format!("`${{{text}}}` is no list, so there is nothing to go through");
            return forward::fail(turn, &key, StepError::new("expression_error", message));
        }
        Err(error) => return forward::fail(turn, &key, send::expression_error(&error)),
    };
    turn.emit(EventKind::StepSplit {
        key: key.clone(),
        count: u32::try_from(items.len()).unwrap_or(u32::MAX),
    });
    for (element, item) in (1..).zip(items) {
        let step = key.step.clone();
        turn.write(ValueKey::Item(StepKey { step, element }), Arc::new(item));
    }
    advance(turn, position)
}

/// Dispatches elements while there is room, and ends the step when all are over.
pub(super) fn advance(turn: &mut Turn<'_>, position: usize) -> Result<(), Stop> {
    let step = &turn.definition.steps[position];
    let Some(each) = &step.for_each else {
        return Ok(());
    };
    let whole = turn.key_at(position);
    while forward::goes_forward(turn) && turn.status(&whole) == StepStatus::Scheduled {
        let Some(elements) = turn.saga.elements(&whole.step) else {
            return Ok(());
        };
        if elements.over == elements.count {
            turn.emit(EventKind::StepSucceeded {
                key: whole.clone(),
                attempt: 1,
                worker: None,
            });
            return forward::after(turn, &whole);
        }
        let under_way = elements.sent - elements.over;
        if elements.sent == elements.count || under_way >= each.max_parallel {
            return Ok(());
        }
        let element = StepKey {
            step: whole.step.clone(),
            element: elements.sent + 1,
        };
        dispatch(turn, &element, Attempt::FIRST)?;
    }
    Ok(())
}

/// Dispatches elements that an operator has mended, and then whatever there is room for.
pub(super) fn resume(turn: &mut Turn<'_>, position: usize) -> Result<(), Stop> {
    if turn
        .saga
        .elements(&turn.definition.steps[position].name)
        .is_none()
    {
        return Ok(());
    }
    for key in turn.pieces_at(position) {
        let state = turn.saga.steps.get(&key);
        let mended = state.filter(|state| state.status == StepStatus::Pending);
        if let Some(round) = mended.map(|state| state.round) {
            dispatch(turn, &key, Attempt::first_of(round))?;
        }
    }
    advance(turn, position)
}

fn dispatch(turn: &mut Turn<'_>, key: &StepKey, attempt: Attempt) -> Result<(), Stop> {
    let Err(error) = send::action(turn, key, attempt)? else {
        return Ok(());
    };
    if forward::record_failure(turn, key, send::expression_error(&error))? {
        return Ok(());
    }
    forward::stand_in_the_way(turn, key)
}

/// An element failed that the saga cannot go on without: nothing more of its step is dispatched.
pub(super) fn fail_whole(turn: &mut Turn<'_>, position: usize, element: &StepKey) {
    if turn.status_at(position) != StepStatus::Scheduled {
        return;
    }
    let state = turn.saga.steps.get(element);
    let error = state.and_then(StepState::last_error);
    let mut error = error.unwrap_or_else(|| StepError::new("unknown", "it failed"));
    error.message = format!("element {}: {}", element.element, error.message);
    turn.emit(EventKind::StepFailed {
        key: turn.key_at(position),
        error,
        residue: false,
    });
}
