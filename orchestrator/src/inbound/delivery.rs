//! What every loop does with deliveries: takes the next, and keeps what nobody can use.

use broker::broker::{Consumer, Delivery};
use broker::receipt::Receipt;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::engine::{Engine, persist};
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

/// Counts messages that are kept for people.
pub(super) fn count(engine: &Engine, letters: usize) {
    let counter = &engine.shared().metrics.dead_letters;
    counter.inc_by(u64::try_from(letters).unwrap_or(u64::MAX));
}

/// Keeps letters that no saga hears of, and acknowledges their message.
pub(crate) async fn keep(engine: &Engine, letters: Vec<StoredDeadLetter>, receipt: Receipt) {
    count(engine, letters.len());
    let batch = Batch {
        dead_letters: letters,
        ..Batch::default()
    };
    let store = &engine.shared().store;
    // Without a report the message is not acknowledged, and comes again.
    let Some(report) = persist(engine.shared(), || store.commit(&batch)).await else {
        return;
    };
    failpoint::reached("orchestrator.letter_kept");
    match report.proof() {
        Some(proof) => receipt.ack(&proof),
        None => error!("a commit of dead letters came without proof"),
    }
}

/// Whether these are kept now.
pub(super) async fn store_letters(engine: &Engine, letters: Vec<StoredDeadLetter>) -> bool {
    count(engine, letters.len());
    let batch = Batch {
        dead_letters: letters,
        ..Batch::default()
    };
    let store = &engine.shared().store;
    persist(engine.shared(), || store.commit(&batch))
        .await
        .is_some()
}
