//! Waiting out a ledger whose database is away.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::ledger::LedgerError;
use crate::observer::Observer;

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(5);

/// Repeats an operation of the ledger until its database answers.
///
/// The caller keeps its delivery meanwhile, and prefetch keeps more from coming: that is how a
/// worker without a database stops consuming.
///
/// # Errors
/// The last error, when it cannot pass or when `stop` is cancelled first.
pub(super) async fn retrying<'a, T>(
    stop: &CancellationToken,
    observer: &Observer,
    mut operation: impl FnMut() -> BoxFuture<'a, Result<T, LedgerError>>,
) -> Result<T, LedgerError> {
    let mut delay = FIRST_DELAY;
    loop {
        let error = match operation().await {
            Ok(done) => {
                observer.ledger_works();
                return Ok(done);
            }
            Err(error) => error,
        };
        observer.ledger_failed(&error);
        if !error.is_transient() {
            return Err(error);
        }
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            retry_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            "the ledger does not answer"
        );
        tokio::select! {
            biased;
            () = stop.cancelled() => return Err(error),
            () = tokio::time::sleep(delay) => delay = (delay * 2).min(LAST_DELAY),
        }
    }
}
