//! What an event does to one piece of work.

use crate::ids::StepKey;
use crate::input::StepError;
use crate::saga::{Retry, Saga, StepState, StepStatus, Work};
use crate::time::Timestamp;

#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) until: Option<Timestamp>,
}

/// A command was handed to the outbox. The first attempt of an action, a settling or an undo
/// starts its clock.
pub(super) fn sent(saga: &mut Saga, key: &StepKey, status: StepStatus, attempt: u32, how: Sent) {
    put(saga, key, status);
    let state = touch(saga, key);
    let (since, first) = match &state.work {
        Some(work) if attempt > 1 => (work.since, work.first),
        _ => (how.at, attempt),
    };
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

/// The command that is under way was sent once more.
pub(super) fn sent_again(saga: &mut Saga, key: &StepKey, seq: u64, at: Timestamp) {
    if let Some(work) = &mut touch(saga, key).work {
        work.command = seq;
        work.sent_at = at;
        work.started = None;
    }
}

pub(super) fn touch<'a>(saga: &'a mut Saga, key: &StepKey) -> &'a mut StepState {
    saga.steps.touch(key)
}

/// Moves a piece of work to a status. The whole of a `for_each` step counts its elements, so that
/// nobody has to look at all of them to see how far it is.
pub(super) fn put(saga: &mut Saga, key: &StepKey, status: StepStatus) {
    let is_new = !saga.steps.contains_key(key);
    let state = touch(saga, key);
    let before = state.status.is_over();
    state.status = status;
    if key.element == 0 {
        return;
    }
    if let Some(elements) = &mut touch(saga, &StepKey::whole(key.step.clone())).elements {
        elements.sent += u32::from(is_new);
        match (before, status.is_over()) {
            (false, true) => elements.over += 1,
            (true, false) => elements.over -= 1,
            (true, true) | (false, false) => {}
        }
    }
}

/// A failed element was mended: its step goes on unless another one is in the way.
pub(super) fn whole_goes_on(saga: &mut Saga, element: &StepKey) {
    if element.element == 0 {
        return;
    }
    let failed = |key: &StepKey| {
        let state = saga.steps.get(key);
        state.is_some_and(|state| state.status == StepStatus::Failed && !state.substituted)
    };
    let whole = StepKey::whole(element.step.clone());
    if failed(&whole) && !saga.pieces(&element.step).any(|key| failed(&key)) {
        close(saga, &whole, StepStatus::Scheduled, None);
    }
}

pub(super) fn close(saga: &mut Saga, key: &StepKey, status: StepStatus, error: Option<&StepError>) {
    put(saga, key, status);
    let state = touch(saga, key);
    state.error = error.cloned().map(Box::new);
    state.work = None;
    saga.steps.settle(key);
}
