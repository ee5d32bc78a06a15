//! Finds the causes in the state of a saga.

use super::cause::Cause;
use super::stuck::in_order;
use crate::definition::{Definition, Effect, OnFailure, Plan, Step, StepKind};
use crate::event::PauseCause;
use crate::ids::{Op, StepKey};
use crate::saga::{Phase, Saga, StepState, StepStatus, Work};
use crate::time::Timestamp;

/// Why the saga is not further, what needs a person first; empty when it is over. `now` tells a
/// retry that waits from one whose time has come.
#[must_use]
pub fn causes(definition: &Definition, saga: &Saga, now: Timestamp) -> Vec<Cause> {
    if saga.phase.is_closed() {
        return Vec::new();
    }
    let mut found: Vec<Cause> = saga
        .pause
        .iter()
        .filter_map(|why| at_rest(saga, why))
        .collect();
    for step in &definition.steps {
        let whole = StepKey::whole(step.name.clone());
        let Some(state) = saga.steps.get(&whole) else {
            continue;
        };
        found.extend(of_piece(definition, saga, step, &whole, state, now));
        if state.elements.is_none() {
            continue;
        }
        for key in saga.pieces(&step.name) {
            if let Some(state) = saga.steps.get(&key) {
                found.extend(of_piece(definition, saga, step, &key, state, now));
            }
        }
    }
    in_order(&mut found, now);
    found.truncate(CAUSES_MAX);
    found
}

/// Most causes that are told of one saga; one with a thousand elements under way has no more to
/// say than that.
const CAUSES_MAX: usize = 100;

/// Why it rests, unless one of its steps says that.
fn at_rest(saga: &Saga, why: &PauseCause) -> Option<Cause> {
    match why {
        PauseCause::Parked(why) => Some(Cause::Parked {
            why: why.clone(),
            letter: None,
        }),
        PauseCause::MaxLifetime => Some(Cause::MaxLifetime {
            ended: saga.lifetime_ends,
        }),
        PauseCause::Operator(by) => Some(Cause::Paused {
            by: by.clone(),
            since: saga.paused_at,
        }),
        PauseCause::FailedAfterPivot(_)
        | PauseCause::StepFailed(_)
        | PauseCause::PivotUnknown(_) => None,
    }
}

fn of_piece(
    definition: &Definition,
    saga: &Saga,
    step: &Step,
    key: &StepKey,
    state: &StepState,
    now: Timestamp,
) -> Option<Cause> {
    let plan = step.plan(state.fallback);
    match state.status {
        StepStatus::Failed => failed(definition, saga, step, key, state),
        StepStatus::OutcomeUnknown => Some(Cause::OutcomeUnknown {
            outside_key: outside_key(saga, key, Op::Action, state.round),
            step: key.clone(),
            error: state.last_error(),
        }),
        StepStatus::CompensationFailed => Some(Cause::CompensationFailed {
            outside_key: outside_key(saga, key, Op::Compensate, state.undo_round),
            step: key.clone(),
            error: state.last_error(),
        }),
        StepStatus::Waiting => waiting(saga, plan, key, state),
        StepStatus::Scheduled | StepStatus::BackingOff => {
            let limit = plan.retry.maximum_attempts;
            in_flight(saga, (plan, key), state, (Op::Action, limit), now)
        }
        StepStatus::Settling => in_flight(saga, (plan, key), state, (Op::Settle, 0), now),
        StepStatus::Compensating => {
            let limit = match plan.effect {
                Effect::Compensate(undo) => undo.retry.maximum_attempts,
                Effect::None | Effect::Residue(_) | Effect::Retriable | Effect::Child => 0,
            };
            in_flight(saga, (plan, key), state, (Op::Compensate, limit), now)
        }
        StepStatus::Pending
        | StepStatus::Succeeded
        | StepStatus::Skipped
        | StepStatus::Compensated
        | StepStatus::NeverHappened => None,
    }
}

/// A step that waits. While the saga rests its time does not count.
fn waiting(saga: &Saga, plan: Plan<'_>, key: &StepKey, state: &StepState) -> Option<Cause> {
    let step = key.clone();
    let work = state.work?;
    let until = work.retry.filter(|_| saga.pause.is_none());
    let until = until.map(|retry| retry.at);
    match plan.kind {
        StepKind::Wait(wait) => Some(Cause::WaitingForSignal {
            step,
            signal: wait.signal.to_string(),
            since: work.since,
            until,
        }),
        StepKind::Sleep(_) => Some(Cause::WaitingForTimer {
            step,
            since: work.since,
            until: until?,
        }),
        StepKind::Action(_) | StepKind::Saga(_) => None,
    }
}

/// A failed step matters while the saga rests before it: otherwise it turns back or went on.
fn failed(
    definition: &Definition,
    saga: &Saga,
    step: &Step,
    key: &StepKey,
    state: &StepState,
) -> Option<Cause> {
    match &step.on_failure {
        OnFailure::Compensate
        | OnFailure::Pause
        | OnFailure::Fallback(_)
        | OnFailure::LastGood(_) => {}
        OnFailure::Continue | OnFailure::Output(_) => return None,
    }
    // Of a step with elements, those say it.
    if state.elements.is_some() || state.substituted {
        return None;
    }
    if saga.phase != Phase::Running || saga.pause.is_none() || saga.unwind.is_some() {
        return None;
    }
    let past_the_pivot = definition.steps.iter().any(|one| {
        let key = StepKey::whole(one.name.clone());
        one.pivot && saga.step_status(&key) == StepStatus::Succeeded
    });
    let (step, error) = (key.clone(), state.last_error());
    Some(if past_the_pivot {
        Cause::RetriesExhaustedAfterPivot { step, error }
    } else {
        Cause::StepFailed { step, error }
    })
}

/// Something is under way. While the saga rests the retries that wait for a timer do not count.
fn in_flight(
    saga: &Saga,
    (plan, key): (Plan<'_>, &StepKey),
    state: &StepState,
    (op, maximum_attempts): (Op, u32),
    now: Timestamp,
) -> Option<Cause> {
    let work: Work = state.work?;
    let (step, attempt) = (key.clone(), state.attempt);
    let StepKind::Action(call) = plan.kind else {
        return Some(Cause::WaitingForChild {
            child: saga.id.child(key, state.round),
            step,
            op,
            since: work.since,
            child_status: None,
            because: None,
        });
    };
    let operation = match (op, plan.effect) {
        (Op::Compensate, Effect::Compensate(undo)) => undo.action.clone(),
        (Op::Action | Op::Settle | Op::Compensate, _) => call.action.clone(),
    };
    if let Some(retry) = work.retry {
        if !retry.sent && saga.pause.is_some() {
            return None;
        }
        if !retry.sent || retry.at > now {
            return Some(Cause::BackingOff {
                step,
                op,
                attempt: if retry.sent { attempt - 1 } else { attempt },
                maximum_attempts,
                until: retry.at,
                error: state.last_error(),
                on_rung: retry.sent,
            });
        }
    }
    Some(match work.started {
        Some(since) => Cause::Executing {
            step,
            op,
            attempt,
            since,
            worker: None,
            unheard: false,
        },
        None if work.probed => Cause::DeadLettered {
            step,
            op,
            attempt,
            since: work.sent_at,
            operation,
            letter: None,
            reason: None,
        },
        None => Cause::Dispatched {
            step,
            op,
            attempt,
            since: work.sent_at,
            operation,
            command: work.command,
            empty_queue: None,
        },
    })
}

/// What the worker passes to the outside world, and what to look for there.
fn outside_key(saga: &Saga, key: &StepKey, op: Op, round: u32) -> String {
    format!("{}:{}:{}:{op}:{round}", saga.id, key.step, key.element)
}
