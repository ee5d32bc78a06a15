//! An attempt failed: another one, or the end.

use std::time::Duration;

use super::send::{self, Attempt};
use super::turn::{Stop, Turn};
use super::unwind;
use crate::definition::{Delay, Effect, RetryPolicy, Timeouts};
use crate::delivery::UNACCOUNTED;
use crate::event::EventKind;
use crate::ids::{Op, StepKey};
use crate::input::StepError;
use crate::saga::{StepStatus, Work};

/// Settling is repeated until the ledger knows: giving up would leave an effect in doubt.
const SETTLE_INITIAL: Duration = Duration::from_millis(500);
const SETTLE_LONGEST: Duration = Duration::from_secs(30);

fn settle_policy() -> RetryPolicy {
    RetryPolicy {
        initial_interval: SETTLE_INITIAL,
        maximum_interval: SETTLE_LONGEST,
        maximum_attempts: 0,
        ..RetryPolicy::default()
    }
}

/// An attempt of what is under way failed, and whether it had an effect is not known.
pub(super) fn attempt_failed(
    turn: &mut Turn<'_>,
    key: &StepKey,
    op: Op,
    error: StepError,
    retry_after: Option<Duration>,
) -> Result<(), Stop> {
    let plan = turn.plan(key)?;
    let (attempt, work) = under_way(turn, key)?;
    let tried = attempt.number - work.first + 1;
    let settle = settle_policy();
    let (policy, timeouts) = match (op, plan.effect) {
        (Op::Action, _) => (plan.retry, plan.timeouts),
        (Op::Settle, _) => (&settle, Timeouts::default()),
        (Op::Compensate, Effect::Compensate(undo)) => (&undo.retry, undo.timeouts),
        (Op::Compensate, Effect::None | Effect::Residue(_) | Effect::Retriable | Effect::Child) => {
            return Err(Stop::Illegal(format!("step {key} has no compensation")));
        }
    };
    let delay = match retry_after {
        Some(span) => Delay::Timer(span),
        None => policy.delay(turn.saga.id, key, op, tried),
    };
    let retry_at = turn.clock().after(delay.span());
    let in_time = timeouts
        .schedule_to_close
        .is_none_or(|limit| retry_at < work.since.after(limit));
    // Another attempt would find the same: a call that nobody can account for.
    let unaccounted = op != Op::Settle && error.code == UNACCOUNTED;
    if unaccounted || !in_time || !policy.allows_another(tried, &error.code) {
        return exhausted(turn, key, op, error);
    }
    turn.emit(EventKind::AttemptFailed {
        key: key.clone(),
        op,
        attempt: attempt.number,
        error,
        retry_at,
        last: false,
    });
    match delay {
        Delay::Rung(rung) if !turn.rests() => again(turn, key, op, Some(rung)),
        Delay::Rung(_) | Delay::Timer(_) => Ok(()),
    }
}

/// Sends the next attempt of what is under way, at once or on a rung.
pub(super) fn again(
    turn: &mut Turn<'_>,
    key: &StepKey,
    op: Op,
    rung: Option<Duration>,
) -> Result<(), Stop> {
    let (last, _) = under_way(turn, key)?;
    let attempt = Attempt {
        number: last.number + 1,
        rung,
        ..last
    };
    let sent = match op {
        Op::Action => send::action(turn, key, attempt)?,
        Op::Settle => {
            send::settle(turn, key, attempt, None)?;
            Ok(())
        }
        Op::Compensate => send::undo(turn, key, attempt)?,
    };
    match sent {
        Ok(()) => Ok(()),
        Err(error) => exhausted(turn, key, op, send::expression_error(&error)),
    }
}

/// No further attempt. An action in doubt is settled before anything follows from it, when the
/// saga goes on if it rests.
pub(super) fn exhausted(
    turn: &mut Turn<'_>,
    key: &StepKey,
    op: Op,
    error: StepError,
) -> Result<(), Stop> {
    let (last, _) = under_way(turn, key)?;
    match op {
        Op::Action if turn.rests() => {
            turn.emit(EventKind::AttemptFailed {
                key: key.clone(),
                op,
                attempt: last.number,
                error,
                retry_at: turn.clock(),
                last: true,
            });
            Ok(())
        }
        Op::Action => send::settle(turn, key, Attempt::first_of(last.round), Some(error)),
        Op::Settle => unknown(turn, key, error),
        Op::Compensate => undo_failed(turn, key.clone(), error, false),
    }
}

/// Nobody knows what became of it.
pub(super) fn unknown(turn: &mut Turn<'_>, key: &StepKey, error: StepError) -> Result<(), Stop> {
    turn.emit(EventKind::StepOutcomeUnknown {
        key: key.clone(),
        error,
    });
    unwind::after_unknown(turn, key)
}

/// The undo failed for good; whether it had an effect is certain or not.
pub(super) fn undo_failed(
    turn: &mut Turn<'_>,
    key: StepKey,
    error: StepError,
    certified: bool,
) -> Result<(), Stop> {
    turn.emit(EventKind::UndoFailed {
        key,
        error,
        certified,
    });
    unwind::advance(turn)
}

/// The attempt that is under way.
pub(super) fn under_way(turn: &Turn<'_>, key: &StepKey) -> Result<(Attempt, Work), Stop> {
    let nothing = || Stop::Illegal(format!("nothing of step {key} is under way"));
    let state = turn.saga.steps.get(key).ok_or_else(nothing)?;
    let work = state.work.ok_or_else(nothing)?;
    Ok((
        Attempt {
            number: state.attempt,
            round: if state.status == StepStatus::Compensating {
                state.undo_round
            } else {
                state.round
            },
            rung: None,
            again: false,
        },
        work,
    ))
}
