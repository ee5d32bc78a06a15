//! A message on its way out or in, without any rule about sagas.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::headers::Headers;

/// A message to publish. Everything but the body is also what the outbox stores beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where it goes and what it says about itself.
    pub properties: Properties,
    /// The payload.
    pub body: Bytes,
}

/// Address and properties of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Properties {
    /// Exchange it is published to; empty means the default exchange.
    pub exchange: String,
    /// Routing key.
    pub routing_key: String,
    /// AMQP `message-id`. Returns and confirms are matched by it, so it is unique among what one
    /// publisher has under way.
    pub message_id: String,
    /// AMQP `type`, for example `amends.command.v1`.
    pub kind: String,
    /// AMQP `correlation-id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// AMQP `reply-to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// AMQP `priority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// It may share a message with others. The outbox keeps it; a message says nothing of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares: bool,
    /// Headers; all are long strings, which every client library can read. On the wire those under
    /// `amends-` are one, `amends`, a JSON object of texts.
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    pub headers: Headers,
}

impl Properties {
    /// The exchange or, on the way through the default exchange, the queue: what is missing when a
    /// message is unroutable.
    #[must_use]
    pub fn target(&self) -> &str {
        if self.exchange.is_empty() {
            &self.routing_key
        } else {
            &self.exchange
        }
    }
}

/// A message that was delivered. What of its properties is no text is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// What it says about itself; the exchange and routing key are those it was published with.
    pub properties: Properties,
    /// The payload.
    pub body: Bytes,
    /// The broker has handed it out before. Never a reason to skip the ledger.
    pub redelivered: bool,
    /// The queue that dead-lettered it and why, from the newest `x-death` entry.
    pub death: Option<Death>,
}

/// Why a message was dead-lettered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// The queue that gave it up.
    pub queue: String,
    /// `rejected`, `expired`, `maxlen` or `delivery_limit`.
    pub reason: String,
}
