//! The properties of a message as they are stored beside its body: without what the row's key says too.
//!
//! A row of the outbox lives for some milliseconds, and all of it is sent, written and logged all the
//! same. Of a thousand bytes that a command says about itself, six hundred follow from its id or from one
//! another, or are names.

use saga_core::ids::{MessageId, Op};
use serde::{Deserialize, Deserializer, Serialize};

use super::command::{self, ELEMENT, IDEMPOTENCY_KEY, OP, ROUND, SAGA, STEP};
use crate::headers::{Headers, Texts, is_ours, prefixed, without_prefix};
use crate::message::Properties;

/// Which headers of a command follow from its id and its other headers, and are left out.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Implied {
    saga: bool,
    key: bool,
}

const BOTH: Implied = Implied {
    saga: true,
    key: true,
};

#[derive(Serialize)]
struct RowOut<'a> {
    #[serde(rename = "x")]
    exchange: &'a str,
    #[serde(rename = "r")]
    routing_key: &'a str,
    /// Left out where it is the row's.
    #[serde(rename = "m", skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    /// Left out of commands.
    #[serde(rename = "k", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    /// Left out where it is the saga's id; null where there is none.
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    correlation_id: Option<Option<&'a str>>,
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    reply_to: Option<&'a str>,
    #[serde(rename = "p", skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    #[serde(rename = "s", skip_serializing_if = "std::ops::Not::not")]
    shares: bool,
    /// Which headers were left out. Left out itself where it is all of a command's.
    #[serde(rename = "i", skip_serializing_if = "Option::is_none")]
    implied: Option<Implied>,
    /// Headers of ours, named without what ours begin with.
    #[serde(rename = "h", skip_serializing_if = "Texts::is_empty")]
    ours: Texts<'a>,
    /// All others.
    #[serde(rename = "o", skip_serializing_if = "Texts::is_empty")]
    others: Texts<'a>,
}

/// The text that stands for the properties of the message with this id.
#[must_use]
pub fn write(properties: &Properties, id: MessageId) -> String {
    let saga = id.saga.to_string();
    let is_command = properties.kind == command::KIND;
    let implied = Implied {
        saga: is_command && properties.headers.get(SAGA) == Some(&saga),
        key: is_command && has_implied_key(&saga, &properties.headers),
    };
    let is_implied = |name: &str| match name {
        SAGA => implied.saga,
        IDEMPOTENCY_KEY => implied.key,
        _ => false,
    };
    let said = properties.headers.iter();
    let said = said.filter(|(name, _)| !is_implied(name));
    let ours = said
        .clone()
        .filter_map(|(name, value)| Some((without_prefix(name)?, value)));
    let correlation_id = properties.correlation_id.as_deref();
    let row = RowOut {
        exchange: &properties.exchange,
        routing_key: &properties.routing_key,
        message_id: Some(&*properties.message_id).filter(|text| *text != id.to_string()),
        kind: (!is_command).then_some(&properties.kind),
        correlation_id: (correlation_id != Some(&saga)).then_some(correlation_id),
        reply_to: properties.reply_to.as_deref(),
        priority: properties.priority,
        shares: properties.shares,
        implied: Some(implied).filter(|it| is_command && *it != BOTH),
        ours: ours.collect(),
        others: said.filter(|(name, _)| !is_ours(name)).collect(),
    };
    // Writing texts to memory cannot fail.
    serde_json::to_string(&row).unwrap_or_default()
}

#[derive(Deserialize)]
struct RowIn {
    #[serde(rename = "x")]
    exchange: String,
    #[serde(rename = "r")]
    routing_key: String,
    #[serde(rename = "m")]
    message_id: Option<String>,
    #[serde(rename = "k")]
    kind: Option<String>,
    #[serde(rename = "c", default, deserialize_with = "said")]
    correlation_id: Option<Option<String>>,
    #[serde(rename = "a")]
    reply_to: Option<String>,
    #[serde(rename = "p")]
    priority: Option<u8>,
    #[serde(rename = "s", default)]
    shares: bool,
    #[serde(rename = "i")]
    implied: Option<Implied>,
    #[serde(rename = "h", default, deserialize_with = "ours")]
    ours: Headers,
    #[serde(rename = "o", default)]
    others: Headers,
}

/// A null is something that was said.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

fn ours<'de, D: Deserializer<'de>>(from: D) -> Result<Headers, D::Error> {
    Headers::read(from, prefixed)
}

/// The properties for which [`write()`] made this text. Rows that were written before it left anything out
/// are read too.
///
/// # Errors
/// When the text is neither.
pub fn read(text: &str, id: MessageId) -> Result<Properties, serde_json::Error> {
    let row: RowIn = match serde_json::from_str(text) {
        Ok(row) => row,
        Err(error) => return serde_json::from_str(text).map_err(|_neither| error),
    };
    let saga = id.saga.to_string();
    let mut headers = row.ours;
    headers.extend(row.others);
    if row.kind.is_none() {
        let implied = row.implied.unwrap_or(BOTH);
        if implied.saga {
            headers.insert(SAGA, saga.clone());
        }
        if implied.key
            && let Some(key) = implied_key(&saga, &headers)
        {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
    }
    Ok(Properties {
        exchange: row.exchange,
        routing_key: row.routing_key,
        message_id: row.message_id.unwrap_or_else(|| id.to_string()),
        kind: row.kind.unwrap_or_else(|| command::KIND.to_owned()),
        correlation_id: row.correlation_id.unwrap_or(Some(saga)),
        reply_to: row.reply_to,
        priority: row.priority,
        shares: row.shares,
        headers,
    })
}

fn has_implied_key(saga: &str, headers: &Headers) -> bool {
    let key = headers.get(IDEMPOTENCY_KEY);
    key.is_some() && key == implied_key(saga, headers).as_deref()
}

/// The idempotency key as the other headers have it, see [`idempotency_key`](super::idempotency_key).
fn implied_key(saga: &str, headers: &Headers) -> Option<String> {
    let op = match headers.get(OP)? {
        op if op == Op::Settle.as_str() => Op::Action.as_str(),
        op => op,
    };
    let (step, element, round) = (
        headers.get(STEP)?,
        headers.get(ELEMENT)?,
        headers.get(ROUND)?,
    );
    Some(format!("{saga}:{step}:{element}:{op}:{round}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> MessageId {
        "019a0000-0000-7000-8000-000000000001/7".parse().unwrap()
    }

    /// A command as the engine sends it.
    fn command(op: &str, key_op: &str) -> Properties {
        let saga = id().saga.to_string();
        Properties {
            exchange: "amends.steps".to_owned(),
            routing_key: "amends.steps.cards.charge".to_owned(),
            message_id: id().to_string(),
            kind: command::KIND.to_owned(),
            correlation_id: Some(saga.clone()),
            reply_to: Some("amends.replies.1".to_owned()),
            priority: Some(5),
            shares: true,
            headers: Headers::from([
                (SAGA, saga.clone()),
                (STEP, "charge \"ö\"".to_owned()),
                (ELEMENT, "3".to_owned()),
                (OP, op.to_owned()),
                (ROUND, "1".to_owned()),
                (IDEMPOTENCY_KEY, format!("{saga}:charge \"ö\":3:{key_op}:1")),
                (command::TRACEPARENT, "00-aa-bb-01".to_owned()),
            ]),
        }
    }

    #[test]
    fn what_the_id_says_is_left_out_and_comes_back() {
        for (op, key_op) in [
            ("action", "action"),
            ("settle", "action"),
            ("compensate", "compensate"),
        ] {
            let properties = command(op, key_op);
            let text = write(&properties, id());
            assert!(!text.contains("019a0000"), "{text}");
            assert!(text.len() * 2 < serde_json::to_string(&properties).unwrap().len());
            assert_eq!(read(&text, id()).unwrap(), properties);
        }
    }

    #[test]
    fn what_is_not_as_the_id_says_is_kept() {
        let other = "of another".to_owned();
        let changes: [fn(&mut Properties, String); 9] = [
            |it, other| it.message_id = other,
            |it, other| it.correlation_id = Some(other),
            |it, _| it.correlation_id = None,
            |it, other| it.headers.insert(SAGA, other),
            |it, other| it.headers.insert(IDEMPOTENCY_KEY, other),
            |it, _| drop(it.headers.remove(SAGA)),
            |it, _| drop(it.headers.remove(IDEMPOTENCY_KEY)),
            |it, _| drop(it.headers.remove(STEP)),
            |it, other| it.kind = other,
        ];
        for change in changes {
            let mut properties = command("action", "action");
            change(&mut properties, other.clone());
            assert_eq!(read(&write(&properties, id()), id()).unwrap(), properties);
        }
        // What is no command has only what it says.
        let bare = Properties::default();
        assert_eq!(read(&write(&bare, id()), id()).unwrap(), bare);
    }

    #[test]
    fn rows_from_before_are_read() {
        let properties = command("action", "action");
        let text = serde_json::to_string(&properties).unwrap();
        assert_eq!(read(&text, id()).unwrap(), properties);
        for wrong in ["", "[]", "{}", r#"{"x":"a"}"#, r#"{"x":1,"r":"b"}"#] {
            assert!(read(wrong, id()).is_err(), "{wrong}");
        }
    }
}
