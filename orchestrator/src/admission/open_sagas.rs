//! A limit to the sagas that are open at once, for whoever wants one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::overload::{Overload, Pressure};
use crate::engine::Engine;

/// Open sagas are counted this often, by the store: others start and end them as well.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Sagas end when they end; whoever was refused asks again after this, or up to twice as long.
const RETRY_AFTER_SECONDS: u64 = 5;

/// How many sagas are open, and how many may be.
#[derive(Debug)]
pub(crate) struct OpenSagas {
    max: u64,
    /// As of the last count, and what was let in and has ended here since.
    known: AtomicU64,
    refused: AtomicU64,
}

impl OpenSagas {
    /// None is known, and so many may be open.
    pub(crate) const fn new(max: u64) -> Self {
        Self {
            max,
            known: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Lets one more in, or not.
    pub(crate) fn admit(&self) -> Result<(), Overload> {
        if self.known.fetch_add(1, Ordering::Relaxed) < self.max {
            return Ok(());
        }
        self.known.fetch_sub(1, Ordering::Relaxed);
        let refused = self.refused.fetch_add(1, Ordering::Relaxed);
        let seconds = RETRY_AFTER_SECONDS + refused % (RETRY_AFTER_SECONDS + 1);
        Err(Overload {
            pressure: Pressure::OpenSagas(self.max),
            retry_after: Duration::from_secs(seconds),
        })
    }

    /// One has ended here. Without this, so many would be let in at each count, and then none until the
    /// next.
    pub(crate) fn ended(&self) {
        let less = |known: u64| known.checked_sub(1);
        // One that nobody counted, as a child that has begun since the last time.
        let _unknown = self
            .known
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// Counts until stopped, where there is a limit.
pub(crate) async fn count(engine: Engine, stopping: CancellationToken) {
    let shared = Arc::clone(engine.shared());
    drop(engine);
    let Some(open) = &shared.open_sagas else {
        return;
    };
    loop {
        match shared.store.open_counts().await {
            Ok(counts) => {
                let all = counts.iter().map(|(_, count)| count).sum();
                open.known.store(all, Ordering::Relaxed);
            }
            Err(error) => warn!(error = %crate::chain(&error), "counting open sagas"),
        }
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(COUNT_EVERY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_ends_makes_room_for_another() {
        let open = OpenSagas::new(2);
        assert_eq!(open.admit(), Ok(()));
        assert_eq!(open.admit(), Ok(()));
        assert!(open.admit().is_err());
        open.ended();
        assert_eq!(open.admit(), Ok(()));
        assert!(open.admit().is_err());
    }

    #[test]
    fn more_may_end_than_were_counted() {
        let open = OpenSagas::new(1);
        open.ended();
        assert_eq!(open.admit(), Ok(()));
        assert!(open.admit().is_err());
    }
}
