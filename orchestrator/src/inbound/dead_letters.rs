//! Messages that nobody could handle: events of their sagas, and kept for people.

use std::collections::BTreeSet;
use std::sync::Arc;

use broker::broker::{Broker, BrokerError, Delivery};
use broker::envelope::command::{self, CommandEnvelope};
use broker::envelope::{child, replies};
use broker::message::Incoming;
use saga_core::ids::{MessageId, SagaId};
use saga_core::input::{DeadLetter, Input};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::delivery::{keep, next};
use super::replies::take_replies;
use crate::engine::{Done, Engine, Inflight, Job};
use crate::{children, letters};

/// Dead letters are rare and each is looked at in full.
const LETTERS_PREFETCH: u16 = 16;

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
    let mut letter = letters::from_message(&message, queue, Some(envelope.saga), reason.clone());
    if let Some(build) = build_of(engine, &envelope).await {
        letter.fingerprint = format!("{}/{build}", letter.fingerprint);
    }
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

/// The build of the workers that serve the command's operation. Nobody says which of them had it,
/// so it is known only when they are all of one build.
async fn build_of(engine: &Engine, command: &CommandEnvelope) -> Option<String> {
    let store = &engine.shared().store;
    let workers = store.workers().await.ok()?;
    let now = store.now();
    let serving = workers.into_iter().filter(|worker| {
        worker.is_alive(now)
            && worker
                .announcement
                .operations
                .iter()
                .any(|it| it.operation == command.action && it.op == command.op)
    });
    let mut builds: BTreeSet<String> = serving.map(|it| it.announcement.build).collect();
    let build = builds.pop_first()?;
    builds.is_empty().then_some(build)
}
