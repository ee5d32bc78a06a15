//! `amends.commands.v1`: several commands for one queue in one message.
//!
//! What a message costs a broker hardly depends on its size, so commands that are dispatched
//! together may travel together. Each keeps its id and its body, and what all of them say is said once;
//! whoever consumes gets them one by one, whole again, see
//! [`Consumer::next`](crate::broker::Consumer::next).

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::command;
use crate::headers::{Headers, Texts};
use crate::message::{Incoming, Outgoing, Properties};

/// AMQP `type` of a message of commands.
pub const KIND: &str = "amends.commands.v1";

/// Most commands in one message.
pub const COMMANDS_MAX: usize = 128;

/// Bytes of a command's body that may share a message. What is larger costs by its size, and goes
/// alone.
pub const BODY_BYTES_MAX: usize = 4 * 1024;

/// Bytes that an id and headers do not exceed in a message that several share.
const HEAD_BYTES_MAX: usize = 4 * 1024;

const OPEN: &[u8] = b"{\"commands\":[";

/// What one command of a message says for itself.
#[derive(Serialize)]
struct OwnOut<'a> {
    message_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    headers: Texts<'a>,
}

/// What all of them say.
#[derive(Serialize)]
struct AlikeOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    headers: Texts<'a>,
}

/// Whether this command may share a message with others: its saga allows it, and it is small.
#[must_use]
pub fn may_share(message: &Outgoing) -> bool {
    let properties = &message.properties;
    properties.kind == command::KIND
        && properties.shares
        && message.body.len() <= BODY_BYTES_MAX
        && bytes(&properties.headers) <= HEAD_BYTES_MAX
}

fn bytes(headers: &Headers) -> usize {
    let headers = headers.iter();
    headers.map(|(name, value)| name.len() + value.len()).sum()
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
    let alike = alike(&first.properties, others);
    let mut body = OPEN.to_vec();
    for (index, message) in std::iter::once(&first).chain(others).enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let properties = &message.properties;
        let correlation_id = properties.correlation_id.as_deref();
        let own = OwnOut {
            message_id: &properties.message_id,
            correlation_id: correlation_id.filter(|_| alike.correlation_id.is_none()),
            headers: Texts::of(&properties.headers, |name, _| !alike.headers.has(name)),
        };
        // Writing texts to memory cannot fail.
        let own = serde_json::to_vec(&own).unwrap_or_default();
        body.extend_from_slice(&own[..own.len().saturating_sub(1)]);
        body.extend_from_slice(b",\"body\":");
        body.extend_from_slice(&message.body);
        body.push(b'}');
    }
    body.extend_from_slice(b"],");
    let alike = serde_json::to_vec(&alike).unwrap_or_default();
    body.extend_from_slice(alike.get(1..).unwrap_or_default());
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

/// What every one of these commands says.
fn alike<'a>(first: &'a Properties, others: &[&Outgoing]) -> AlikeOut<'a> {
    let by_all = |says: &dyn Fn(&Properties) -> bool| others.iter().all(|it| says(&it.properties));
    let correlation_id = first.correlation_id.as_deref();
    AlikeOut {
        correlation_id: correlation_id
            .filter(|id| by_all(&|it| it.correlation_id.as_deref() == Some(id))),
        headers: Texts::of(&first.headers, |name, value| {
            by_all(&|it| it.headers.get(name) == Some(value))
        }),
    }
}

#[derive(Deserialize)]
struct BodyIn<'a> {
    #[serde(borrow)]
    commands: Vec<CommandIn<'a>>,
    /// Of every command that does not say otherwise.
    #[serde(borrow)]
    correlation_id: Option<Cow<'a, str>>,
    /// Of every command, beside its own.
    #[serde(default)]
    headers: Headers,
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

/// The commands of a message of commands, each as if it had come alone.
///
/// `None` for any other message, and for one that cannot be read, carries nothing, or more than may share a
/// message: that is for whoever takes what is no command.
#[must_use]
pub fn unpack(message: &Incoming) -> Option<Vec<Incoming>> {
    if message.properties.kind != KIND {
        return None;
    }
    let body: BodyIn<'_> = serde_json::from_slice(&message.body).ok()?;
    let shared = &message.properties;
    let alone = |it: CommandIn<'_>| {
        let mut headers = body.headers.clone();
        headers.extend(it.headers);
        let correlation_id = it.correlation_id.or_else(|| body.correlation_id.clone());
        Incoming {
            properties: Properties {
                exchange: shared.exchange.clone(),
                routing_key: shared.routing_key.clone(),
                message_id: it.message_id.into_owned(),
                kind: command::KIND.to_owned(),
                correlation_id: correlation_id.map(Cow::into_owned),
                reply_to: shared.reply_to.clone(),
                priority: shared.priority,
                shares: false,
                headers,
            },
            body: message.body.slice_ref(it.body.get().as_bytes()),
            redelivered: message.redelivered,
            death: message.death.clone(),
        }
    };
    // What all of them say is copied for each, so a short message must not make a long one of it.
    let is_sound =
        (1..=COMMANDS_MAX).contains(&body.commands.len()) && bytes(&body.headers) <= HEAD_BYTES_MAX;
    is_sound.then(|| body.commands.into_iter().map(alone).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, correlation_id: Option<&str>, headers: &[(&str, &str)]) -> Outgoing {
        let headers = headers.iter();
        Outgoing {
            properties: Properties {
                message_id: id.to_owned(),
                kind: command::KIND.to_owned(),
                correlation_id: correlation_id.map(str::to_owned),
                headers: headers
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
                ..Properties::default()
            },
            body: Bytes::from(format!(r#"{{"input":"{id}"}}"#)),
        }
    }

    fn packed(messages: &[Outgoing]) -> Incoming {
        let others: Vec<&Outgoing> = messages[1..].iter().collect();
        let Outgoing { properties, body } = pack(&messages[0], &others);
        Incoming {
            properties,
            body,
            redelivered: false,
            death: None,
        }
    }

    #[test]
    fn what_all_say_is_said_once() {
        let messages = [
            message(
                "a",
                Some("s"),
                &[("amends-element", "1"), ("amends-step", "ask")],
            ),
            message(
                "b",
                Some("s"),
                &[("amends-element", "2"), ("amends-step", "ask")],
            ),
        ];
        let wanted = concat!(
            r#"{"commands":[{"message_id":"a","headers":{"amends-element":"1"},"body":{"input":"a"}},"#,
            r#"{"message_id":"b","headers":{"amends-element":"2"},"body":{"input":"b"}}],"#,
            r#""correlation_id":"s","headers":{"amends-step":"ask"}}"#,
        );
        assert_eq!(packed(&messages).body, wanted);
    }

    #[test]
    fn each_comes_out_as_it_went_in() {
        let alike = [("amends-step", "ask"), ("traceparent", "00-aa")];
        for messages in [
            vec![message("a", Some("s"), &alike)],
            vec![
                message("a", Some("s"), &alike),
                message("b", Some("s"), &alike),
            ],
            vec![
                message("a", Some("s"), &alike),
                message("b", Some("t"), &alike[..1]),
            ],
            vec![
                message("a", None, &alike[..1]),
                message("b", Some("s"), &alike),
            ],
            vec![message("a", Some("s"), &[]), message("b", None, &alike)],
            vec![message("a", None, &[]), message("b", None, &[])],
        ] {
            let incoming = unpack(&packed(&messages)).unwrap();
            let found: Vec<Outgoing> = incoming
                .into_iter()
                .map(
                    |Incoming {
                         properties, body, ..
                     }| Outgoing { properties, body },
                )
                .collect();
            assert_eq!(found, messages);
        }
    }

    #[test]
    fn what_is_more_than_may_share_a_message_is_refused() {
        let many = |count| vec![message("a", None, &[("amends-step", "ask")]); count];
        assert!(unpack(&packed(&many(COMMANDS_MAX))).is_some());
        assert!(unpack(&packed(&many(COMMANDS_MAX + 1))).is_none());
        let long = "x".repeat(HEAD_BYTES_MAX);
        assert!(unpack(&packed(&[message("a", None, &[("of-all", &long)])])).is_none());
    }
}
