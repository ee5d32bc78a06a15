//! Replies and dead letters on their way from the broker to the engine.

use std::sync::Arc;

use broker::broker::{Broker, BrokerError, Consumer, Delivery, Receipt};
use broker::envelope::replies::BadItem;
use broker::envelope::{Address, child, command, replies, signal};
use broker::message::Incoming;
use saga_core::ids::{MessageId, SagaId};
use saga_core::input::{DeadLetter, Input};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::engine::{Done, Engine, Inflight, Job, persist};
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
        if delivery.message.death.is_none() && queue == engine.shared().topology.unroutable() {
            // What is sent next, a probe among it, shall find its queue again.
            broker
                .restore(&delivery.message.properties.routing_key)
                .await;
        }
        take_letter(&engine, &queue, delivery).await;
    }
    Ok(())
}

async fn next(consumer: &mut Consumer, stopping: &CancellationToken) -> Option<Delivery> {
    tokio::select! {
        delivery = consumer.next() => delivery,
        () = stopping.cancelled() => None,
    }
}

/// Hands each reply of a message to the engine. One that cannot be read is kept for people, and
/// where it says what it answers, its saga is told that the answer is lost. The message is
/// acknowledged when everything in it is on disk.
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
    Some((about.saga, given_up(about, &letter.reason)))
}

fn given_up(about: Address, reason: &str) -> Input {
    Input::DeadLetter(DeadLetter {
        key: about.key,
        op: about.op,
        round: about.round,
        attempt: about.attempt,
        reason: reason.to_owned(),
    })
}

/// A command becomes an event on its saga, with the message kept in the same commit. Replies that
/// were given up are applied as if they had come. Anything else is kept.
async fn take_letter(engine: &Engine, queue: &str, delivery: Delivery) {
    let Delivery { message, receipt } = delivery;
    let reason = reason_of(&message, queue);
    if replies::decode(&message).is_ok() {
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
    // The headers will do: of an unreadable body too, the saga must hear.
    let Ok(about) = command::address(&message) else {
        let letter = letters::given_up(&message, queue, saga_of(&message), reason);
        return keep(engine, vec![letter], receipt).await;
    };
    let letter = letters::given_up(&message, queue, Some(about.saga), reason.clone());
    // The same delivery again, after a crash: for the saga it would be the death of the probe.
    let store = &engine.shared().store;
    match persist(engine.shared(), || store.kept_letter(letter.id)).await {
        Some(Some(proof)) => return receipt.ack(&proof),
        Some(None) => {}
        None => return,
    }
    warn!(saga.id = %about.saga, step = %about.key, reason, "a command was given up");
    count(engine, 1);
    engine
        .submit(Job {
            saga: about.saga,
            definition: None,
            input: given_up(about, &reason),
            letter: Some(letter),
            done: Done::Delivery(Inflight::new(receipt, 1)),
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

fn count(engine: &Engine, letters: usize) {
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

async fn store_letters(engine: &Engine, letters: Vec<StoredDeadLetter>) -> bool {
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
