//! The broker gave up on a command: whether it had an effect is not known.

use std::time::Duration;

use super::retry;
use super::send::{self, Attempt};
use super::turn::{Stop, Turn};
use crate::decision::Ignored;
use crate::definition::RetryPolicy;
use crate::event::EventKind;
use crate::ids::Op;
use crate::input::{DeadLetter, StepError};
use crate::saga::StepStatus;

/// The first dead letter of an attempt is sent once more, as a probe: a step that happened answers
/// from its ledger, and a bystander of somebody else's crash simply runs. The second counts as a
/// failed attempt, of an action as its last one.
pub(super) fn apply(turn: &mut Turn<'_>, letter: &DeadLetter) -> Result<(), Stop> {
    if turn.saga.phase.is_closed() {
        return Err(Stop::Ignored(Ignored::Closed));
    }
    turn.position(&letter.key)?;
    let Some(state) = turn.saga.steps.get(&letter.key) else {
        return Err(Stop::Illegal(format!(
            "step {} was never dispatched",
            letter.key
        )));
    };
    let is_under_way = match letter.op {
        Op::Action => matches!(state.status, StepStatus::Scheduled | StepStatus::BackingOff),
        Op::Settle => state.status == StepStatus::Settling,
        Op::Compensate => state.status == StepStatus::Compensating,
    };
    let Some(work) = state.work.filter(|_| is_under_way) else {
        return Err(Stop::Ignored(Ignored::StaleAttempt));
    };
    if (letter.round, letter.attempt) != (state.round_of(letter.op), state.attempt) {
        return Err(Stop::Ignored(Ignored::StaleAttempt));
    }
    if letter
        .command
        .is_some_and(|command| command != work.command)
    {
        return Err(Stop::Ignored(Ignored::StaleAttempt));
    }
    let error = StepError::new("dead_lettered", letter.reason.clone());
    if work.probed {
        return match letter.op {
            Op::Action => retry::exhausted(turn, &letter.key, Op::Action, error),
            Op::Settle | Op::Compensate => {
                retry::attempt_failed(turn, &letter.key, letter.op, error, None)
            }
        };
    }
    if turn.rests() {
        // Nothing is sent while the saga rests; the next attempt is the probe.
        return retry::attempt_failed(turn, &letter.key, letter.op, error, Some(Duration::ZERO));
    }
    let rung = RetryPolicy::scattered(turn.saga.id, &letter.key, letter.op, state.attempt);
    let attempt = Attempt {
        number: state.attempt,
        round: state.round_of(letter.op),
        rung: Some(rung),
        again: true,
    };
    let event = EventKind::StepProbed {
        key: letter.key.clone(),
        op: letter.op,
        attempt: attempt.number,
        reason: letter.reason.clone(),
        not_before: Some(turn.now.after(rung)),
    };
    match send::once_more(turn, &letter.key, letter.op, attempt, event)? {
        Ok(()) => Ok(()),
        Err(error) => {
            retry::exhausted(turn, &letter.key, letter.op, send::expression_error(&error))
        }
    }
}
