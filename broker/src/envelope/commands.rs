//! `amends.commands.v1`: several commands for one queue in one message.
//!
//! What a message costs a broker hardly depends on its size, so commands that are dispatched
//! together may travel together. Each keeps its id, its headers and its body; whoever consumes gets
//! them one by one, see [`Consumer::next`](crate::broker::Consumer::next).

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::command;
use crate::headers::Headers;
use crate::message::{Incoming, Outgoing, Properties};

/// AMQP `type` of a message of commands.
pub const KIND: &str = "amends.commands.v1";

/// Most commands in one message.
pub const COMMANDS_MAX: usize = 64;

/// Bytes of a command's body that may share a message. What is larger costs by its size, and goes
/// alone.
pub const BODY_BYTES_MAX: usize = 4 * 1024;

/// Bytes that an id and headers do not exceed in a message that several share.
const HEAD_BYTES_MAX: usize = 4 * 1024;

const OPEN: &[u8] = b"{\"commands\":[";
const CLOSE: &[u8] = b"]}";

#[derive(Serialize)]
struct HeadOut<'a> {
    message_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    headers: &'a Headers,
}

/// Whether this command may share a message with others: its saga allows it, and it is small.
#[must_use]
pub fn may_share(message: &Outgoing) -> bool {
    let properties = &message.properties;
    let heads = properties.headers.iter();
    let head: usize = heads.map(|(name, value)| name.len() + value.len()).sum();
    properties.kind == command::KIND
        && properties.shares
        && message.body.len() <= BODY_BYTES_MAX
        && head <= HEAD_BYTES_MAX
}

/// Whether two commands go the same way, and their answers too.
#[must_use]
pub fn same_way(one: &Properties, other: &Properties) -> bool {
    one.routing_key == other.routing_key
        && one.exchange == other.exchange
        && one.reply_to == other.reply_to
        && one.priority == other.priority
}

/// One message for commands that go the [same way](same_way) and [may share](may_share) it, at least
/// one and at most [`COMMANDS_MAX`].
#[must_use]
pub fn pack(first: &Outgoing, others: &[&Outgoing]) -> Outgoing {
    let mut body = OPEN.to_vec();
    for (index, message) in std::iter::once(&first).chain(others).enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let head = HeadOut {
            message_id: &message.properties.message_id,
            correlation_id: message.properties.correlation_id.as_deref(),
            headers: &message.properties.headers,
        };
        // Writing texts to memory cannot fail.
        let head = serde_json::to_vec(&head).unwrap_or_default();
        body.extend_from_slice(&head[..head.len().saturating_sub(1)]);
        body.extend_from_slice(b",\"body\":");
        body.extend_from_slice(&message.body);
        body.push(b'}');
    }
    body.extend_from_slice(CLOSE);
    let from = &first.properties;
    Outgoing {
        properties: Properties {
            exchange: from.exchange.clone(),
            routing_key: from.routing_key.clone(),
            message_id: format!("{}+{}", from.message_id, others.len()),
            kind: KIND.to_owned(),
            correlation_id: None,
            reply_to: from.reply_to.clone(),
            priority: from.priority,
            shares: false,
            headers: Headers::new(),
        },
        body: Bytes::from(body),
    }
}

#[derive(Deserialize)]
struct BodyIn<'a> {
    #[serde(borrow)]
    commands: Vec<CommandIn<'a>>,
}

#[derive(Deserialize)]
struct CommandIn<'a> {
    #[serde(borrow)]
    message_id: Cow<'a, str>,
    #[serde(borrow)]
    correlation_id: Option<Cow<'a, str>>,
    #[serde(default)]
    headers: Headers,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// The commands of a message of commands, each as if it had come alone. `None` for any other
/// message, and for one that cannot be read or carries nothing: that is for whoever takes what is
/// no command.
#[must_use]
pub fn unpack(message: &Incoming) -> Option<Vec<Incoming>> {
    if message.properties.kind != KIND {
        return None;
    }
    let body: BodyIn<'_> = serde_json::from_slice(&message.body).ok()?;
    let shared = &message.properties;
    let alone = |it: CommandIn<'_>| Incoming {
        properties: Properties {
            exchange: shared.exchange.clone(),
            routing_key: shared.routing_key.clone(),
            message_id: it.message_id.into_owned(),
            kind: command::KIND.to_owned(),
            correlation_id: it.correlation_id.map(Cow::into_owned),
            reply_to: shared.reply_to.clone(),
            priority: shared.priority,
            shares: false,
            headers: it.headers,
        },
        body: message.body.slice_ref(it.body.get().as_bytes()),
        redelivered: message.redelivered,
        death: message.death.clone(),
    };
    let is_empty = body.commands.is_empty();
    (!is_empty).then(|| body.commands.into_iter().map(alone).collect())
}
