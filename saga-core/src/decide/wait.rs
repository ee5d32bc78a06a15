//! Steps that wait: for a signal, or for a time.

use std::sync::Arc;

use serde_json::Value;

use super::turn::{Stop, Turn};
use super::{forward, send};
use crate::compiler::SPAN_MAX;
use crate::decision::Ignored;
use crate::definition::{OnTimeout, StepKind, Wait};
use crate::event::EventKind;
use crate::ids::StepKey;
use crate::input::{Signal, StepError};
use crate::refusal::Refused;
use crate::saga::{SIGNALS_MAX, SignalState, StepStatus};
use crate::time::{format_span, parse_span};
use crate::values::ValueKey;

/// Begins to wait; says whether the step is over already, because its signal had come before.
pub(super) fn begin(turn: &mut Turn<'_>, position: usize) -> Result<bool, Stop> {
    let definition = turn.definition;
    let key = turn.key_at(position);
    let template = match &definition.steps[position].kind {
        StepKind::Wait(wait) => {
            if let Some(signal) = oldest(turn, &wait.signal) {
                take(turn, &key, signal)?;
                return Ok(true);
            }
            turn.emit(EventKind::StepWaiting {
                key,
                signal: Some(Arc::clone(&wait.signal)),
                until: wait.timeout.map(|limit| turn.now.after(limit)),
            });
            return Ok(false);
        }
        StepKind::Sleep(template) => template,
        StepKind::Action(_) | StepKind::Saga(_) => {
            return Err(Stop::Illegal(format!("step {key} does not wait")));
        }
    };
    turn.require(template.reads(), None)?;
    let span = match template.render(&turn.scope(None)) {
        Ok(Value::String(text)) => match parse_span(&text) {
            Ok(span) if span <= SPAN_MAX => span,
            Ok(_) | Err(_) => {
                let message = format!("`sleep` is `{text}`; write a span such as 90s, 2h or 3d");
                forward::fail(turn, &key, StepError::new("expression_error", message))?;
                return Ok(false);
            }
        },
        Ok(other) => {
            let message = format!("`sleep` is {other}; write a span as text, such as 90s");
            forward::fail(turn, &key, StepError::new("expression_error", message))?;
            return Ok(false);
        }
        Err(error) => {
            forward::fail(turn, &key, send::expression_error(&error))?;
            return Ok(false);
        }
    };
    turn.emit(EventKind::StepWaiting {
        key,
        signal: None,
        until: Some(turn.now.after(span)),
    });
    Ok(false)
}

/// Somebody outside tells the saga something. It is kept even before a step waits for it.
pub(super) fn signal(turn: &mut Turn<'_>, signal: &Signal) -> Result<(), Stop> {
    if turn.saga.version == 0 {
        let why = format!("saga {} was never started", turn.saga.id);
        return Err(Stop::Illegal(why));
    }
    if turn.saga.signals.iter().any(|known| known.id == signal.id) {
        return Err(Stop::Ignored(Ignored::Duplicate));
    }
    if turn.saga.phase.is_closed() {
        return Err(Stop::Refused(Refused::Closed(turn.saga.status())));
    }
    if turn.saga.signals.len() >= SIGNALS_MAX {
        return Err(Stop::Refused(Refused::TooManySignals));
    }
    turn.emit(EventKind::SignalReceived {
        id: signal.id.clone(),
        name: Arc::clone(&signal.name),
    });
    let number = u32::try_from(turn.saga.signals.len()).unwrap_or(u32::MAX);
    turn.write(ValueKey::Signal(number), Arc::clone(&signal.payload));
    if !forward::goes_forward(turn) {
        return Ok(());
    }
    for position in 0..turn.definition.steps.len() {
        if turn.status_at(position) == StepStatus::Waiting && look(turn, position)? {
            return forward::after(turn, &turn.key_at(position));
        }
    }
    Ok(())
}

/// Takes the signal that a waiting step waits for, if it has come; says whether it had.
pub(super) fn look(turn: &mut Turn<'_>, position: usize) -> Result<bool, Stop> {
    let definition = turn.definition;
    let StepKind::Wait(wait) = &definition.steps[position].kind else {
        return Ok(false);
    };
    let Some(signal) = oldest(turn, &wait.signal) else {
        return Ok(false);
    };
    take(turn, &turn.key_at(position), signal)?;
    Ok(true)
}

/// The time of a waiting step has come.
pub(super) fn wake(turn: &mut Turn<'_>, key: &StepKey) -> Result<(), Stop> {
    let definition = turn.definition;
    let wait = match &definition.steps[turn.position(key)?].kind {
        StepKind::Sleep(_) => return over(turn, key, Arc::new(Value::Null)),
        StepKind::Wait(wait) => wait,
        StepKind::Action(_) | StepKind::Saga(_) => {
            return Err(Stop::Illegal(format!("step {key} does not wait")));
        }
    };
    match &wait.on_timeout {
        OnTimeout::Output(output) => over(turn, key, Arc::new(output.clone())),
        OnTimeout::Fail => forward::fail(turn, key, timeout(wait)),
    }
}

fn timeout(wait: &Wait) -> StepError {
    let span = wait.timeout.map(format_span).unwrap_or_default();
    let message = format!("no signal `{}` within {span}", wait.signal);
    StepError::new("timeout", message)
}

fn over(turn: &mut Turn<'_>, key: &StepKey, output: Arc<Value>) -> Result<(), Stop> {
    succeed(turn, key, output);
    forward::after(turn, key)
}

fn succeed(turn: &mut Turn<'_>, key: &StepKey, output: Arc<Value>) {
    turn.emit(EventKind::StepSucceeded {
        key: key.clone(),
        attempt: 1,
        worker: None,
    });
    turn.write(ValueKey::Output(key.clone()), output);
}

/// The oldest signal of that name that nobody took, counted from 1.
fn oldest(turn: &Turn<'_>, name: &str) -> Option<u32> {
    let is = |signal: &SignalState| !signal.taken && *signal.name == *name;
    let at = turn.saga.signals.iter().position(is)?;
    u32::try_from(at + 1).ok()
}

fn take(turn: &mut Turn<'_>, key: &StepKey, signal: u32) -> Result<(), Stop> {
    let payload = turn.value(ValueKey::Signal(signal))?;
    turn.emit(EventKind::SignalTaken {
        key: key.clone(),
        signal,
    });
    succeed(turn, key, payload);
    Ok(())
}
