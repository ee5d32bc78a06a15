//! Between our messages and AMQP's.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::headers;
use crate::message::{Death, Incoming, Outgoing, Properties};

/// Bytes of one message. Brokers refuse larger ones, the newest at 16 MiB, by closing the channel
/// with everything that is under way on it.
pub(super) const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of a name in AMQP.
const NAME_BYTES_MAX: usize = 255;

const PERSISTENT: u8 = 2;
const JSON: &str = "application/json";
const DEATH: &str = "x-death";
/// Prefixes of what the broker notes beside `x-death`; a note about one delivery, not about the
/// message, so it is never passed on.
const DEATH_NOTES: [&str; 2] = ["x-first-death-", "x-last-death-"];

/// A message in AMQP's terms.
pub(super) struct Ready {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Bytes,
}

/// A message that AMQP cannot carry.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsendable {
    #[error("the body has {0} bytes, more than {MESSAGE_BYTES_MAX}")]
    Body(usize),
    #[error("{0} is longer than 255 bytes")]
    Text(&'static str),
}

/// Checks what lapin would panic on, and converts without copying texts or body.
pub(super) fn outgoing(message: Outgoing) -> Result<Ready, Unsendable> {
    if message.body.len() > MESSAGE_BYTES_MAX {
        return Err(Unsendable::Body(message.body.len()));
    }
    let from = message.properties;
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(JSON.into())
        .with_message_id(short("message_id", from.message_id)?)
        .with_type(short("type", from.kind)?);
    if let Some(id) = from.correlation_id {
        properties = properties.with_correlation_id(short("correlation_id", id)?);
    }
    if let Some(queue) = from.reply_to {
        properties = properties.with_reply_to(short("reply_to", queue)?);
    }
    if let Some(priority) = from.priority {
        properties = properties.with_priority(priority);
    }
    if !from.headers.is_empty() {
        properties = properties.with_headers(headers::pack(from.headers)?);
    }
    Ok(Ready {
        exchange: short("exchange", from.exchange)?,
        routing_key: short("routing key", from.routing_key)?,
        properties,
        body: message.body,
    })
}

pub(super) fn short(what: &'static str, text: String) -> Result<ShortString, Unsendable> {
    ShortString::try_new(text).map_err(|_| Unsendable::Text(what))
}

/// A name as AMQP carries it. One that is too long is cut: it then names nothing, and the broker
/// says so.
pub(super) fn name(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap_or_else(|_| {
        let end = text.floor_char_boundary(NAME_BYTES_MAX);
        ShortString::try_new(&text[..end]).unwrap_or_default()
    })
}

/// A delivery as a message of ours.
pub(super) fn incoming(delivery: Delivery) -> Incoming {
    let from = &delivery.properties;
    let text = |value: &Option<ShortString>| value.as_ref().map(|text| text.as_str().to_owned());
    let mut properties = Properties {
        exchange: delivery.exchange.as_str().to_owned(),
        routing_key: delivery.routing_key.as_str().to_owned(),
        message_id: text(from.message_id()).unwrap_or_default(),
        kind: text(from.kind()).unwrap_or_default(),
        correlation_id: text(from.correlation_id()),
        reply_to: text(from.reply_to()),
        priority: *from.priority(),
        ..Properties::default()
    };
    let mut death = None;
    for (name, value) in from.headers().iter().flat_map(FieldTable::inner) {
        let name = name.as_str();
        if name == DEATH {
            death = newest_death(value);
        } else if let AMQPValue::LongString(value) = value
            && !DEATH_NOTES.iter().any(|prefix| name.starts_with(prefix))
            && let Ok(value) = str::from_utf8(value.as_bytes())
        {
            headers::unpack(name, value, &mut properties.headers);
        }
    }
    Incoming {
        properties,
        body: Bytes::from(delivery.data),
        redelivered: delivery.redelivered,
        death,
    }
}

/// The broker puts the newest death first.
fn newest_death(value: &AMQPValue) -> Option<Death> {
    let AMQPValue::FieldArray(deaths) = value else {
        return None;
    };
    let AMQPValue::FieldTable(newest) = deaths.as_slice().first()? else {
        return None;
    };
    let text = |name: &str| match newest.inner().get(name)? {
        AMQPValue::LongString(text) => str::from_utf8(text.as_bytes()).ok().map(str::to_owned),
        _ => None,
    };
    Some(Death {
        queue: text("queue")?,
        reason: text("reason")?,
    })
}
