//! Says in a few words what one event was.

use saga_core::event::{EventKind, PauseCause, UnwindCause};
use saga_core::ids::Op;

/// One event as a sentence fragment for listings.
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each event, all of them in one place"
)]
pub fn describe(event: &EventKind) -> String {
    match event {
        EventKind::SagaStarted {
            definition,
            key,
            parent,
            ..
        } => match (parent, key) {
            (Some(parent), _) => {
                let (step, saga) = (&parent.key, parent.saga);
                format!("started {definition} as {step} of saga {saga}")
            }
            (None, Some(key)) => format!("started {definition} with key {key}"),
            (None, None) => format!("started {definition}"),
        },
        EventKind::StepSplit { key, count } => format!("{key}: split into {count} elements"),
        EventKind::StepWaiting { key, signal, until } => match (signal, until) {
            (Some(signal), Some(until)) => {
                format!("{key}: waits for signal {signal}, until {until} at most")
            }
            (Some(signal), None) => format!("{key}: waits for signal {signal}"),
            (None, Some(until)) => format!("{key}: sleeps until {until}"),
            (None, None) => format!("{key}: waits"),
        },
        EventKind::SignalReceived { id, name } => format!("got signal {name} ({id})"),
        EventKind::SignalTaken { key, signal } => {
            format!("{key}: took signal {signal} of those the saga got")
        }
        EventKind::FallbackStarted { key, round } => {
            format!("{key}: its fallback is done instead, round {round}")
        }
        EventKind::LastGoodTaken { key, recorded_at } => {
            format!("{key}: the last good output takes its place, of {recorded_at}")
        }
        EventKind::ParentAsked { op, .. } => match op {
            Op::Compensate => "the parent saga undoes this one".to_owned(),
            Op::Action | Op::Settle => {
                "the parent saga asks this one to end without leaving anything".to_owned()
            }
        },
        EventKind::SagaReopened => "reopened, to be undone".to_owned(),
        EventKind::StepScheduled {
            key,
            attempt,
            not_before,
            ..
        } => match not_before {
            Some(at) => format!("{key}: attempt {attempt} is sent, to run at {at}"),
            None => format!("{key}: attempt {attempt} is sent"),
        },
        EventKind::StepSkipped { key } => format!("{key}: skipped"),
        EventKind::StepSucceeded { key, worker, .. } => match worker {
            Some(worker) => format!("{key}: done by {worker}"),
            None => format!("{key}: done"),
        },
        EventKind::AttemptStarted {
            key,
            op,
            attempt,
            worker,
            ..
        } => {
            let worker = worker.as_deref().unwrap_or("a worker");
            format!("{key}: {op} attempt {attempt} is executed by {worker}")
        }
        EventKind::AttemptFailed {
            key,
            op,
            attempt,
            error,
            retry_at,
            last,
        } => {
            let (code, message) = (&error.code, &error.message);
            let next = if *last {
                "to be settled when the saga goes on".to_owned()
            } else {
                format!("again at {retry_at}")
            };
            format!("{key}: {op} attempt {attempt} failed, {next}: {code}: {message}")
        }
        EventKind::StepFailed { key, error, .. } => {
            format!(
                "{key}: failed without effect: {}: {}",
                error.code, error.message
            )
        }
        EventKind::StepSettling { key, attempt, .. } => {
            format!("{key}: asking whether it happened, attempt {attempt}")
        }
        EventKind::StepNeverHappened { key } => format!("{key}: never happened"),
        EventKind::StepOutcomeUnknown { key, error } => {
            format!("{key}: nobody knows whether it happened: {}", error.message)
        }
        EventKind::CompensationStarted { cause } => format!("turned back: {}", why(cause)),
        EventKind::UnwindHeld { cause } => {
            format!("would turn back ({}), but a pivot is in flight", why(cause))
        }
        EventKind::UndoScheduled { key, attempt, .. } => {
            format!("{key}: attempt {attempt} of its undo is sent")
        }
        EventKind::StepCompensated { key, .. } => format!("{key}: undone"),
        EventKind::UndoFailed { key, error, .. } => {
            format!("{key}: its undo failed: {}: {}", error.code, error.message)
        }
        EventKind::StepProbed {
            key,
            op,
            attempt,
            reason,
            ..
        } => {
            format!("{key}: {op} attempt {attempt} was dead-lettered ({reason}); sent once more")
        }
        EventKind::CommandResent { key, op, attempt } => {
            format!("{key}: {op} attempt {attempt} was lost on its way; sent once more")
        }
        EventKind::LateReply {
            key,
            op,
            attempt,
            outcome,
        } => {
            format!("{key}: too late, {op} attempt {attempt} said {outcome}")
        }
        EventKind::EffectAfterUndo { key, attempt, .. } => {
            format!("{key}: ALARM, attempt {attempt} took effect after it was ruled out")
        }
        EventKind::DeadlinePassed => "the deadline passed after the point of no return".to_owned(),
        EventKind::SagaPaused { cause } => format!("rests: {}", rests(cause)),
        EventKind::SagaCompleted { output_error } => match output_error {
            Some(error) => format!("completed, but its output cannot be computed: {error}"),
            None => "completed".to_owned(),
        },
        EventKind::SagaCompensated { residue } if residue.is_empty() => {
            "everything is undone".to_owned()
        }
        EventKind::SagaCompensated { residue } => {
            format!(
                "everything undoable is undone; {} steps remain",
                residue.len()
            )
        }
        EventKind::CompensationFailed => "something could not be undone".to_owned(),
        EventKind::SagaResumed { .. }
        | EventKind::SagaMoved { .. }
        | EventKind::SagaTerminated { .. }
        | EventKind::CancelTooLate { .. }
        | EventKind::StepRetried { .. }
        | EventKind::RetryHastened { .. }
        | EventKind::UndoRetried { .. }
        | EventKind::StepSkippedByOperator { .. }
        | EventKind::StepResolved { .. } => describe_by_hand(event),
    }
}

/// What an operator did; empty for anything else.
fn describe_by_hand(event: &EventKind) -> String {
    let (what, by) = match event {
        EventKind::SagaResumed { by: Some(by), .. } => ("goes on".to_owned(), by),
        EventKind::SagaResumed { by: None, .. } => {
            return "goes on: a late answer told what was not known".to_owned();
        }
        EventKind::SagaMoved { to, by } => (format!("moved to {to}"), by),
        EventKind::SagaTerminated { by } => ("terminated without undoing anything".to_owned(), by),
        EventKind::CancelTooLate { by } => {
            let what = "not cancelled, the point of no return had passed; it was asked for";
            (what.to_owned(), by)
        }
        EventKind::StepRetried { key, round, by } => {
            (format!("{key}: to be tried again, round {round}"), by)
        }
        EventKind::RetryHastened { key, op, by } => (
            format!("{key}: the next attempt of its {op} is made now"),
            by,
        ),
        EventKind::UndoRetried { key, round, by, .. } => {
            (format!("{key}: its undo is tried again, round {round}"), by)
        }
        EventKind::StepSkippedByOperator { key, by } => (format!("{key}: skipped by hand"), by),
        EventKind::StepResolved {
            key,
            op,
            happened,
            by,
        } => {
            let word = if *happened {
                "happened"
            } else {
                "never happened"
            };
            (format!("{key}: its {op} {word}"), by)
        }
        _ => return String::new(),
    };
    format!("{what}, by {}: {}", by.who, by.reason)
}

fn why(cause: &UnwindCause) -> String {
    match cause {
        UnwindCause::StepFailed(step) => format!("{step} failed"),
        UnwindCause::Deadline => "the deadline passed".to_owned(),
        UnwindCause::Cancelled(by) => format!("cancelled by {}: {}", by.who, by.reason),
        UnwindCause::Parent => "the saga that it is a step of undoes it".to_owned(),
    }
}

/// Why a saga rests, as a sentence fragment.
pub fn rests(cause: &PauseCause) -> String {
    match cause {
        PauseCause::FailedAfterPivot(step) => {
            format!("{step} failed after the point of no return, where nothing is undone")
        }
        PauseCause::StepFailed(step) => format!("{step} failed, and its definition says to rest"),
        PauseCause::PivotUnknown(step) => {
            format!("nobody knows whether {step}, the point of no return, happened")
        }
        PauseCause::MaxLifetime => "it lived longer than its definition allows".to_owned(),
        PauseCause::Parked(why) => format!("an input could not be applied: {why}"),
        PauseCause::Operator(by) => format!("paused by {}: {}", by.who, by.reason),
    }
}
