//! The signs of life that a handler gives while it works.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until};

/// Bytes of a progress report as JSON; a larger one counts as a sign of life and is not kept.
const PROGRESS_BYTES_MAX: usize = 1024;

/// When a handler has last given a sign of life, and what it said. Clones share it.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Mutex<Beat>>);

#[derive(Debug)]
struct Beat {
    at: Instant,
    progress: Option<Value>,
}

impl Default for Pulse {
    fn default() -> Self {
        let beat = Beat {
            at: Instant::now(),
            progress: None,
        };
        Self(Arc::new(Mutex::new(beat)))
    }
}

impl Pulse {
    /// The handler works on.
    pub(crate) fn beat(&self, progress: Value) {
        let is_small = progress.to_string().len() <= PROGRESS_BYTES_MAX;
        let mut beat = self.lock();
        beat.at = Instant::now();
        if is_small {
            beat.progress = Some(progress);
        }
    }

    /// The handler begins now.
    pub(crate) fn start(&self) {
        self.lock().at = Instant::now();
    }

    /// What the handler has last reported.
    pub(crate) fn progress(&self) -> Option<Value> {
        self.lock().progress.clone()
    }

    /// Waits until there was no sign of life for `limit`; for ever without one.
    pub(crate) async fn silent_for(&self, limit: Option<Duration>) {
        let Some(limit) = limit else {
            return std::future::pending().await;
        };
        loop {
            let until = self.lock().at + limit;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Beat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
