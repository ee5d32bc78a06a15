//! Keeps the worker's lease alive while it holds claims, and costs nothing while it holds none.

use tokio::sync::watch;

use crate::ledger::{Ledger, WorkerId};

/// Renewals in the time of one lease.
const RENEWALS: u32 = 3;

/// Renews the lease whenever claims are held for longer than a third of it. Runs for ever.
pub(crate) async fn keep_lease(
    ledger: &dyn Ledger,
    worker: &WorkerId,
    mut claims: watch::Receiver<usize>,
) {
    let pause = ledger.lease() / RENEWALS;
    while claims.wait_for(|count| *count > 0).await.is_ok() {
        tokio::time::sleep(pause).await;
        if *claims.borrow() == 0 {
            continue;
        }
        if let Err(error) = ledger.renew(worker).await {
            // A lease that ends lets others take the claims over; what this worker then records
            // is fenced by the epoch. So there is nothing to do but try again.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the worker's lease was not renewed"
            );
        }
    }
}
