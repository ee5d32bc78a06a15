//! What an event does to the saga as a whole.

use std::time::Duration;

use crate::event::{PauseCause, UnwindCause};
use crate::saga::{Phase, Saga};
use crate::time::Timestamp;

pub(super) fn turn_back(saga: &mut Saga, cause: &UnwindCause) {
    saga.unwind = Some(cause.clone());
    saga.phase = Phase::Compensating;
}

/// Resting after the pivot means that the saga will not unwind any more.
pub(super) fn rest(saga: &mut Saga, cause: &PauseCause, at: Timestamp) {
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
pub(super) fn wake(saga: &mut Saga, lifetime_ends: Option<Timestamp>, at: Timestamp) {
    let rested = saga.paused_at.map_or(Duration::ZERO, |from| at.since(from));
    saga.pause = None;
    saga.paused_at = None;
    saga.lifetime_ends = lifetime_ends.unwrap_or(saga.lifetime_ends);
    saga.deadline = saga.deadline.map(|deadline| deadline.after(rested));
    let under_way = saga
        .steps
        .listed_mut()
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

pub(super) fn undo_goes_on(saga: &mut Saga) {
    if saga.phase == Phase::CompensationFailed {
        saga.phase = Phase::Compensating;
    }
}

pub(super) fn end(saga: &mut Saga, phase: Phase, at: Timestamp) {
    saga.phase = phase;
    saga.pause = None;
    saga.paused_at = None;
    saga.ended_at = Some(at);
}
