//! Whoever sends the signals that sagas wait for.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::engine::Engine;
use saga_core::definition::{StepKind, Wait};
use saga_core::event::EventKind;
use saga_core::ids::{SagaId, StepKey};
use saga_core::input::Signal;

use super::fault::{Fault, Planted};
use super::script::Script;

/// A signal comes this long after a step began to wait for it.
const ANSWER_TAKES: Duration = Duration::from_millis(100);

/// How much later than its step's limit a late signal is.
const LATE_BY: Duration = Duration::from_secs(1);

/// Answers a step that began to wait, unless its fault is that nobody does.
pub(super) fn answer(
    script: &Script,
    planted: Option<&Planted>,
    engine: &Engine,
    root: SagaId,
    saga: SagaId,
    event: &EventKind,
) {
    let EventKind::StepWaiting {
        key,
        signal: Some(name),
        ..
    } = event
    else {
        return;
    };
    let fault = planted
        .filter(|planted| saga == root && planted.inner.is_none() && planted.step == key.step)
        .map(|planted| planted.fault);
    let limit = wait(script, saga == root, key).and_then(|wait| wait.timeout);
    let soon = limit.map_or(ANSWER_TAKES, |limit| ANSWER_TAKES.min(limit / 2));
    let (after, times) = match fault {
        Some(Fault::Timeout) => return,
        Some(Fault::LateReply) => (limit.unwrap_or(soon) + LATE_BY, 1),
        Some(Fault::Duplicate) => (soon, 2),
        Some(Fault::Fail | Fault::CrashAfterEffect | Fault::UndoFails) | None => (soon, 1),
    };
    let signal = Signal {
        id: format!("{key}/{name}"),
        name: Arc::clone(name),
        payload: script
            .canned
            .signals
            .get(&**name)
            .cloned()
            .unwrap_or_default(),
    };
    let engine = engine.clone();
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        for _ in 0..times {
            // A saga that has ended meanwhile takes none.
            let _taken_or_refused = engine.signal(saga, signal.clone()).await;
        }
    });
}

fn wait<'s>(script: &'s Script, is_root: bool, key: &StepKey) -> Option<&'s Wait> {
    let mut steps = script
        .definitions()
        .skip(usize::from(!is_root))
        .filter_map(|definition| definition.step(&key.step));
    steps.find_map(|step| match &step.kind {
        StepKind::Wait(wait) => Some(wait),
        StepKind::Action(_) | StepKind::Sleep(_) | StepKind::Saga(_) => None,
    })
}
