//! Messages that nobody could handle: events of their sagas, and kept for people.

use std::collections::BTreeSet;
use std::sync::Arc;

use broker::broker::{Broker, BrokerError, Delivery};
use broker::envelope::command::{self, CommandEnvelope};
use broker::envelope::{Address, child, replies};
use broker::message::Incoming;
use saga_core::ids::{MessageId, SagaId};
use saga_core::input::{DeadLetter, Input};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::delivery::{count, keep, next};
use super::replies::take_replies;
use crate::engine::{Done, Engine, Inflight, Job, persist};
use crate::{children, letters};

/// Dead letters are rare and each is looked at in full.
const LETTERS_PREFETCH: u16 = 16;

/// Consumes one of the queues of messages that nobody could handle until stopped.
pub(super) async fn dead_letters(
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
    let mut letter = letters::given_up(&message, queue, Some(about.saga), reason.clone());
    // The same delivery again, after a crash: for the saga it would be the death of the probe.
    let store = &engine.shared().store;
    match persist(engine.shared(), || store.kept_letter(letter.id)).await {
        Some(Some(proof)) => return receipt.ack(&proof),
        Some(None) => {}
        None => return,
    }
    if let Ok(command) = command::decode(&message)
        && let Some(build) = build_of(engine, &command).await
    {
        letter.fingerprint = format!("{}/{build}", letter.fingerprint);
    }
    warn!(saga.id = %about.saga, step = %about.key, reason, "a command was given up");
    count(engine, 1);
    engine
        .submit(Job {
            saga: about.saga,
            definition: None,
            input: given_up(about, command_of(&message), &reason),
            letter: Some(letter),
            done: Done::Delivery(Inflight::new(receipt, 1)),
        })
        .await;
}

/// A command that was given up, as an event of its saga.
pub(super) fn given_up(about: Address, command: Option<u64>, reason: &str) -> Input {
    Input::DeadLetter(DeadLetter {
        key: about.key,
        op: about.op,
        round: about.round,
        attempt: about.attempt,
        command,
        reason: reason.to_owned(),
    })
}

fn reason_of(message: &Incoming, queue: &str) -> String {
    match &message.death {
        Some(death) => format!("{} in {}", death.reason, death.queue),
        None => format!("found in {queue}"),
    }
}

/// The saga of a message that is no readable command, where its id says so.
fn saga_of(message: &Incoming) -> Option<SagaId> {
    let id: Option<MessageId> = message.properties.message_id.parse().ok();
    id.map(|id| id.saga)
}

/// The event that sent a command, where its id says so.
fn command_of(message: &Incoming) -> Option<u64> {
    let id: Option<MessageId> = message.properties.message_id.parse().ok();
    id.map(|id| id.seq)
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
