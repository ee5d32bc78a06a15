//! A time may have come.

use std::time::Duration;

use super::turn::{Stop, Turn};
use super::{retry, unwind, wait};
use crate::decision::Ignored;
use crate::definition::{Definition, Effect, Step, Timeouts};
use crate::event::{EventKind, PauseCause, UnwindCause};
use crate::ids::{Op, StepKey};
use crate::input::StepError;
use crate::saga::{Phase, Saga, StepState, StepStatus};
use crate::time::{Timestamp, format_span};

/// The worker ends an attempt at `start_to_close` and reports it. Only when nothing is heard for
/// this much longer (or for its `heartbeat` limit, where it has one) the orchestrator does.
const BACKSTOP_MARGIN: Duration = Duration::from_secs(10);

pub(super) fn fire(turn: &mut Turn<'_>) -> Result<(), Stop> {
    if turn.saga.phase.is_closed() {
        return Err(Stop::Ignored(Ignored::Closed));
    }
    if turn.saga.pause.is_some() || turn.saga.phase == Phase::CompensationFailed {
        return Err(Stop::Ignored(Ignored::NotDue));
    }
    if turn.now >= turn.saga.lifetime_ends {
        turn.emit(EventKind::SagaPaused {
            cause: PauseCause::MaxLifetime,
        });
        return Ok(());
    }
    if deadline(&turn.saga).is_some_and(|deadline| turn.now >= deadline) {
        if turn.pivot_passed() {
            turn.emit(EventKind::DeadlinePassed);
        } else {
            unwind::begin(turn, UnwindCause::Deadline)?;
        }
    }
    fire_steps(turn)
}

/// Does what is due of the steps, until one of them makes the saga rest.
pub(super) fn fire_steps(turn: &mut Turn<'_>) -> Result<(), Stop> {
    let mut due: Vec<(usize, StepKey)> = Vec::new();
    for (key, state) in turn.saga.steps.listed() {
        let position = turn.position(key)?;
        let time = earliest(&turn.saga, &turn.definition.steps[position], state);
        if time.is_some_and(|(_, due)| turn.now >= due.at) {
            due.push((position, key.clone()));
        }
    }
    due.sort();
    for (_, key) in due {
        if !turn.rests() && !turn.saga.phase.is_closed() {
            fire_piece(turn, &key)?;
        }
    }
    Ok(())
}

/// Does what is due of one piece of work; what happened to another one may have changed that.
fn fire_piece(turn: &mut Turn<'_>, key: &StepKey) -> Result<(), Stop> {
    let step = turn.step(key)?;
    let Some(state) = turn.saga.steps.get(key) else {
        return Ok(());
    };
    let Some((op, due)) = earliest(&turn.saga, step, state) else {
        return Ok(());
    };
    if turn.now < due.at {
        return Ok(());
    }
    match due.what {
        What::Wake => wait::wake(turn, key),
        What::Retry => match spent(state) {
            Some(error) => retry::exhausted(turn, key, op, error),
            None => retry::again(turn, key, op, None),
        },
        What::EndOfStep(limit) => {
            let message = format!("{limit} of {} has passed", format_span(due.span));
            retry::exhausted(turn, key, op, StepError::new("timeout", message))
        }
        What::EndOfAttempt => {
            let span = format_span(due.span);
            let message = format!("start_to_close of {span} has passed without a word");
            let error = StepError::new("timeout", message);
            retry::attempt_failed(turn, key, op, error, None)
        }
    }
}

/// The error of an action whose attempts ran out while the saga rested.
fn spent(state: &StepState) -> Option<StepError> {
    state.work.filter(|work| work.spent)?;
    let unknown = || StepError::new("unknown", "the last attempt failed");
    Some(state.last_error().unwrap_or_else(unknown))
}

/// When the saga must be looked at again; `None` when nothing of it waits for a time.
#[must_use]
pub fn next_wake(definition: &Definition, saga: &Saga) -> Option<Timestamp> {
    let rests = saga.pause.is_some() || saga.phase == Phase::CompensationFailed;
    if rests || saga.phase.is_closed() {
        return None;
    }
    let steps = saga.steps.listed().iter().filter_map(|(key, state)| {
        let step = definition.step(&key.step)?;
        earliest(saga, step, state).map(|(_, due)| due.at)
    });
    steps
        .chain(deadline(saga))
        .chain([saga.lifetime_ends])
        .min()
}

/// The deadline while it can still turn the saga back.
fn deadline(saga: &Saga) -> Option<Timestamp> {
    match (&saga.phase, &saga.unwind) {
        (Phase::Running, None) => saga.deadline,
        _ => None,
    }
}

struct Due {
    at: Timestamp,
    what: What,
    /// The limit that has passed; zero for a retry.
    span: Duration,
}

enum What {
    /// A step has waited long enough.
    Wake,
    Retry,
    /// All attempts end, by this limit.
    EndOfStep(&'static str),
    /// The attempt that was started is given up.
    EndOfAttempt,
}

/// The first time that matters to what is under way.
fn earliest(saga: &Saga, step: &Step, state: &StepState) -> Option<(Op, Due)> {
    let work = state.work?;
    let plan = step.plan(state.fallback);
    let (op, timeouts) = match state.status {
        StepStatus::Scheduled | StepStatus::BackingOff => (Op::Action, plan.timeouts),
        StepStatus::Settling => (Op::Settle, Timeouts::default()),
        StepStatus::Compensating => match plan.effect {
            Effect::Compensate(undo) => (Op::Compensate, undo.timeouts),
            Effect::Child => (Op::Compensate, Timeouts::default()),
            Effect::None | Effect::Residue(_) | Effect::Retriable => return None,
        },
        // While a failure waits for a pivot to be settled, nothing that waits goes on.
        StepStatus::Waiting if saga.unwind.is_none() => {
            let due = work.retry.map(|retry| Due {
                at: retry.at,
                what: What::Wake,
                span: Duration::ZERO,
            });
            return due.map(|due| (Op::Action, due));
        }
        StepStatus::Waiting => return None,
        StepStatus::Pending
        | StepStatus::Succeeded
        | StepStatus::Failed
        | StepStatus::Skipped
        | StepStatus::OutcomeUnknown
        | StepStatus::Compensated
        | StepStatus::CompensationFailed
        | StepStatus::NeverHappened => return None,
    };
    let waits = work.retry.filter(|retry| !retry.sent);
    let retry = waits.map(|retry| Due {
        at: retry.at,
        what: What::Retry,
        span: Duration::ZERO,
    });
    let close = timeouts.schedule_to_close.map(|span| Due {
        at: work.since.after(span),
        what: What::EndOfStep("schedule_to_close"),
        span,
    });
    let begin = timeouts
        .schedule_to_start
        .filter(|_| waits.is_none() && work.started.is_none())
        .map(|span| Due {
            at: work.sent_at.after(span),
            what: What::EndOfStep("schedule_to_start"),
            span,
        });
    let started = work.started.filter(|_| waits.is_none());
    let backstop = started.zip(timeouts.start_to_close).map(|(started, span)| {
        let margin = timeouts.heartbeat.unwrap_or(BACKSTOP_MARGIN);
        Due {
            at: started.after(span).after(margin),
            what: What::EndOfAttempt,
            span,
        }
    });
    [retry, close, begin, backstop]
        .into_iter()
        .flatten()
        .min_by_key(|due| due.at)
        .map(|due| (op, due))
}
