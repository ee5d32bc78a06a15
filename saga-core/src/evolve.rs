//! Folds events into the state. Replaying a saga's history through it reproduces its row.

use std::time::Duration;

use crate::event::{Event, EventKind, PauseCause, UnwindCause};
use crate::ids::{Op, StepKey};
use crate::input::StepError;
use crate::saga::{Phase, Retry, Saga, StepState, StepStatus, Work};
use crate::time::Timestamp;

/// Moves the saga by one event.
///
/// # Panics
/// When the event is not the next one of this saga's history. Stores return histories without
/// gaps, so this is a bug of ours and not of the outside world.
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each event, all of them in one place"
)]
pub fn evolve(saga: &mut Saga, event: &Event) {
    assert_eq!(
        event.seq,
        saga.version + 1,
        "events of saga {} have a gap",
        saga.id
    );
    saga.version = event.seq;
    let (seq, at) = (event.seq, event.at);
    match &event.kind {
        EventKind::SagaStarted {
            definition,
            key,
            labels,
            deadline,
            lifetime_ends,
        } => {
            saga.definition = definition.clone();
            saga.key.clone_from(key);
            saga.labels.clone_from(labels);
            saga.started_at = at;
            saga.deadline = *deadline;
            saga.lifetime_ends = *lifetime_ends;
        }
        EventKind::StepScheduled {
            key,
            attempt,
            round,
            not_before,
        } => {
            let status = match not_before {
                Some(_) => StepStatus::BackingOff,
                None => StepStatus::Scheduled,
            };
            sent(
                saga,
                key,
                status,
                *attempt,
                Sent {
                    seq,
                    at,
                    until: *not_before,
                },
            );
            touch(saga, key).round = *round;
        }
        EventKind::StepSettling {
            key,
            attempt,
            error,
            not_before,
        } => {
            let until = *not_before;
            sent(
                saga,
                key,
                StepStatus::Settling,
                *attempt,
                Sent { seq, at, until },
            );
            if error.is_some() {
                touch(saga, key).error.clone_from(error);
            }
        }
        EventKind::UndoScheduled {
            key,
            attempt,
            round,
            not_before,
        } => {
            let until = *not_before;
            sent(
                saga,
                key,
                StepStatus::Compensating,
                *attempt,
                Sent { seq, at, until },
            );
            touch(saga, key).undo_round = *round;
        }
        EventKind::StepProbed { key, .. } => {
            if let Some(work) = &mut touch(saga, key).work {
                work.command = seq;
                work.probed = true;
                work.sent_at = at;
                work.started = None;
            }
        }
        EventKind::AttemptStarted {
            key,
            op,
            started_at,
            ..
        } => {
            let state = touch(saga, key);
            if *op == Op::Action {
                state.status = StepStatus::Scheduled;
            }
            if let Some(work) = &mut state.work {
                work.started = Some(*started_at);
                work.retry = None;
            }
        }
        EventKind::AttemptFailed {
            key,
            op,
            error,
            retry_at,
            last,
            ..
        } => {
            let state = touch(saga, key);
            // What settling could not find out does not hide why the outcome is in doubt.
            match op {
                Op::Action => {
                    state.status = StepStatus::BackingOff;
                    state.error = Some(error.clone());
                }
                Op::Compensate => state.error = Some(error.clone()),
                Op::Settle => {
                    state.error.get_or_insert_with(|| error.clone());
                }
            }
            if let Some(work) = &mut state.work {
                work.retry = Some(Retry {
                    at: *retry_at,
                    sent: false,
                });
                work.spent = *last;
            }
        }
        EventKind::StepSkipped { key } => close(saga, key, StepStatus::Skipped, None),
        EventKind::StepSucceeded { key, attempt, .. } => {
            touch(saga, key).attempt = *attempt;
            close(saga, key, StepStatus::Succeeded, None);
        }
        EventKind::StepFailed { key, error } => {
            close(saga, key, StepStatus::Failed, Some(error));
        }
        EventKind::StepNeverHappened { key } => {
            let error = touch(saga, key).error.take();
            close(saga, key, StepStatus::NeverHappened, error.as_ref());
        }
        EventKind::StepOutcomeUnknown { key, error } => {
            close(saga, key, StepStatus::OutcomeUnknown, Some(error));
        }
        EventKind::StepCompensated { key, attempt } => {
            touch(saga, key).attempt = *attempt;
            close(saga, key, StepStatus::Compensated, None);
            undo_goes_on(saga);
        }
        EventKind::UndoFailed {
            key,
            error,
            certified,
        } => {
            close(saga, key, StepStatus::CompensationFailed, Some(error));
            touch(saga, key).undo_refused = *certified;
        }
        EventKind::LateReply { key, attempt, .. } => touch(saga, key).late = *attempt,
        EventKind::EffectAfterUndo {
            key,
            attempt,
            round,
        } => {
            let state = touch(saga, key);
            state.alarmed = round + 1;
            if *round == state.round {
                state.late = *attempt;
            }
        }
        EventKind::UnwindHeld { cause } => saga.unwind = Some(cause.clone()),
        EventKind::CompensationStarted { cause } => turn_back(saga, cause),
        EventKind::DeadlinePassed => {
            saga.deadline = None;
            saga.unwind = None;
        }
        EventKind::CancelTooLate { .. } => saga.unwind = None,
        EventKind::SagaPaused { cause } => rest(saga, cause, at),
        EventKind::SagaResumed { lifetime_ends, .. } => wake(saga, *lifetime_ends, at),
        EventKind::SagaTerminated { .. } => end(saga, Phase::Terminated, at),
        EventKind::StepRetried { key, round, .. } => {
            close(saga, key, StepStatus::Pending, None);
            let state = touch(saga, key);
            (state.attempt, state.round, state.late) = (0, *round, 0);
        }
        EventKind::UndoRetried { .. } => undo_goes_on(saga),
        EventKind::StepSkippedByOperator { key, .. } => {
            let error = touch(saga, key).error.take();
            close(saga, key, StepStatus::Skipped, error.as_ref());
            touch(saga, key).substituted = true;
        }
        // What follows from them are events of their own.
        EventKind::RetryHastened { .. } | EventKind::StepResolved { .. } => {}
        EventKind::SagaCompleted { .. } => end(saga, Phase::Completed, at),
        EventKind::SagaCompensated { residue } => {
            end(
                saga,
                Phase::Compensated {
                    residue: residue.clone(),
                },
                at,
            );
        }
        EventKind::CompensationFailed => saga.phase = Phase::CompensationFailed,
    }
}

#[derive(Clone, Copy)]
struct Sent {
    seq: u64,
    at: Timestamp,
    until: Option<Timestamp>,
}

/// A command was handed to the outbox. The first attempt of an action, a settling or an undo
/// starts its clock.
fn sent(saga: &mut Saga, key: &StepKey, status: StepStatus, attempt: u32, how: Sent) {
    let state = touch(saga, key);
    let (since, first) = match &state.work {
        Some(work) if attempt > 1 => (work.since, work.first),
        _ => (how.at, attempt),
    };
    state.status = status;
    state.attempt = attempt;
    state.work = Some(Work {
        command: how.seq,
        since,
        sent_at: how.until.unwrap_or(how.at),
        retry: how.until.map(|at| Retry { at, sent: true }),
        probed: false,
        started: None,
        first,
        spent: false,
    });
}

fn touch<'a>(saga: &'a mut Saga, key: &StepKey) -> &'a mut StepState {
    saga.steps.entry(key.clone()).or_insert_with(|| StepState {
        status: StepStatus::Pending,
        attempt: 0,
        round: 0,
        undo_round: 0,
        undo_refused: false,
        substituted: false,
        alarmed: 0,
        error: None,
        late: 0,
        work: None,
    })
}

fn close(saga: &mut Saga, key: &StepKey, status: StepStatus, error: Option<&StepError>) {
    let state = touch(saga, key);
    state.status = status;
    state.error = error.cloned();
    state.work = None;
}

fn turn_back(saga: &mut Saga, cause: &UnwindCause) {
    saga.unwind = Some(cause.clone());
    saga.phase = Phase::Compensating;
}

/// Resting after the pivot means that the saga will not unwind any more.
fn rest(saga: &mut Saga, cause: &PauseCause, at: Timestamp) {
    match cause {
        PauseCause::FailedAfterPivot(_) => saga.unwind = None,
        PauseCause::StepFailed(_)
        | PauseCause::PivotUnknown(_)
        | PauseCause::MaxLifetime
        | PauseCause::Parked(_)
        | PauseCause::Operator(_) => {}
    }
    if saga.pause.is_none() {
        saga.paused_at = Some(at);
    }
    saga.pause = Some(cause.clone());
}

/// While a saga rests its clock stands still: every time that it waits for comes as much later.
fn wake(saga: &mut Saga, lifetime_ends: Option<Timestamp>, at: Timestamp) {
    let rested = saga.paused_at.map_or(Duration::ZERO, |from| at.since(from));
    saga.pause = None;
    saga.paused_at = None;
    saga.lifetime_ends = lifetime_ends.unwrap_or(saga.lifetime_ends);
    saga.deadline = saga.deadline.map(|deadline| deadline.after(rested));
    let under_way = saga
        .steps
        .values_mut()
        .filter_map(|step| step.work.as_mut());
    for work in under_way {
        work.since = work.since.after(rested);
        work.sent_at = work.sent_at.after(rested);
        work.started = work.started.map(|started| started.after(rested));
        if let Some(retry) = &mut work.retry {
            retry.at = retry.at.after(rested);
        }
    }
}

fn undo_goes_on(saga: &mut Saga) {
    if saga.phase == Phase::CompensationFailed {
        saga.phase = Phase::Compensating;
    }
}

fn end(saga: &mut Saga, phase: Phase, at: Timestamp) {
    saga.phase = phase;
    saga.pause = None;
    saga.paused_at = None;
    saga.ended_at = Some(at);
}
