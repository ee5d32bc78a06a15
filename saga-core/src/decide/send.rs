//! Hands commands to the outbox: the event and the command it causes always come together.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::turn::{Stop, Turn};
use crate::decision::{ChildAsk, Command, NoteContent, Undoes};
use crate::definition::{Call, Child, Compensation, Effect, Plan, StepKind, Timeouts};
use crate::event::EventKind;
use crate::expression::{EvalError, Template};
use crate::ids::{Op, StepKey};
use crate::input::StepError;
use crate::time::Timestamp;
use crate::values::ValueKey;

/// Which attempt of what, and whether it rides a rung.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    pub(super) number: u32,
    pub(super) round: u32,
    pub(super) rung: Option<Duration>,
    /// It was sent before.
    pub(super) again: bool,
}

impl Attempt {
    pub(super) const FIRST: Self = Self::first_of(0);

    /// Whether its command may share a message with others.
    const fn shares(self) -> bool {
        self.number == 1 && self.round == 0 && self.rung.is_none() && !self.again
    }

    /// The first attempt of a round.
    pub(super) const fn first_of(round: u32) -> Self {
        Self {
            number: 1,
            round,
            rung: None,
            again: false,
        }
    }
}

/// A command cannot be sent because an expression of the definition cannot be computed.
pub(super) fn expression_error(error: &EvalError) -> StepError {
    StepError::new("expression_error", error.to_string())
}

/// Schedules an attempt of an action, or starts a child saga. `Ok(Err)` when its input cannot be
/// computed.
pub(super) fn action(
    turn: &mut Turn<'_>,
    key: &StepKey,
    attempt: Attempt,
) -> Result<Result<(), EvalError>, Stop> {
    let plan = turn.plan(key)?;
    let input = match input(turn, key, plan)? {
        Ok(input) => input,
        Err(error) => return Ok(Err(error)),
    };
    let seq = turn.emit(EventKind::StepScheduled {
        key: key.clone(),
        attempt: attempt.number,
        round: attempt.round,
        not_before: attempt.rung.map(|rung| turn.now.after(rung)),
    });
    hand_over(turn, key, plan, (attempt, seq), input)?;
    Ok(Ok(()))
}

/// Asks the action's own ledger, or the child saga, what became of it.
pub(super) fn settle(
    turn: &mut Turn<'_>,
    key: &StepKey,
    attempt: Attempt,
    error: Option<StepError>,
) -> Result<(), Stop> {
    let plan = turn.plan(key)?;
    let input = settle_input(turn, key, plan)?;
    let seq = turn.emit(EventKind::StepSettling {
        key: key.clone(),
        attempt: attempt.number,
        error,
        not_before: attempt.rung.map(|rung| turn.now.after(rung)),
    });
    ask_to_settle(turn, key, plan, (attempt, seq), input)
}

/// Schedules an attempt of an undo, or has a child saga undo itself. `Ok(Err)` when its input
/// cannot be computed.
pub(super) fn undo(
    turn: &mut Turn<'_>,
    key: &StepKey,
    attempt: Attempt,
) -> Result<Result<(), EvalError>, Stop> {
    let plan = turn.plan(key)?;
    let attempt = match plan.effect {
        // It is one saga, however often it is asked: the round that ran it is what it is known by.
        Effect::Child => Attempt {
            round: turn.saga.steps.get(key).map_or(0, |state| state.round),
            ..attempt
        },
        Effect::Compensate(_) | Effect::None | Effect::Residue(_) | Effect::Retriable => attempt,
    };
    let event = EventKind::UndoScheduled {
        key: key.clone(),
        attempt: attempt.number,
        round: attempt.round,
        not_before: attempt.rung.map(|rung| turn.now.after(rung)),
    };
    match plan.effect {
        Effect::Child => {
            let seq = turn.emit(event);
            ask_child(turn, key, attempt, seq, ChildAsk::Compensate);
            Ok(Ok(()))
        }
        Effect::Compensate(compensation) => {
            let rendered = match undo_input(turn, key, plan, compensation)? {
                Ok(rendered) => rendered,
                Err(error) => return Ok(Err(error)),
            };
            let seq = turn.emit(event);
            let command = undo_command(turn, key, compensation, (attempt, seq), rendered)?;
            turn.send(command);
            Ok(Ok(()))
        }
        Effect::None | Effect::Residue(_) | Effect::Retriable => Err(no_undo(key)),
    }
}

/// Sends the command that is under way once more, under the same attempt; `event` says why.
pub(super) fn once_more(
    turn: &mut Turn<'_>,
    key: &StepKey,
    op: Op,
    attempt: Attempt,
    event: EventKind,
) -> Result<Result<(), EvalError>, Stop> {
    let plan = turn.plan(key)?;
    match (op, plan.effect) {
        (Op::Action, _) => match input(turn, key, plan)? {
            Ok(input) => {
                let seq = turn.emit(event);
                hand_over(turn, key, plan, (attempt, seq), input)?;
            }
            Err(error) => return Ok(Err(error)),
        },
        (Op::Settle, _) => {
            let input = settle_input(turn, key, plan)?;
            let seq = turn.emit(event);
            ask_to_settle(turn, key, plan, (attempt, seq), input)?;
        }
        (Op::Compensate, Effect::Compensate(compensation)) => {
            match undo_input(turn, key, plan, compensation)? {
                Ok(rendered) => {
                    let seq = turn.emit(event);
                    let command = undo_command(turn, key, compensation, (attempt, seq), rendered)?;
                    turn.send(command);
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        (Op::Compensate, Effect::Child) => {
            let seq = turn.emit(event);
            ask_child(turn, key, attempt, seq, ChildAsk::Compensate);
        }
        (Op::Compensate, Effect::None | Effect::Residue(_) | Effect::Retriable) => {
            return Err(no_undo(key));
        }
    }
    Ok(Ok(()))
}

/// Hands an action to its workers, or starts a child saga.
fn hand_over(
    turn: &mut Turn<'_>,
    key: &StepKey,
    plan: Plan<'_>,
    (attempt, seq): (Attempt, u64),
    input: Value,
) -> Result<(), Stop> {
    match plan.kind {
        StepKind::Action(call) => {
            let command = action_command(turn, key, plan, call, (attempt, seq), input)?;
            turn.send(command);
        }
        StepKind::Saga(child) => {
            let ask = ChildAsk::Start {
                definition: Arc::clone(&child.name),
                version: child.version.clone(),
                input,
                pivot: turn.step(key)?.pivot || matches!(plan.effect, Effect::Retriable),
            };
            ask_child(turn, key, attempt, seq, ask);
        }
        StepKind::Wait(_) | StepKind::Sleep(_) => return Err(no_command(key)),
    }
    Ok(())
}

fn ask_to_settle(
    turn: &mut Turn<'_>,
    key: &StepKey,
    plan: Plan<'_>,
    (attempt, seq): (Attempt, u64),
    input: Value,
) -> Result<(), Stop> {
    match plan.kind {
        StepKind::Action(call) => {
            let command = settle_command(turn, key, plan, call, (attempt, seq), input)?;
            turn.send(command);
        }
        StepKind::Saga(child) => ask_child(turn, key, attempt, seq, settle_child(child)),
        StepKind::Wait(_) | StepKind::Sleep(_) => return Err(no_command(key)),
    }
    Ok(())
}

fn no_command(key: &StepKey) -> Stop {
    Stop::Illegal(format!("step {key} has no command to send"))
}

fn no_undo(key: &StepKey) -> Stop {
    Stop::Illegal(format!("step {key} has no compensation"))
}

fn ask_child(turn: &mut Turn<'_>, key: &StepKey, attempt: Attempt, seq: u64, ask: ChildAsk) {
    let content = NoteContent::ToChild {
        child: turn.saga.id.child(key, attempt.round),
        key: key.clone(),
        round: attempt.round,
        attempt: attempt.number,
        ask,
    };
    turn.tell(seq, content);
}

fn settle_child(child: &Child) -> ChildAsk {
    ChildAsk::Settle {
        definition: Arc::clone(&child.name),
        version: child.version.clone(),
    }
}

/// What a worker or a child saga is given.
fn input(turn: &Turn<'_>, key: &StepKey, plan: Plan<'_>) -> Result<Result<Value, EvalError>, Stop> {
    let template: &Template = match plan.kind {
        StepKind::Action(call) => &call.input,
        StepKind::Saga(child) => &child.input,
        StepKind::Wait(_) | StepKind::Sleep(_) => return Err(no_command(key)),
    };
    turn.require(template.reads(), Some(key))?;
    Ok(template.render(&turn.scope(Some(key))))
}

fn action_command(
    turn: &Turn<'_>,
    key: &StepKey,
    plan: Plan<'_>,
    call: &Call,
    (attempt, seq): (Attempt, u64),
    input: Value,
) -> Result<Command, Stop> {
    Ok(Command {
        deadline: close_by(turn, key, &plan.timeouts),
        start_to_close: plan.timeouts.start_to_close,
        heartbeat: plan.timeouts.heartbeat,
        action: call.action.clone(),
        op: Op::Action,
        round: attempt.round,
        attempt: attempt.number,
        undoes: None,
        rung: attempt.rung,
        shares: attempt.shares(),
        priority: turn.step(key)?.priority,
        seq,
        key: key.clone(),
        input,
    })
}

fn settle_command(
    turn: &Turn<'_>,
    key: &StepKey,
    plan: Plan<'_>,
    call: &Call,
    (attempt, seq): (Attempt, u64),
    input: Value,
) -> Result<Command, Stop> {
    Ok(Command {
        seq,
        op: Op::Settle,
        key: key.clone(),
        round: attempt.round,
        attempt: attempt.number,
        action: call.action.clone(),
        input,
        undoes: None,
        start_to_close: plan.timeouts.start_to_close,
        heartbeat: None,
        deadline: None,
        rung: attempt.rung,
        shares: attempt.shares(),
        priority: turn.step(key)?.priority,
    })
}

struct UndoInput {
    input: Value,
    undoes: Undoes,
}

fn undo_command(
    turn: &Turn<'_>,
    key: &StepKey,
    compensation: &Compensation,
    (attempt, seq): (Attempt, u64),
    rendered: UndoInput,
) -> Result<Command, Stop> {
    Ok(Command {
        deadline: close_by(turn, key, &compensation.timeouts),
        start_to_close: compensation.timeouts.start_to_close,
        heartbeat: compensation.timeouts.heartbeat,
        action: compensation.action.clone(),
        op: Op::Compensate,
        round: attempt.round,
        attempt: attempt.number,
        input: rendered.input,
        undoes: Some(rendered.undoes),
        rung: attempt.rung,
        shares: attempt.shares(),
        priority: turn.step(key)?.priority,
        seq,
        key: key.clone(),
    })
}

/// Settling passes the action's input along, so that `resolve` can look the call up by it. An
/// action was dispatched with it, so it can be computed again.
fn settle_input(turn: &Turn<'_>, key: &StepKey, plan: Plan<'_>) -> Result<Value, Stop> {
    Ok(input(turn, key, plan)?.unwrap_or(Value::Null))
}

fn undo_input(
    turn: &Turn<'_>,
    key: &StepKey,
    plan: Plan<'_>,
    compensation: &Compensation,
) -> Result<Result<UndoInput, EvalError>, Stop> {
    turn.require(compensation.input.reads(), Some(key))?;
    let given = input(turn, key, plan)?.unwrap_or(Value::Null);
    let output = turn.value(ValueKey::Output(key.clone()))?;
    let rendered = compensation.input.render(&turn.scope(Some(key)));
    Ok(rendered.map(|input| UndoInput {
        input,
        undoes: Undoes {
            round: turn.saga.steps.get(key).map_or(0, |state| state.round),
            input: given,
            output,
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
