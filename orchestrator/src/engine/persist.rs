//! Waiting out a store that is away.

use std::future::Future;
use std::time::Duration;

use tracing::{error, warn};

use super::lane::Shared;
use crate::store::StoreError;

const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(5);

/// Repeats an operation of the store until it is done. `None` when the process is going down or
/// the store says that repeating is no use.
pub async fn persist<T, F>(shared: &Shared, operation: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut delay = RETRY_FIRST;
    loop {
        let error = match operation().await {
            Ok(done) => {
                shared.dependencies.store_answers();
                return Some(done);
            }
            Err(error) => error,
        };
        if !matches!(error, StoreError::Unavailable { .. }) {
            error!(error = %crate::chain(&error), "the store refuses");
            return None;
        }
        warn!(error = %crate::chain(&error), "the store is away; trying again");
        shared.store_failed(&error);
        tokio::select! {
            biased;
            () = shared.stopping.cancelled() => return None,
            () = tokio::time::sleep(delay) => {}
        }
        delay = (delay * 2).min(RETRY_LONGEST);
    }
}

impl Shared {
    /// An operation of the store failed: it shows in the metrics and in what `/ready` says.
    pub fn store_failed(&self, error: &StoreError) {
        self.metrics.store_errors.inc();
        self.dependencies
            .store_fails(crate::chain(error), self.store.now());
    }
}
