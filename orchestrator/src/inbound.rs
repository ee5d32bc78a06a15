//! Replies and dead letters on their way from the broker to the engine.

use std::sync::Arc;

use broker::broker::{Broker, BrokerError, Consumer, Delivery, Receipt};
use broker::envelope::{child, command, replies, signal};
use broker::message::Incoming;
use saga_core::ids::{MessageId, SagaId};
use saga_core::input::{DeadLetter, Input};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::engine::{Done, Engine, Inflight, Job};
use crate::letters;
use crate::store::{Batch, StoredDeadLetter};
use crate::{children, signals};

/// Reply messages that may be with this process unsettled. Each carries up to 64 replies.
const REPLIES_PREFETCH: u16 = 256;

/// Requests that may be with this process unsettled.
const REQUESTS_PREFETCH: u16 = 64;

/// Dead letters are rare and each is looked at in full.
const LETTERS_PREFETCH: u16 = 16;

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

/// Consumes what others ask of sagas until stopped.
pub async fn requests(
    engine: Engine,
    broker: Arc<dyn Broker>,
    stopping: CancellationToken,
) -> Result<(), BrokerError> {
    let queue = engine.shared().topology.requests_queue();
    let mut consumer = broker.consume(&queue, REQUESTS_PREFETCH).await?;
    while let Some(delivery) = next(&mut consumer, &stopping).await {
        take_request(&engine, &queue, delivery).await;
    }
    Ok(())
}

async fn take_request(engine: &Engine, queue: &str, delivery: Delivery) {
    match delivery.message.properties.kind.as_str() {
        child::KIND => children::take(engine, queue, delivery).await,
        signal::KIND => signals::take(engine, queue, delivery).await,
        _ => {
            let Delivery { message, receipt } = delivery;
            let reason = format!("`{}` is no request", message.properties.kind);
            let letter = letters::from_message(&message, queue, None, reason);
            keep(engine, vec![letter], receipt).await;
        }
    }
}

/// Consumes one of the queues of messages that nobody could handle until stopped.
pub async fn dead_letters(
    engine: Engine,
    broker: Arc<dyn Broker>,
    queue: String,
    stopping: CancellationToken,
) -> Result<(), BrokerError> {
    let mut consumer = broker.consume(&queue, LETTERS_PREFETCH).await?;
    while let Some(delivery) = next(&mut consumer, &stopping).await {
        take_letter(&engine, &queue, delivery).await;
    }
    Ok(())
}

async fn next(consumer: &mut Consumer, stopping: &CancellationToken) -> Option<Delivery> {
    tokio::select! {
        biased;
        () = stopping.cancelled() => None,
        delivery = consumer.next() => delivery,
    }
}

/// Hands each reply of a message to the engine. What cannot be read is kept for people first, and
/// the message is acknowledged when everything in it is on disk.
async fn take_replies(engine: &Engine, queue: &str, delivery: Delivery) {
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

/// A command becomes an event on its saga, with the message kept in the same commit. Replies that
/// were given up are applied as if they had come. Anything else is kept.
async fn take_letter(engine: &Engine, queue: &str, delivery: Delivery) {
    let Delivery { message, receipt } = delivery;
    engine.shared().metrics.dead_letters.inc();
    let reason = reason_of(&message, queue);
    if let Ok(items) = replies::decode(&message)
        && items.iter().all(Result::is_ok)
    {
        warn!(queue, "replies were dead-lettered; applying them");
        return take_replies(engine, queue, Delivery { message, receipt }).await;
    }
    let kind = message.properties.kind.as_str();
    if child::decode(&message).is_ok() {
        warn!(
            queue,
            kind, "a request was dead-lettered; taking it up again"
        );
        return children::take(engine, queue, Delivery { message, receipt }).await;
    }
    let Ok(envelope) = command::decode(&message) else {
        let letter = letters::from_message(&message, queue, saga_of(&message), reason);
        return keep(engine, vec![letter], receipt).await;
    };
    warn!(saga.id = %envelope.saga, step = %envelope.key, reason, "a command was given up");
    let letter = letters::from_message(&message, queue, Some(envelope.saga), reason.clone());
    let input = Input::DeadLetter(DeadLetter {
        key: envelope.key,
        op: envelope.op,
        round: envelope.round,
        attempt: envelope.attempt,
        reason,
    });
    let done = Done::Delivery(Inflight::new(receipt, 1));
    let letter = Some(letter);
    engine
        .submit(Job {
            saga: envelope.saga,
            definition: None,
            input,
            letter,
            done,
        })
        .await;
}

fn reason_of(message: &Incoming, queue: &str) -> String {
    match &message.death {
        Some(death) => format!("{} in {}", death.reason, death.queue),
        None => format!("found in {queue}"),
    }
}

/// The saga of a message that is no readable command, where its id says so.
fn saga_of(message: &Incoming) -> Option<SagaId> {
    message
        .properties
        .message_id
        .parse()
        .ok()
        .map(|id: MessageId| id.saga)
}

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

async fn store_letters(engine: &Engine, letters: Vec<StoredDeadLetter>) -> bool {
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
