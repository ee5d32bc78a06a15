//! Messages kept for people: why, and with the raw bytes.
//!
//! The id of a letter derives from what it says, so that a message that is delivered again, after
//! a crash between keeping it and acknowledging it, is kept once.

use broker::envelope::replies::{self, BadItem, ReplyItem};
use broker::message::Incoming;
use saga_core::ids::{MessageId, SagaId};
use saga_core::input::{Input, Reply};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::store::StoredDeadLetter;

/// Longer reasons are cut: they quote what came from outside.
const REASON_BYTES_MAX: usize = 4 * 1024;

/// In a fingerprint, for what is not known.
const UNKNOWN: &str = "-";

/// The class of one reply that cannot be read.
const BAD_REPLY: &str = "bad_reply";

/// A reply whose content the database cannot hold.
#[must_use]
pub fn unstorable(saga: SagaId, input: &Input, why: &str) -> StoredDeadLetter {
    let why = why.replace('\0', "\u{fffd}");
    let reason = format!("the database cannot hold it: {why}");
    from_input(saga, input, "unstorable", reason)
}

/// A reply for a saga that does not exist; nothing to keep of inputs that are no messages.
#[must_use]
pub fn orphan(saga: SagaId, input: &Input) -> Option<StoredDeadLetter> {
    match input {
        Input::Reply(_) => Some(from_input(
            saga,
            input,
            "unknown_saga",
            "no saga has this id".to_owned(),
        )),
        Input::Parent(_) => Some(from_input(
            saga,
            input,
            "unknown_child",
            "no saga has this id, so it cannot be undone".to_owned(),
        )),
        Input::Start(_)
        | Input::Timer
        | Input::DeadLetter(_)
        | Input::Park(_)
        | Input::Heartbeat(_)
        | Input::Operator(_)
        | Input::Signal(_)
        | Input::Missing(_) => None,
    }
}

fn from_input(saga: SagaId, input: &Input, class: &str, reason: String) -> StoredDeadLetter {
    let (body, step) = match input {
        Input::Reply(reply) => (reply_bytes(saga, reply), reply.key.step.as_str()),
        Input::Parent(ask) => {
            let body = serde_json::to_vec(&ask.parent).unwrap_or_default();
            (body, ask.parent.key.step.as_str())
        }
        Input::Start(_)
        | Input::Timer
        | Input::DeadLetter(_)
        | Input::Park(_)
        | Input::Heartbeat(_)
        | Input::Operator(_)
        | Input::Signal(_)
        | Input::Missing(_) => (Vec::new(), UNKNOWN),
    };
    StoredDeadLetter {
        id: id_of(&[class.as_bytes(), &body]),
        saga: Some(saga),
        queue: String::new(),
        fingerprint: fingerprint(step, UNKNOWN, UNKNOWN, class),
        reason: bounded(reason),
        properties: Value::Null,
        body,
    }
}

fn reply_bytes(saga: SagaId, reply: &Reply) -> Vec<u8> {
    let command = MessageId { saga, seq: 0 };
    serde_json::to_vec(&ReplyItem {
        saga,
        command,
        reply: reply.clone(),
    })
    .unwrap_or_default()
}

/// A message that came in `queue` and is of no use.
#[must_use]
pub fn from_message(
    message: &Incoming,
    queue: &str,
    saga: Option<SagaId>,
    reason: String,
) -> StoredDeadLetter {
    classified(message, queue, "unreadable", saga, reason)
}

/// A message that the broker gave up, or that no queue wanted.
#[must_use]
pub fn given_up(
    message: &Incoming,
    queue: &str,
    saga: Option<SagaId>,
    reason: String,
) -> StoredDeadLetter {
    classified(message, queue, "unroutable", saga, reason)
}

/// The class is `otherwise` where the broker does not say why it gave the message up.
fn classified(
    message: &Incoming,
    queue: &str,
    otherwise: &str,
    saga: Option<SagaId>,
    reason: String,
) -> StoredDeadLetter {
    let properties = &message.properties;
    let (came_from, class) = match &message.death {
        Some(death) => (death.queue.as_str(), death.reason.as_str()),
        None => (queue, otherwise),
    };
    let header = |name: &str| properties.headers.get(name).unwrap_or(UNKNOWN);
    let parts = [
        came_from.as_bytes(),
        class.as_bytes(),
        properties.message_id.as_bytes(),
        &message.body,
    ];
    StoredDeadLetter {
        id: id_of(&parts),
        saga,
        queue: came_from.to_owned(),
        fingerprint: fingerprint(
            header("amends-step"),
            header("amends-definition"),
            header("amends-version"),
            class,
        ),
        reason: bounded(reason),
        properties: serde_json::to_value(properties).unwrap_or_else(|_| json!({})),
        body: message.body.to_vec(),
    }
}

/// One reply of a message that could not be read, alone.
#[must_use]
pub fn from_bad_item(message: &Incoming, queue: &str, item: &BadItem) -> StoredDeadLetter {
    let reason = format!("reply {} cannot be read: {}", item.index, item.source);
    let saga = item.about.as_ref().map(|about| about.saga);
    let step = item
        .about
        .as_ref()
        .map_or(UNKNOWN, |about| about.key.step.as_str());
    let place = item.index.to_be_bytes();
    let message_id = message.properties.message_id.as_bytes();
    let build = message.properties.headers.get(replies::BUILD);
    let cause = fingerprint(step, UNKNOWN, UNKNOWN, BAD_REPLY);
    StoredDeadLetter {
        id: id_of(&[BAD_REPLY.as_bytes(), message_id, &place, &item.bytes]),
        fingerprint: match build {
            Some(build) => format!("{cause}/{build}"),
            None => cause,
        },
        body: item.bytes.to_vec(),
        ..classified(message, queue, BAD_REPLY, saga, reason)
    }
}

/// Same cause, same fingerprint: step, definition, version, and the class of the error.
fn fingerprint(step: &str, definition: &str, version: &str, class: &str) -> String {
    format!("{step}/{definition}/{version}/{class}")
}

fn bounded(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
    reason
}

/// An id that is the same for the same parts.
fn id_of(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}
