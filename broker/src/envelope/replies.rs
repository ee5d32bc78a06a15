//! `amends.replies.v1`: what workers answer, many answers to a message.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use saga_core::ids::{MessageId, Op, SagaId, StepKey, StepName};
use saga_core::input::{Reply, ReplyOutcome, StepError};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::address::Address;
use super::error::EnvelopeError;
use crate::message::{Incoming, Outgoing, Properties};

/// AMQP `type` of a message of replies.
pub const KIND: &str = "amends.replies.v1";

/// Header with the build of the worker that answers.
pub const BUILD: &str = "amends-worker-build";

/// Most replies in one message.
pub const REPLIES_MAX: usize = 128;

/// Bytes of a message that holds more than one reply.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// Bytes of one reply; a larger one cannot be sent.
pub const REPLY_BYTES_MAX: usize = 1024 * 1024;

const OPEN: &[u8] = b"{\"replies\":[";
const CLOSE: &[u8] = b"]}";

/// One answer, and to what.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "ItemIn")]
pub struct ReplyItem {
    /// The saga that asked.
    pub saga: SagaId,
    /// The command that this answers.
    pub command: MessageId,
    /// The answer.
    pub reply: Reply,
}

impl Serialize for ReplyItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reply = &self.reply;
        let (output, error, retry_after) = match &reply.outcome {
            ReplyOutcome::Done(output) => (Some(output.as_ref()), None, None),
            ReplyOutcome::Fail(error) | ReplyOutcome::Unknown(error) => (None, Some(error), None),
            ReplyOutcome::AttemptFailed { error, retry_after } => (None, Some(error), *retry_after),
            ReplyOutcome::Fenced | ReplyOutcome::Expired | ReplyOutcome::NeverHappened => {
                (None, None, None)
            }
        };
        let item = ItemOut {
            saga: self.saga,
            step: reply.key.step.as_str(),
            element: reply.key.element,
            op: reply.op,
            round: reply.round,
            attempt: reply.attempt,
            command: self.command,
            outcome: reply.outcome.as_str(),
            output,
            error,
            retry_after: retry_after
                .map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
            worker: reply.worker.as_deref(),
        };
        item.serialize(serializer)
    }
}

#[derive(Serialize)]
struct ItemOut<'a> {
    saga: SagaId,
    step: &'a str,
    element: u32,
    op: Op,
    round: u32,
    attempt: u32,
    #[serde(serialize_with = "as_text")]
    command: MessageId,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a StepError>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<&'a str>,
}

fn as_text<S: Serializer>(id: &MessageId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

#[derive(Deserialize)]
struct ItemIn {
    saga: SagaId,
    step: StepName,
    #[serde(default)]
    element: u32,
    op: Op,
    #[serde(default)]
    round: u32,
    attempt: u32,
    command: String,
    outcome: OutcomeWord,
    output: Option<Arc<Value>>,
    error: Option<StepError>,
    retry_after: Option<u64>,
    worker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeWord {
    Done,
    Fail,
    AttemptFailed,
    Fenced,
    Expired,
    NeverHappened,
    Unknown,
}

impl TryFrom<ItemIn> for ReplyItem {
    type Error = String;

    fn try_from(item: ItemIn) -> Result<Self, String> {
        let error = item.error;
        let needed = |error: Option<StepError>| {
            error
                .ok_or_else(|| "this outcome needs an `error` with `code` and `message`".to_owned())
        };
        let outcome = match item.outcome {
            OutcomeWord::Done => ReplyOutcome::Done(item.output.unwrap_or_default()),
            OutcomeWord::Fail => ReplyOutcome::Fail(needed(error)?),
            OutcomeWord::AttemptFailed => ReplyOutcome::AttemptFailed {
                error: needed(error)?,
                retry_after: item.retry_after.map(Duration::from_millis),
            },
            OutcomeWord::Fenced => ReplyOutcome::Fenced,
            OutcomeWord::Expired => ReplyOutcome::Expired,
            OutcomeWord::NeverHappened => ReplyOutcome::NeverHappened,
            OutcomeWord::Unknown => ReplyOutcome::Unknown(needed(error)?),
        };
        let command: MessageId = item.command.parse()?;
        if command.saga != item.saga {
            return Err(format!("`command` {command} is not of saga {}", item.saga));
        }
        Ok(Self {
            saga: item.saga,
            command,
            reply: Reply {
                key: StepKey {
                    step: item.step,
                    element: item.element,
                },
                op: item.op,
                round: item.round,
                attempt: item.attempt,
                outcome,
                worker: item.worker,
            },
        })
    }
}

/// One message, and which of the replies it carries.
#[derive(Debug)]
pub struct Packed {
    /// Indexes of the replies; those of successive messages adjoin.
    pub items: Range<usize>,
    /// The message, or why this reply, alone in its range, cannot be sent.
    pub message: Result<Outgoing, TooLarge>,
}

/// A reply beyond [`REPLY_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reply of {bytes} bytes is larger than the {REPLY_BYTES_MAX} bytes that can be sent")]
pub struct TooLarge {
    /// Its size as JSON.
    pub bytes: usize,
}

/// Packs replies, in their order, into as few messages to `queue` as the limits allow.
///
/// `next_id` gives each message an id that is unique among what the publisher has under way.
#[must_use]
pub fn encode(
    queue: &str,
    items: &[ReplyItem],
    mut next_id: impl FnMut() -> String,
) -> Vec<Packed> {
    let mut packed = Vec::new();
    let mut body = OPEN.to_vec();
    let mut first = 0;
    let mut flush = |body: &mut Vec<u8>, items: Range<usize>, packed: &mut Vec<Packed>| {
        if !items.is_empty() {
            body.extend_from_slice(CLOSE);
            let body = Bytes::from(std::mem::replace(body, OPEN.to_vec()));
            packed.push(Packed {
                items,
                message: Ok(outgoing(queue, next_id(), body)),
            });
        }
    };
    for (index, item) in items.iter().enumerate() {
        let json = serde_json::to_vec(item).unwrap_or_default();
        if json.len() > REPLY_BYTES_MAX {
            flush(&mut body, first..index, &mut packed);
            let too_large = TooLarge { bytes: json.len() };
            packed.push(Packed {
                items: index..index + 1,
                message: Err(too_large),
            });
            first = index + 1;
            continue;
        }
        let grown = body.len() + 1 + json.len() + CLOSE.len();
        if index - first == REPLIES_MAX || grown > MESSAGE_BYTES_MAX {
            flush(&mut body, first..index, &mut packed);
            first = index;
        }
        if index > first {
            body.push(b',');
        }
        body.extend_from_slice(&json);
    }
    flush(&mut body, first..items.len(), &mut packed);
    packed
}

fn outgoing(queue: &str, message_id: String, body: Bytes) -> Outgoing {
    Outgoing {
        properties: Properties {
            routing_key: queue.to_owned(),
            message_id,
            kind: KIND.to_owned(),
            ..Properties::default()
        },
        body,
    }
}

/// A reply that cannot be read, alone among others that can.
#[derive(Debug, thiserror::Error)]
#[error("read reply {index} of the message")]
pub struct BadItem {
    /// Its place in the message, from 0.
    pub index: usize,
    /// The JSON it was sent as.
    pub bytes: Bytes,
    /// What it answers, where at least that can be read.
    pub about: Option<Address>,
    /// What is wrong with it.
    #[source]
    pub source: serde_json::Error,
}

#[derive(Deserialize)]
struct BodyIn<'a> {
    #[serde(borrow)]
    replies: Vec<&'a RawValue>,
}

/// Reads the replies of a message one by one, so that a bad one spoils no other.
///
/// # Errors
/// When the message carries no list of replies at all.
pub fn decode(message: &Incoming) -> Result<Vec<Result<ReplyItem, BadItem>>, EnvelopeError> {
    if message.properties.kind != KIND {
        let found = message.properties.kind.clone();
        return Err(EnvelopeError::Kind {
            wanted: KIND,
            found,
        });
    }
    let body: BodyIn<'_> = serde_json::from_slice(&message.body)
        .map_err(|source| EnvelopeError::Body { kind: KIND, source })?;
    let read = |(index, raw): (usize, &RawValue)| {
        serde_json::from_str(raw.get()).map_err(|source| BadItem {
            index,
            bytes: message.body.slice_ref(raw.get().as_bytes()),
            about: Address::of_reply(raw.get()),
            source,
        })
    };
    Ok(body.replies.into_iter().enumerate().map(read).collect())
}
