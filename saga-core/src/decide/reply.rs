//! A worker answered.

use std::sync::Arc;

use serde_json::Value;

use super::turn::{Stop, Turn};
use super::{child, fallback, forward, rest, retry, unwind};
use crate::decision::Ignored;
use crate::definition::StepKind;
use crate::event::EventKind;
use crate::ids::{Op, StepKey};
use crate::input::{Reply, ReplyOutcome, StepError};
use crate::saga::{Phase, StepState, StepStatus};
use crate::values::ValueKey;

pub(super) fn apply(turn: &mut Turn<'_>, reply: &Reply) -> Result<(), Stop> {
    turn.position(&reply.key)?;
    let Some(state) = turn.saga.steps.get(&reply.key) else {
        return Err(Stop::Illegal(format!(
            "step {} was never dispatched",
            reply.key
        )));
    };
    let round = state.round_of(reply.op);
    if reply.round < round {
        return stale_round(turn, state.alarmed, reply);
    }
    if reply.round > round {
        return Err(Stop::Illegal(format!(
            "round {} of step {} is not yet",
            reply.round, reply.key
        )));
    }
    if matches!(reply.outcome, ReplyOutcome::Fenced) {
        return Err(Stop::Ignored(Ignored::Fenced));
    }
    let state = state.clone();
    if turn.saga.phase.is_closed() && !is_certain(&reply.outcome) {
        return Err(Stop::Ignored(Ignored::Closed));
    }
    match reply.op {
        Op::Action => action(turn, &state, reply)?,
        Op::Settle => settle(turn, &state, reply)?,
        Op::Compensate => undo(turn, &state, reply)?,
    }
    rest::end_if_known(turn)
}

/// What is recorded even of a saga that an operator has ended.
const fn is_certain(outcome: &ReplyOutcome) -> bool {
    match outcome {
        ReplyOutcome::Done(_) | ReplyOutcome::Fail(_) | ReplyOutcome::NeverHappened => true,
        ReplyOutcome::AttemptFailed { .. }
        | ReplyOutcome::Fenced
        | ReplyOutcome::Expired
        | ReplyOutcome::Unknown(_) => false,
    }
}

/// A step is tried again only when its last round is certain to have had no effect: an effect
/// that is reported all the same is an alarm, once.
fn stale_round(turn: &mut Turn<'_>, alarmed: u32, reply: &Reply) -> Result<(), Stop> {
    let effect = reply.op == Op::Action && matches!(reply.outcome, ReplyOutcome::Done(_));
    if !effect || alarmed > reply.round {
        return Err(Stop::Ignored(Ignored::StaleRound));
    }
    turn.emit(EventKind::EffectAfterUndo {
        key: reply.key.clone(),
        attempt: reply.attempt,
        round: reply.round,
    });
    Ok(())
}

fn action(turn: &mut Turn<'_>, state: &StepState, reply: &Reply) -> Result<(), Stop> {
    match state.status {
        StepStatus::Scheduled
        | StepStatus::BackingOff
        | StepStatus::Settling
        | StepStatus::OutcomeUnknown => open_action(turn, state, reply),
        StepStatus::Succeeded
        | StepStatus::Compensating
        | StepStatus::Compensated
        | StepStatus::CompensationFailed => {
            if matches!(reply.outcome, ReplyOutcome::Done(_)) {
                return Err(Stop::Ignored(Ignored::Duplicate));
            }
            late(turn, state, reply)
        }
        StepStatus::Failed | StepStatus::NeverHappened => denied(turn, state, reply),
        StepStatus::Skipped if state.substituted => denied(turn, state, reply),
        StepStatus::Pending | StepStatus::Waiting | StepStatus::Skipped => Err(Stop::Illegal(
            format!("step {} was never dispatched", reply.key),
        )),
    }
}

/// The step is over and is certain not to have happened.
fn denied(turn: &mut Turn<'_>, state: &StepState, reply: &Reply) -> Result<(), Stop> {
    if matches!(reply.outcome, ReplyOutcome::Fail(_)) {
        return Err(Stop::Ignored(Ignored::Duplicate));
    }
    late(turn, state, reply)
}

/// The step is open: success from any attempt is success, a certified failure from any attempt is
/// failure, and anything vaguer counts only from the attempt that is under way.
fn open_action(turn: &mut Turn<'_>, state: &StepState, reply: &Reply) -> Result<(), Stop> {
    match &reply.outcome {
        ReplyOutcome::Done(output) => {
            let worker = reply.worker.clone();
            succeeded(turn, &reply.key, reply.attempt, worker, output)
        }
        ReplyOutcome::Fail(error) => forward::fail(turn, &reply.key, error.clone()),
        ReplyOutcome::AttemptFailed { error, retry_after } => {
            current_action(state, reply)?;
            retry::attempt_failed(turn, &reply.key, Op::Action, error.clone(), *retry_after)
        }
        ReplyOutcome::Expired => {
            current_action(state, reply)?;
            retry::attempt_failed(turn, &reply.key, Op::Action, expired(), None)
        }
        // A child saga was ended without undoing anything.
        ReplyOutcome::Unknown(error) if is_child(turn, reply) => {
            retry::unknown(turn, &reply.key, error.clone())
        }
        ReplyOutcome::NeverHappened | ReplyOutcome::Unknown(_) => Err(misfit(reply)),
        ReplyOutcome::Fenced => Err(Stop::Ignored(Ignored::Fenced)),
    }
}

fn is_child(turn: &Turn<'_>, reply: &Reply) -> bool {
    let plan = turn.plan(&reply.key);
    plan.is_ok_and(|plan| matches!(plan.kind, StepKind::Saga(_)))
}

fn current_action(state: &StepState, reply: &Reply) -> Result<(), Stop> {
    let waits_for_timer = state
        .work
        .and_then(|work| work.retry)
        .is_some_and(|retry| !retry.sent);
    let is_action = matches!(state.status, StepStatus::Scheduled | StepStatus::BackingOff);
    if is_action && reply.attempt == state.attempt && !waits_for_timer {
        Ok(())
    } else {
        Err(Stop::Ignored(Ignored::StaleAttempt))
    }
}

/// In the place of an attempt: the success was found out, by settling or by an operator.
pub(super) const FOUND_OUT: u32 = 0;

pub(super) fn succeeded(
    turn: &mut Turn<'_>,
    key: &StepKey,
    attempt: u32,
    worker: Option<String>,
    output: &Arc<Value>,
) -> Result<(), Stop> {
    fallback::remember(turn, key)?;
    turn.emit(EventKind::StepSucceeded {
        key: key.clone(),
        attempt,
        worker,
    });
    turn.write(ValueKey::Output(key.clone()), Arc::clone(output));
    forward::after(turn, key)
}

fn settle(turn: &mut Turn<'_>, state: &StepState, reply: &Reply) -> Result<(), Stop> {
    match state.status {
        StepStatus::Settling => {}
        StepStatus::NeverHappened | StepStatus::Failed => return settled(turn, state, reply),
        StepStatus::Skipped if state.substituted => return settled(turn, state, reply),
        StepStatus::Succeeded
        | StepStatus::OutcomeUnknown
        | StepStatus::Compensating
        | StepStatus::Compensated
        | StepStatus::CompensationFailed => return Err(Stop::Ignored(Ignored::Duplicate)),
        StepStatus::Pending
        | StepStatus::Scheduled
        | StepStatus::Waiting
        | StepStatus::BackingOff
        | StepStatus::Skipped => {
            return Err(Stop::Illegal(format!(
                "step {} was never settled",
                reply.key
            )));
        }
    }
    match &reply.outcome {
        ReplyOutcome::Done(output) => {
            succeeded(turn, &reply.key, FOUND_OUT, reply.worker.clone(), output)
        }
        ReplyOutcome::Fail(error) => forward::fail(turn, &reply.key, error.clone()),
        ReplyOutcome::NeverHappened => never_happened(turn, &reply.key, state),
        ReplyOutcome::Unknown(error) => {
            retry::exhausted(turn, &reply.key, Op::Settle, error.clone())
        }
        ReplyOutcome::AttemptFailed { error, retry_after } => {
            current(state, reply)?;
            retry::attempt_failed(turn, &reply.key, Op::Settle, error.clone(), *retry_after)
        }
        ReplyOutcome::Expired => {
            current(state, reply)?;
            retry::attempt_failed(turn, &reply.key, Op::Settle, expired(), None)
        }
        ReplyOutcome::Fenced => Err(Stop::Ignored(Ignored::Fenced)),
    }
}

/// Settled before, as not having happened.
fn settled(turn: &mut Turn<'_>, state: &StepState, reply: &Reply) -> Result<(), Stop> {
    if matches!(reply.outcome, ReplyOutcome::Done(_)) {
        return late(turn, state, reply);
    }
    Err(Stop::Ignored(Ignored::Duplicate))
}

/// Going forward, an action that ran out of attempts and never happened has failed; turning back,
/// it is simply not there to be undone.
pub(super) fn never_happened(
    turn: &mut Turn<'_>,
    key: &StepKey,
    state: &StepState,
) -> Result<(), Stop> {
    if turn.saga.phase == Phase::Running && turn.saga.unwind.is_none() {
        let error = state.last_error().unwrap_or_else(|| {
            StepError::new("never_happened", "settling found that it never happened")
        });
        return forward::fail(turn, key, error);
    }
    turn.emit(EventKind::StepNeverHappened { key: key.clone() });
    match turn.saga.phase {
        Phase::Running => unwind::reconsider(turn),
        Phase::Compensating
        | Phase::CompensationFailed
        | Phase::Completed
        | Phase::Compensated { .. }
        | Phase::Terminated => unwind::advance(turn),
    }
}

fn undo(turn: &mut Turn<'_>, state: &StepState, reply: &Reply) -> Result<(), Stop> {
    let undone = matches!(
        reply.outcome,
        ReplyOutcome::Done(_) | ReplyOutcome::NeverHappened
    );
    match state.status {
        StepStatus::Compensating => {}
        StepStatus::CompensationFailed if undone => {}
        StepStatus::Compensated if undone => return Err(Stop::Ignored(Ignored::Duplicate)),
        StepStatus::Compensated | StepStatus::CompensationFailed => {
            return late(turn, state, reply);
        }
        StepStatus::Pending
        | StepStatus::Scheduled
        | StepStatus::Waiting
        | StepStatus::BackingOff
        | StepStatus::Succeeded
        | StepStatus::Failed
        | StepStatus::Skipped
        | StepStatus::Settling
        | StepStatus::OutcomeUnknown
        | StepStatus::NeverHappened => {
            return Err(Stop::Illegal(format!(
                "the undo of step {} was never sent",
                reply.key
            )));
        }
    }
    match &reply.outcome {
        ReplyOutcome::Done(output) => undone_now(turn, reply, Some(output)),
        ReplyOutcome::NeverHappened => undone_now(turn, reply, None),
        ReplyOutcome::Fail(error) => {
            retry::undo_failed(turn, reply.key.clone(), error.clone(), true)
        }
        ReplyOutcome::AttemptFailed { error, retry_after } => {
            current(state, reply)?;
            retry::attempt_failed(
                turn,
                &reply.key,
                Op::Compensate,
                error.clone(),
                *retry_after,
            )
        }
        ReplyOutcome::Unknown(error) if is_child(turn, reply) => {
            current(state, reply)?;
            retry::undo_failed(turn, reply.key.clone(), error.clone(), false)
        }
        ReplyOutcome::Unknown(error) => {
            current(state, reply)?;
            retry::attempt_failed(turn, &reply.key, Op::Compensate, error.clone(), None)
        }
        ReplyOutcome::Expired => {
            current(state, reply)?;
            retry::attempt_failed(turn, &reply.key, Op::Compensate, expired(), None)
        }
        ReplyOutcome::Fenced => Err(Stop::Ignored(Ignored::Fenced)),
    }
}

fn undone_now(turn: &mut Turn<'_>, reply: &Reply, said: Option<&Value>) -> Result<(), Stop> {
    let residue = child::left_something(turn.step(&reply.key)?, said);
    turn.emit(EventKind::StepCompensated {
        key: reply.key.clone(),
        attempt: reply.attempt,
        residue,
    });
    unwind::advance(turn)
}

fn current(state: &StepState, reply: &Reply) -> Result<(), Stop> {
    let waits_for_timer = state
        .work
        .and_then(|work| work.retry)
        .is_some_and(|retry| !retry.sent);
    if reply.attempt == state.attempt && !waits_for_timer {
        Ok(())
    } else {
        Err(Stop::Ignored(Ignored::StaleAttempt))
    }
}

/// A reply that changes nothing. What it says is new, so one per attempt is recorded; a success of
/// what was certified not to have happened is an alarm.
fn late(turn: &mut Turn<'_>, state: &StepState, reply: &Reply) -> Result<(), Stop> {
    match reply.outcome {
        ReplyOutcome::AttemptFailed { .. } | ReplyOutcome::Expired => {
            return Err(Stop::Ignored(Ignored::StaleAttempt));
        }
        ReplyOutcome::Fenced => return Err(Stop::Ignored(Ignored::Fenced)),
        ReplyOutcome::Done(_)
        | ReplyOutcome::Fail(_)
        | ReplyOutcome::NeverHappened
        | ReplyOutcome::Unknown(_) => {}
    }
    if state.late >= reply.attempt {
        return Err(Stop::Ignored(Ignored::LateAgain));
    }
    let (key, op, attempt) = (reply.key.clone(), reply.op, reply.attempt);
    let denied = matches!(
        state.status,
        StepStatus::Failed | StepStatus::NeverHappened | StepStatus::Skipped
    );
    turn.emit(
        if denied && matches!(reply.outcome, ReplyOutcome::Done(_)) {
            EventKind::EffectAfterUndo {
                key,
                attempt,
                round: reply.round,
            }
        } else {
            EventKind::LateReply {
                key,
                op,
                attempt,
                outcome: reply.outcome.as_str().to_owned(),
            }
        },
    );
    Ok(())
}

fn expired() -> StepError {
    StepError::new(
        "expired",
        "its deadline had passed before a worker could begin",
    )
}

fn misfit(reply: &Reply) -> Stop {
    let outcome = reply.outcome.as_str();
    Stop::Illegal(format!(
        "`{outcome}` does not answer the {} of step {}",
        reply.op, reply.key
    ))
}
