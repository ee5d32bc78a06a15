//! The calls that this process is executing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::envelope::command::CommandEnvelope;
use broker::envelope::worker::{RUNNING_MAX, RunningInfo};
use saga_core::time::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::pulse::Pulse;

/// The calls that run now. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    calls: Arc<Mutex<Calls>>,
    count: Arc<watch::Sender<usize>>,
}

#[derive(Debug, Default)]
struct Calls {
    next: u64,
    /// By the order in which they began.
    by_number: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    since: Instant,
    info: RunningInfo,
    pulse: Pulse,
    is_reported: bool,
}

impl Running {
    pub(crate) fn new() -> Self {
        Self {
            calls: Arc::default(),
            count: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Lists a call until the guard is dropped.
    pub(crate) fn begin(
        &self,
        command: &CommandEnvelope,
        pulse: Pulse,
        started_at: Timestamp,
    ) -> RunningCall {
        let info = RunningInfo {
            saga: command.saga,
            step: command.key.step.clone(),
            element: command.key.element,
            op: command.op,
            round: command.round,
            attempt: command.attempt,
            operation: command.action.clone(),
            command: command.message_id,
            started_at,
            progress: None,
        };
        let mut calls = self.lock();
        let number = calls.next;
        calls.next += 1;
        let entry = Entry {
            since: Instant::now(),
            info,
            pulse,
            is_reported: false,
        };
        calls.by_number.insert(number, entry);
        self.count.send_replace(calls.by_number.len());
        drop(calls);
        RunningCall {
            running: self.clone(),
            number,
        }
    }

    /// How many calls run.
    pub(crate) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    /// Whether some call has run for at least this long.
    pub(crate) fn any_for(&self, span: Duration) -> bool {
        let calls = self.lock();
        calls
            .by_number
            .values()
            .any(|entry| entry.since.elapsed() >= span)
    }

    /// The calls that have run for at least this long, as many as can be told: first those that
    /// were not told before, then the oldest.
    pub(crate) fn report(&self, span: Duration) -> Vec<RunningInfo> {
        let mut calls = self.lock();
        let mut long: Vec<&mut Entry> = calls
            .by_number
            .values_mut()
            .filter(|entry| entry.since.elapsed() >= span)
            .collect();
        long.sort_by_key(|entry| entry.is_reported);
        long.truncate(RUNNING_MAX);
        long.into_iter()
            .map(|entry| {
                entry.is_reported = true;
                RunningInfo {
                    progress: entry.pulse.progress(),
                    ..entry.info.clone()
                }
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is listed.
#[derive(Debug)]
pub(crate) struct RunningCall {
    running: Running,
    number: u64,
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        let mut calls = self.running.lock();
        calls.by_number.remove(&self.number);
        self.running.count.send_replace(calls.by_number.len());
    }
}
