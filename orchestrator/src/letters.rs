//! Messages kept for people: why, and with the raw bytes.

use broker::envelope::replies::{BadItem, ReplyItem};
use broker::message::Incoming;
use saga_core::ids::{MessageId, SagaId};
use saga_core::input::{Input, Reply};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::store::StoredDeadLetter;

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
        Input::Reply(reply) => (reply_bytes(saga, reply), reply.key.to_string()),
        Input::Parent(ask) => {
            let body = serde_json::to_vec(&ask.parent).unwrap_or_default();
            (body, ask.parent.key.to_string())
        }
        Input::Start(_)
        | Input::Timer
        | Input::DeadLetter(_)
        | Input::Park(_)
        | Input::Heartbeat(_)
        | Input::Operator(_)
        | Input::Signal(_)
        | Input::Missing(_) => (Vec::new(), String::new()),
    };
    StoredDeadLetter {
        id: Uuid::now_v7(),
        saga: Some(saga),
        queue: String::new(),
        fingerprint: format!("{class}/{step}"),
        reason,
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

/// A message from the dead-letter or the unroutable queue.
#[must_use]
pub fn from_message(
    message: &Incoming,
    queue: &str,
    saga: Option<SagaId>,
    reason: String,
) -> StoredDeadLetter {
    let properties = &message.properties;
    let came_from = message
        .death
        .as_ref()
        .map_or(queue, |death| death.queue.as_str());
    let header = |name: &str| properties.headers.get(name).map_or("", String::as_str);
    StoredDeadLetter {
        id: Uuid::now_v7(),
        saga,
        queue: came_from.to_owned(),
        fingerprint: format!(
            "{}/{}/{}/{}",
            header("amends-step"),
            header("amends-definition"),
            header("amends-version"),
            message
                .death
                .as_ref()
                .map_or("unroutable", |death| death.reason.as_str()),
        ),
        reason,
        properties: serde_json::to_value(properties).unwrap_or_else(|_| json!({})),
        body: message.body.to_vec(),
    }
}

/// One reply of a message that could not be read, alone.
#[must_use]
pub fn from_bad_item(message: &Incoming, queue: &str, item: &BadItem) -> StoredDeadLetter {
    let reason = format!("reply {} cannot be read: {}", item.index, item.source);
    let letter = from_message(message, queue, None, reason);
    StoredDeadLetter {
        fingerprint: "bad_reply".to_owned(),
        body: item.bytes.to_vec(),
        ..letter
    }
}
