//! Folds events into the state. Replaying a saga's history through it reproduces its row.

use std::sync::Arc;

use super::step::{Sent, close, put, sent, sent_again, touch, whole_goes_on};
use super::whole::{end, rest, turn_back, undo_goes_on, wake};
use crate::event::{Event, EventKind, UnwindCause};
use crate::ids::Op;
use crate::saga::{Elements, ParentState, Phase, Retry, Saga, SignalState, StepStatus};

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
            parent,
        } => {
            saga.definition = definition.clone();
            saga.parent = parent.clone().map(|parent| ParentState {
                parent,
                asked: Op::Action,
                attempt: 1,
            });
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
            if let Some(error) = error {
                touch(saga, key).error = Some(Box::new(error.clone()));
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
        EventKind::StepSplit { key, count } => {
            let state = touch(saga, key);
            state.status = StepStatus::Scheduled;
            state.attempt = 1;
            state.elements = Some(Elements {
                count: *count,
                ..Elements::default()
            });
        }
        EventKind::StepWaiting { key, until, .. } => {
            let how = Sent {
                seq,
                at,
                until: *until,
            };
            sent(saga, key, StepStatus::Waiting, 1, how);
            // The time is the orchestrator's to watch: nothing rides a rung.
            if let Some(retry) = touch(saga, key)
                .work
                .as_mut()
                .and_then(|work| work.retry.as_mut())
            {
                retry.sent = false;
            }
        }
        EventKind::SignalReceived { id, name } => saga.signals.push(SignalState {
            id: id.clone(),
            name: Arc::clone(name),
            taken: false,
        }),
        EventKind::SignalTaken { signal, .. } => {
            if let Some(at) = (*signal as usize).checked_sub(1)
                && let Some(signal) = saga.signals.get_mut(at)
            {
                signal.taken = true;
            }
        }
        EventKind::FallbackStarted { key, round } => {
            close(saga, key, StepStatus::Pending, None);
            let state = touch(saga, key);
            (state.attempt, state.round, state.late) = (0, *round, 0);
            state.fallback = true;
        }
        EventKind::LastGoodTaken { key, .. } => {
            touch(saga, key).substituted = true;
            whole_goes_on(saga, key);
        }
        EventKind::ParentAsked { op, attempt } => {
            if let Some(parent) = &mut saga.parent {
                (parent.asked, parent.attempt) = (*op, *attempt);
            }
        }
        EventKind::SagaReopened => {
            saga.phase = Phase::Compensating;
            saga.unwind = Some(UnwindCause::Parent);
            saga.ended_at = None;
        }
        EventKind::StepProbed {
            key, not_before, ..
        } => {
            sent_again(saga, key, seq, not_before.unwrap_or(at));
            if let Some(work) = &mut touch(saga, key).work {
                work.probed = true;
            }
        }
        EventKind::CommandResent { key, .. } => sent_again(saga, key, seq, at),
        EventKind::AttemptStarted {
            key,
            op,
            started_at,
            ..
        } => {
            if *op == Op::Action {
                put(saga, key, StepStatus::Scheduled);
            }
            let state = touch(saga, key);
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
            if *op == Op::Action {
                put(saga, key, StepStatus::BackingOff);
            }
            let state = touch(saga, key);
            // What settling could not find out does not hide why the outcome is in doubt.
            match op {
                Op::Action | Op::Compensate => {
                    state.error = Some(Box::new(error.clone()));
                }
                Op::Settle => {
                    state.error.get_or_insert_with(|| Box::new(error.clone()));
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
        EventKind::StepFailed {
            key,
            error,
            residue,
        } => {
            close(saga, key, StepStatus::Failed, Some(error));
            touch(saga, key).residue |= *residue;
        }
        EventKind::StepNeverHappened { key } => {
            let error = touch(saga, key).error.take();
            close(saga, key, StepStatus::NeverHappened, error.as_deref());
        }
        EventKind::StepOutcomeUnknown { key, error } => {
            close(saga, key, StepStatus::OutcomeUnknown, Some(error));
        }
        EventKind::StepCompensated {
            key,
            attempt,
            residue,
        } => {
            touch(saga, key).attempt = *attempt;
            close(saga, key, StepStatus::Compensated, None);
            touch(saga, key).residue |= *residue;
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
        // Key, labels, deadline and lifetime are promises of the start. A shorter deadline of the
        // new version would turn the saga back by the very act of moving it.
        EventKind::SagaMoved { to, .. } => saga.definition = to.clone(),
        EventKind::SagaTerminated { .. } => end(saga, Phase::Terminated, at),
        EventKind::StepRetried { key, round, .. } => {
            close(saga, key, StepStatus::Pending, None);
            let state = touch(saga, key);
            (state.attempt, state.round, state.late) = (0, *round, 0);
            state.fallback = false;
            whole_goes_on(saga, key);
        }
        EventKind::UndoRetried { .. } => undo_goes_on(saga),
        EventKind::StepSkippedByOperator { key, .. } => {
            let error = touch(saga, key).error.take();
            close(saga, key, StepStatus::Skipped, error.as_deref());
            touch(saga, key).substituted = true;
            whole_goes_on(saga, key);
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
