//! A worker is at it: from here the orchestrator's own limits for the attempt run.

use super::turn::{Stop, Turn};
use crate::decision::Ignored;
use crate::event::EventKind;
use crate::ids::Op;
use crate::input::Heartbeat;
use crate::saga::{StepState, StepStatus, Work};

/// Only the first proof that an attempt was started is news.
pub(super) fn apply(turn: &mut Turn<'_>, beat: &Heartbeat) -> Result<(), Stop> {
    if turn.saga.phase.is_closed() {
        return Err(Stop::Ignored(Ignored::Closed));
    }
    turn.position(&beat.key)?;
    let stale = || Stop::Ignored(Ignored::StaleAttempt);
    let state = turn.saga.steps.get(&beat.key).ok_or_else(stale)?;
    let work = under_way(state, beat).ok_or_else(stale)?;
    if work.started.is_some() {
        return Err(Stop::Ignored(Ignored::Duplicate));
    }
    // Clocks differ: an attempt starts after it was sent, and not in the future.
    let latest = turn.clock().max(work.sent_at);
    turn.emit(EventKind::AttemptStarted {
        key: beat.key.clone(),
        op: beat.op,
        attempt: beat.attempt,
        started_at: beat.started_at.clamp(work.sent_at, latest),
        worker: beat.worker.clone(),
    });
    Ok(())
}

/// The work that a heartbeat speaks of, if that is under way.
fn under_way(state: &StepState, beat: &Heartbeat) -> Option<Work> {
    let in_flight = match beat.op {
        Op::Action => matches!(state.status, StepStatus::Scheduled | StepStatus::BackingOff),
        Op::Settle => state.status == StepStatus::Settling,
        Op::Compensate => state.status == StepStatus::Compensating,
    };
    let attempt = (state.round_of(beat.op), state.attempt) == (beat.round, beat.attempt);
    // An attempt that waits for its time was not sent yet: the one before is over.
    state
        .work
        .filter(|work| in_flight && attempt && work.retry.is_none_or(|retry| retry.sent))
}
