//! Waits until somebody wants the process to end.

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Returns on SIGTERM or Ctrl-C.
pub async fn asked_to_stop() -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::because("cannot wait for signals", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| failed(&error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| failed(&error))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
