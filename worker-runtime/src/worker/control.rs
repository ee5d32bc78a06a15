//! What this worker is told: to drain.
//!
//! The queue belongs to this run of the process. It costs nothing while nothing is in it, and is
//! gone with the process.

use broker::broker::{Consumer, Delivery};
use broker::envelope::drain;
use saga_core::operator::By;

use crate::ledger::WorkerId;

/// Messages that may be with this process unread.
pub(super) const PREFETCH: u16 = 1;

/// Waits until this worker is told to drain; for ever once the broker is closed.
pub(super) async fn told_to_drain(mut told: Consumer, id: &WorkerId) -> By {
    while let Some(Delivery { message, receipt }) = told.next().await {
        // Done with either way, and there is nothing on disk to wait for. The queue has no
        // dead-letter exchange, so nothing is left behind.
        receipt.dead_letter();
        match drain::decode(&message) {
            Ok(drain) if drain.worker == id.as_str() => return drain.by,
            Ok(drain) => tracing::warn!(worker = drain.worker, "told what is meant for another"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "told what cannot be read"
            ),
        }
    }
    std::future::pending().await
}
