//! Wakes sagas whose time has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use saga_core::input::Input;
use saga_core::time::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::engine::{Done, Engine, Job};

/// Without any signal, due sagas are looked for this often: their owner may have crashed.
const SCAN_EVERY: Duration = Duration::from_secs(10);

/// Sagas claimed at once.
const CLAIM_SAGAS_MAX: u32 = 512;

/// A claimed saga is not claimed again before this has passed.
const CLAIM_LEASE: Duration = Duration::from_secs(5);

/// The earliest time this process knows of, and a way to wake who waits for it.
#[derive(Debug)]
pub struct TimerSignal {
    earliest: AtomicI64,
    earlier: Notify,
}

impl Default for TimerSignal {
    fn default() -> Self {
        Self {
            earliest: AtomicI64::new(i64::MAX),
            earlier: Notify::new(),
        }
    }
}

impl TimerSignal {
    /// A saga waits for this time.
    pub fn note(&self, at: Timestamp) {
        let before = self.earliest.fetch_min(at.as_micros(), Ordering::AcqRel);
        if at.as_micros() < before {
            self.earlier.notify_one();
        }
    }

    /// How long nothing is due.
    fn until(&self, now: Timestamp) -> Duration {
        Timestamp::from_micros(self.earliest.load(Ordering::Acquire)).since(now)
    }
}

/// Claims due sagas and hands each its timer, until stopped.
pub async fn run(engine: Engine, stopping: CancellationToken) {
    let shared = Arc::clone(engine.shared());
    let mut wait = pass(&engine).await;
    let mut scan_at = Instant::now() + SCAN_EVERY;
    loop {
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            // Something is due earlier than what was known: only the wait gets shorter, if that.
            () = shared.timers.earlier.notified() => wait = shared.timers.until(shared.store.now()),
            () = tokio::time::sleep(wait) => wait = pass(&engine).await,
            // A crashed owner's sagas are due without anybody here knowing of it.
            () = shared.company.wait_until(scan_at) => {
                wait = pass(&engine).await;
                scan_at = Instant::now() + SCAN_EVERY;
            }
        }
    }
}

/// One idempotent pass; returns how long nothing is due, as far as this process knows.
async fn pass(engine: &Engine) -> Duration {
    let shared = engine.shared();
    shared.timers.earliest.store(i64::MAX, Ordering::Release);
    let claimed = match shared.store.claim_due(CLAIM_SAGAS_MAX, CLAIM_LEASE).await {
        Ok(claimed) => claimed,
        Err(error) => {
            warn!(error = %crate::chain(&error), "claiming due sagas");
            shared.store_failed(&error);
            return Duration::from_secs(1);
        }
    };
    if !claimed.is_empty() {
        failpoint::reached("orchestrator.timer_claimed");
    }
    let full = u32::try_from(claimed.len()).unwrap_or(u32::MAX) >= CLAIM_SAGAS_MAX;
    for saga in claimed {
        let (input, done) = (Input::Timer, Done::Timer);
        engine
            .submit(Job {
                saga,
                definition: None,
                input,
                letter: None,
                done,
            })
            .await;
    }
    if full {
        return Duration::ZERO;
    }
    match shared.store.next_wake().await {
        Ok(Some(at)) => shared.timers.note(at),
        Ok(None) => {}
        Err(error) => warn!(error = %crate::chain(&error), "asking for the next timer"),
    }
    shared.timers.until(shared.store.now())
}
