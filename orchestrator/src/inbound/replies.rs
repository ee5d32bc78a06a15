//! Replies of workers, many to a message.

use std::sync::Arc;

use broker::broker::{Broker, BrokerError, Delivery};
use broker::envelope::replies::{self, BadItem};
use saga_core::ids::SagaId;
use saga_core::input::Input;
use tokio_util::sync::CancellationToken;

use super::dead_letters::given_up;
use super::delivery::{count, keep, next, store_letters};
use crate::engine::{Done, Engine, Inflight, Job};
use crate::letters;
use crate::store::StoredDeadLetter;

/// Reply messages that may be with this process unsettled. Each carries up to 64 replies.
const REPLIES_PREFETCH: u16 = 256;

/// Such messages of another orchestrator's queue. It is taken from only when its own orchestrator is
/// away or has no room, and then by all others.
const SPARE_PREFETCH: u16 = 64;

/// Consumes a queue of replies until stopped, or what others have no room for.
pub(super) async fn replies(
    engine: Engine,
    broker: Arc<dyn Broker>,
    (queue, spare): (String, bool),
    stopping: CancellationToken,
) -> Result<(), BrokerError> {
    let mut consumer = if spare {
        broker.consume_spare(&queue, SPARE_PREFETCH).await?
    } else {
        broker.consume(&queue, REPLIES_PREFETCH).await?
    };
    while let Some(delivery) = next(&mut consumer, &stopping).await {
        take_replies(&engine, &queue, delivery).await;
    }
    Ok(())
}

/// Hands each reply of a message to the engine. One that cannot be read is kept for people, and
/// where it says what it answers, its saga is told that the answer is lost. The message is
/// acknowledged when everything in it is on disk.
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
    let (mut inputs, mut nobodys) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Ok(item) => inputs.push((item.saga, Input::Reply(item.reply), None)),
            Err(item) => {
                let letter = letters::from_bad_item(&message, queue, &item);
                match lost_answer(&item, &letter) {
                    Some((saga, input)) => inputs.push((saga, input, Some(letter))),
                    None => nobodys.push(letter),
                }
            }
        }
    }
    if inputs.is_empty() {
        return keep(engine, nobodys, receipt).await;
    }
    if !nobodys.is_empty() && !store_letters(engine, nobodys).await {
        return;
    }
    let inflight = Inflight::new(receipt, inputs.len());
    for (saga, input, letter) in inputs {
        count(engine, letter.iter().len());
        let job = Job {
            saga,
            definition: None,
            input,
            letter,
            done: Done::Delivery(Arc::clone(&inflight)),
        };
        engine.submit(job).await;
    }
}

/// Whoever asked is told that the answer cannot be read, as of a command that was given up.
fn lost_answer(item: &BadItem, letter: &StoredDeadLetter) -> Option<(SagaId, Input)> {
    let about = item.about.clone()?;
    Some((about.saga, given_up(about, None, &letter.reason)))
}
