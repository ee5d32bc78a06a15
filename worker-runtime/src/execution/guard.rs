//! Bounds a handler: by time, and by what a panic may take down.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use saga_core::input::StepError;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::pulse::Pulse;

/// How long a handler may take to notice that it is cancelled.
const CANCEL_GRACE: Duration = Duration::from_millis(500);

/// What ends a handler that does not end by itself.
pub(super) struct Limits<'a> {
    /// The longest that it may run.
    pub(super) start_to_close: Duration,
    /// The longest that it may go without a sign of life.
    pub(super) heartbeat: Option<Duration>,
    /// Its signs of life.
    pub(super) pulse: &'a Pulse,
    /// The process must stop.
    pub(super) cancellation: &'a CancellationToken,
}

/// Code of an attempt that the worker ended because the process must stop.
pub(super) const CANCELLED: &str = "cancelled";

/// Runs a handler's future to its end, or to the end of its time.
///
/// # Errors
/// Code `timeout`, `heartbeat_timeout`, `cancelled` or `panic`. With each, the outcome of an
/// outside call is unknown.
pub(super) async fn guard<T>(
    limits: &Limits<'_>,
    handler: impl Future<Output = T>,
) -> Result<T, StepError> {
    let Limits {
        start_to_close,
        heartbeat,
        pulse,
        cancellation,
    } = limits;
    pulse.start();
    let mut handler = std::pin::pin!(AssertUnwindSafe(handler).catch_unwind());
    let cut_off = tokio::select! {
        biased;
        ended = handler.as_mut() => return ended.map_err(|panic| panicked(&*panic)),
        () = tokio::time::sleep(*start_to_close) => StepError::new(
            "timeout",
            format!("the handler did not answer within {} ms", start_to_close.as_millis()),
        ),
        () = pulse.silent_for(*heartbeat) => StepError::new(
            "heartbeat_timeout",
            format!(
                "the handler reported no progress for {} ms",
                heartbeat.unwrap_or_default().as_millis(),
            ),
        ),
        () = cancellation.cancelled() => {
            StepError::new(CANCELLED, "the worker stopped before the handler answered")
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
