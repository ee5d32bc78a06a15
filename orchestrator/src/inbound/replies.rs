//! Replies of workers, many to a message.

use std::sync::Arc;

use broker::broker::{Broker, BrokerError, Delivery};
use broker::envelope::replies;
use saga_core::input::Input;
use tokio_util::sync::CancellationToken;

use super::delivery::{keep, next, store_letters};
use crate::engine::{Done, Engine, Inflight, Job};
use crate::letters;

/// Reply messages that may be with this process unsettled. Each carries up to 64 replies.
const REPLIES_PREFETCH: u16 = 256;

/// Consumes the replies until stopped.
pub async fn replies(
    engine: Engine,
    broker: Arc<dyn Broker>,
    stopping: CancellationToken,
) -> Result<(), BrokerError> {
    let queue = engine.shared().topology.replies_queue();
    let mut consumer = broker.consume(&queue, REPLIES_PREFETCH).await?;
    while let Some(delivery) = next(&mut consumer, &stopping).await {
        take_replies(&engine, &queue, delivery).await;
    }
    Ok(())
}

/// Hands each reply of a message to the engine. What cannot be read is kept for people first, and
/// the message is acknowledged when everything in it is on disk.
pub(super) async fn take_replies(engine: &Engine, queue: &str, delivery: Delivery) {
    let Delivery { message, receipt } = delivery;
    let items = match replies::decode(&message) {
        Ok(items) => items,
        Err(error) => {
            let reason = crate::chain(&error);
            let letter = letters::from_message(&message, queue, None, reason);
            return keep(engine, vec![letter], receipt).await;
        }
    };
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Ok(item) => good.push(item),
            Err(item) => bad.push(letters::from_bad_item(&message, queue, &item)),
        }
    }
    if good.is_empty() {
        return keep(engine, bad, receipt).await;
    }
    if !bad.is_empty() && !store_letters(engine, bad).await {
        return;
    }
    let inflight = Inflight::new(receipt, good.len());
    for item in good {
        let job = Job {
            saga: item.saga,
            definition: None,
            input: Input::Reply(item.reply),
            letter: None,
            done: Done::Delivery(Arc::clone(&inflight)),
        };
        engine.submit(job).await;
    }
}
