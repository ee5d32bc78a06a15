//! Hands commands to the outbox: the event and the command it causes always come together.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::turn::{Stop, Turn};
use crate::decision::{Command, Undoes};
use crate::definition::{Compensation, Step, Timeouts};
use crate::event::EventKind;
use crate::expression::EvalError;
use crate::ids::{Op, StepKey};
use crate::input::StepError;
use crate::time::Timestamp;

/// Which attempt of what, and whether it rides a rung.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    pub(super) number: u32,
    pub(super) round: u32,
    pub(super) rung: Option<Duration>,
}

impl Attempt {
    pub(super) const FIRST: Self = Self {
        number: 1,
        round: 0,
        rung: None,
    };
}

/// A command cannot be sent because an expression of the definition cannot be computed.
pub(super) fn expression_error(error: &EvalError) -> StepError {
    StepError::new("expression_error", error.to_string())
}

/// Schedules an attempt of a step's action. `Ok(Err)` when its input cannot be computed.
pub(super) fn action(
    turn: &mut Turn<'_>,
    step: &Step,
    attempt: Attempt,
) -> Result<Result<(), EvalError>, Stop> {
    turn.require(step.input.reads())?;
    let input = match step.input.render(&turn.scope()) {
        Ok(input) => input,
        Err(error) => return Ok(Err(error)),
    };
    let key = StepKey::whole(step.name.clone());
    let seq = turn.emit(EventKind::StepScheduled {
        key: key.clone(),
        attempt: attempt.number,
        round: attempt.round,
        not_before: attempt.rung.map(|rung| turn.now.after(rung)),
    });
    let command = action_command(turn, step, attempt, seq, input);
    turn.send(command);
    Ok(Ok(()))
}

/// Asks the action's own ledger what became of it.
pub(super) fn settle(
    turn: &mut Turn<'_>,
    step: &Step,
    attempt: Attempt,
    error: Option<StepError>,
) -> Result<(), Stop> {
    let input = settle_input(turn, step)?;
    let key = StepKey::whole(step.name.clone());
    let seq = turn.emit(EventKind::StepSettling {
        key,
        attempt: attempt.number,
        error,
        not_before: attempt.rung.map(|rung| turn.now.after(rung)),
    });
    let command = settle_command(step, attempt, seq, input);
    turn.send(command);
    Ok(())
}

/// Schedules an attempt of a step's undo. `Ok(Err)` when its input cannot be computed.
pub(super) fn undo(
    turn: &mut Turn<'_>,
    step: &Step,
    compensation: &Compensation,
    attempt: Attempt,
) -> Result<Result<(), EvalError>, Stop> {
    let rendered = match undo_input(turn, step, compensation)? {
        Ok(rendered) => rendered,
        Err(error) => return Ok(Err(error)),
    };
    let seq = turn.emit(EventKind::UndoScheduled {
        key: StepKey::whole(step.name.clone()),
        attempt: attempt.number,
        round: attempt.round,
        not_before: attempt.rung.map(|rung| turn.now.after(rung)),
    });
    let command = undo_command(turn, step, compensation, attempt, seq, rendered);
    turn.send(command);
    Ok(Ok(()))
}

/// Sends the command that is under way once more, under the same attempt.
pub(super) fn probe(
    turn: &mut Turn<'_>,
    step: &Step,
    op: Op,
    attempt: Attempt,
    reason: &str,
) -> Result<Result<(), EvalError>, Stop> {
    let event = EventKind::StepProbed {
        key: StepKey::whole(step.name.clone()),
        op,
        attempt: attempt.number,
        reason: reason.to_owned(),
    };
    let command = match (op, &step.effect) {
        (Op::Action, _) => {
            turn.require(step.input.reads())?;
            match step.input.render(&turn.scope()) {
                Ok(input) => {
                    let seq = turn.emit(event);
                    action_command(turn, step, attempt, seq, input)
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        (Op::Settle, _) => {
            let input = settle_input(turn, step)?;
            let seq = turn.emit(event);
            settle_command(step, attempt, seq, input)
        }
        (Op::Compensate, crate::definition::Effect::Compensate(compensation)) => {
            match undo_input(turn, step, compensation)? {
                Ok(rendered) => {
                    let seq = turn.emit(event);
                    undo_command(turn, step, compensation, attempt, seq, rendered)
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        (Op::Compensate, _) => {
            return Err(Stop::Illegal(format!(
                "step {} has no compensation",
                step.name
            )));
        }
    };
    turn.send(command);
    Ok(Ok(()))
}

fn action_command(
    turn: &Turn<'_>,
    step: &Step,
    attempt: Attempt,
    seq: u64,
    input: Value,
) -> Command {
    let key = StepKey::whole(step.name.clone());
    Command {
        deadline: close_by(turn, &key, &step.timeouts),
        start_to_close: step.timeouts.start_to_close,
        heartbeat: step.timeouts.heartbeat,
        action: step.action.clone(),
        op: Op::Action,
        round: attempt.round,
        attempt: attempt.number,
        undoes: None,
        rung: attempt.rung,
        priority: step.priority,
        seq,
        key,
        input,
    }
}

fn settle_command(step: &Step, attempt: Attempt, seq: u64, input: Value) -> Command {
    Command {
        seq,
        op: Op::Settle,
        key: StepKey::whole(step.name.clone()),
        round: attempt.round,
        attempt: attempt.number,
        action: step.action.clone(),
        input,
        undoes: None,
        start_to_close: step.timeouts.start_to_close,
        heartbeat: None,
        deadline: None,
        rung: attempt.rung,
        priority: step.priority,
    }
}

struct UndoInput {
    input: Value,
    undoes: Undoes,
}

fn undo_command(
    turn: &Turn<'_>,
    step: &Step,
    compensation: &Compensation,
    attempt: Attempt,
    seq: u64,
    rendered: UndoInput,
) -> Command {
    let key = StepKey::whole(step.name.clone());
    Command {
        deadline: close_by(turn, &key, &compensation.timeouts),
        start_to_close: compensation.timeouts.start_to_close,
        heartbeat: compensation.timeouts.heartbeat,
        action: compensation.action.clone(),
        op: Op::Compensate,
        round: attempt.round,
        attempt: attempt.number,
        input: rendered.input,
        undoes: Some(rendered.undoes),
        rung: attempt.rung,
        priority: step.priority,
        seq,
        key,
    }
}

/// Settling passes the action's input along, so that `resolve` can look the call up by it. An
/// action was dispatched with it, so it can be computed again.
fn settle_input(turn: &Turn<'_>, step: &Step) -> Result<Value, Stop> {
    turn.require(step.input.reads())?;
    Ok(step.input.render(&turn.scope()).unwrap_or(Value::Null))
}

fn undo_input(
    turn: &Turn<'_>,
    step: &Step,
    compensation: &Compensation,
) -> Result<Result<UndoInput, EvalError>, Stop> {
    let key = StepKey::whole(step.name.clone());
    turn.require(step.input.reads())?;
    turn.require(compensation.input.reads())?;
    let Some(output) = turn.output(&key) else {
        return Err(Stop::Needs(vec![crate::values::ValueKey::Output(key)]));
    };
    let scope = turn.scope();
    Ok(compensation.input.render(&scope).map(|input| UndoInput {
        input,
        undoes: Undoes {
            round: scope.saga.steps.get(&key).map_or(0, |state| state.round),
            input: step.input.render(&scope).unwrap_or(Value::Null),
            output: Arc::clone(&output),
        },
    }))
}

/// When all attempts of what is under way must be over.
fn close_by(turn: &Turn<'_>, key: &StepKey, timeouts: &Timeouts) -> Option<Timestamp> {
    let work = turn.saga.steps.get(key)?.work?;
    timeouts
        .schedule_to_close
        .map(|limit| work.since.after(limit))
}
