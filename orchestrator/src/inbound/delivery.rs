//! What every loop does with deliveries: takes the next, and keeps what nobody can use.

use broker::broker::{Consumer, Delivery, Receipt};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::engine::Engine;
use crate::store::{Batch, StoredDeadLetter};

/// The next delivery; `None` when it is time to stop.
pub(super) async fn next(
    consumer: &mut Consumer,
    stopping: &CancellationToken,
) -> Option<Delivery> {
    tokio::select! {
        biased;
        () = stopping.cancelled() => None,
        delivery = consumer.next() => delivery,
    }
}

/// Keeps messages for people and acknowledges the delivery that they came with.
pub(crate) async fn keep(engine: &Engine, letters: Vec<StoredDeadLetter>, receipt: Receipt) {
    engine
        .shared()
        .metrics
        .dead_letters
        .inc_by(letters.len() as u64);
    let batch = Batch {
        dead_letters: letters,
        ..Batch::default()
    };
    match engine.shared().store.commit(&batch).await {
        Ok(report) => match report.proof() {
            Some(proof) => receipt.ack(&proof),
            None => error!("a commit of dead letters came without proof"),
        },
        // Unacknowledged, the message comes again.
        Err(error) => error!(error = %crate::chain(&error), "keeping a dead letter"),
    }
}

/// Whether these are kept now.
pub(super) async fn store_letters(engine: &Engine, letters: Vec<StoredDeadLetter>) -> bool {
    let batch = Batch {
        dead_letters: letters,
        ..Batch::default()
    };
    match engine.shared().store.commit(&batch).await {
        Ok(_) => true,
        Err(error) => {
            error!(error = %crate::chain(&error), "keeping a dead letter");
            false
        }
    }
}
