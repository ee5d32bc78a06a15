//! Bounds a handler: by time, and by what a panic may take down.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use saga_core::input::StepError;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a handler may take to notice that it is cancelled.
const CANCEL_GRACE: Duration = Duration::from_millis(500);

/// Runs a handler's future to its end, or to the end of its time.
///
/// # Errors
/// Code `timeout`, `cancelled` or `panic`. With each, the outcome of an outside call is unknown.
pub(super) async fn guard<T>(
    limit: Duration,
    cancellation: &CancellationToken,
    handler: impl Future<Output = T>,
) -> Result<T, StepError> {
    let mut handler = std::pin::pin!(AssertUnwindSafe(handler).catch_unwind());
    let cut_off = tokio::select! {
        biased;
        ended = handler.as_mut() => return ended.map_err(|panic| panicked(&*panic)),
        () = tokio::time::sleep(limit) => StepError::new(
            "timeout",
            format!("the handler did not answer within {} ms", limit.as_millis()),
        ),
        () = cancellation.cancelled() => {
            StepError::new("cancelled", "the worker stopped before the handler answered")
        }
    };
    cancellation.cancel();
    match timeout(CANCEL_GRACE, handler).await {
        Ok(ended) => ended.map_err(|panic| panicked(&*panic)),
        Err(_still_running) => Err(cut_off),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> StepError {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    StepError::new("panic", text.unwrap_or("the handler panicked"))
}
