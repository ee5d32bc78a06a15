//! `amends.command.v1`: one command to a worker.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use saga_core::decision::{Command, Undoes};
use saga_core::definition::DefinitionRef;
use saga_core::ids::{ActionName, MessageId, Op, SagaId, StepKey, StepName};
use saga_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::address::Address;
use super::error::EnvelopeError;
use super::key::idempotency_key;
use crate::headers::Headers;
use crate::message::{Incoming, Outgoing, Properties};
use crate::topology::Topology;

/// AMQP `type` of a command.
pub const KIND: &str = "amends.command.v1";

/// Header with the W3C trace context; the one header that a command may lack without meaning.
pub const TRACEPARENT: &str = "traceparent";

/// The names of a command's headers, in order.
pub(crate) const HEADERS: [&str; 15] = [
    ACTION,
    ATTEMPT,
    DEADLINE,
    DEFINITION,
    ELEMENT,
    HEARTBEAT,
    IDEMPOTENCY_KEY,
    OP,
    ROUND,
    SAGA,
    SCHEDULED_AT,
    START_TO_CLOSE,
    STEP,
    VERSION,
    TRACEPARENT,
];

const MESSAGE_ID: &str = "message-id";
pub(super) const SAGA: &str = "amends-saga";
const DEFINITION: &str = "amends-definition";
const VERSION: &str = "amends-version";
/// Header with the step that a command is about.
pub const STEP: &str = "amends-step";
pub(super) const OP: &str = "amends-op";
const ACTION: &str = "amends-action";
/// Header with the element of that step; 0 outside `for_each`.
pub const ELEMENT: &str = "amends-element";
pub(super) const ROUND: &str = "amends-round";
const ATTEMPT: &str = "amends-attempt";
pub(super) const IDEMPOTENCY_KEY: &str = "amends-idempotency-key";
const DEADLINE: &str = "amends-deadline";
const START_TO_CLOSE: &str = "amends-start-to-close";
const HEARTBEAT: &str = "amends-heartbeat";
const SCHEDULED_AT: &str = "amends-scheduled-at";

/// The message that asks a worker to carry out `command` and to answer to the queue `answers_to`.
#[must_use]
pub fn encode(
    topology: &Topology,
    answers_to: &str,
    saga: SagaId,
    definition: &DefinitionRef,
    command: &Command,
) -> Outgoing {
    let (exchange, routing_key) = topology.route(command);
    let saga_text = saga.to_string();
    Outgoing {
        properties: Properties {
            exchange,
            routing_key,
            message_id: MessageId {
                saga,
                seq: command.seq,
            }
            .to_string(),
            kind: KIND.to_owned(),
            headers: headers(saga, &saga_text, definition, command),
            correlation_id: Some(saga_text),
            reply_to: Some(answers_to.to_owned()),
            priority: command.priority,
            shares: command.shares,
        },
        body: body(command),
    }
}

fn headers(
    saga: SagaId,
    saga_text: &str,
    definition: &DefinitionRef,
    command: &Command,
) -> Headers {
    let key = idempotency_key(saga, &command.key, command.op, command.round);
    let mut headers = Headers::from([
        (SAGA, saga_text.to_owned()),
        (DEFINITION, definition.name.as_ref().to_owned()),
        (VERSION, definition.version.to_string()),
        (STEP, command.key.step.as_str().to_owned()),
        (OP, command.op.as_str().to_owned()),
        (ACTION, command.action.as_str().to_owned()),
        (ELEMENT, command.key.element.to_string()),
        (ROUND, command.round.to_string()),
        (ATTEMPT, command.attempt.to_string()),
        (IDEMPOTENCY_KEY, key),
    ]);
    if let Some(deadline) = command.deadline {
        headers.insert(DEADLINE, deadline.to_string());
    }
    if let Some(limit) = command.start_to_close {
        headers.insert(START_TO_CLOSE, limit.as_millis().to_string());
    }
    if let Some(limit) = command.heartbeat {
        headers.insert(HEARTBEAT, limit.as_millis().to_string());
    }
    headers
}

/// Says from when on a worker may begin. It is measured by, and decides nothing.
pub fn schedule(message: &mut Outgoing, at: Timestamp) {
    let headers = &mut message.properties.headers;
    headers.insert(SCHEDULED_AT, at.to_string());
}

#[derive(Serialize)]
struct BodyOut<'a> {
    operation: &'a str,
    input: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<ActionOut<'a>>,
}

#[derive(Serialize)]
struct ActionOut<'a> {
    #[serde(skip_serializing_if = "is_zero")]
    round: u32,
    input: &'a Value,
    output: &'a Value,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "skip_serializing_if passes a reference"
)]
const fn is_zero(round: &u32) -> bool {
    *round == 0
}

fn body(command: &Command) -> Bytes {
    let body = BodyOut {
        operation: command.action.operation(),
        input: &command.input,
        action: command.undoes.as_ref().map(|undoes| ActionOut {
            round: undoes.round,
            input: &undoes.input,
            output: &undoes.output,
        }),
    };
    // Writing JSON values to memory cannot fail: every key of theirs is a string.
    Bytes::from(serde_json::to_vec(&body).unwrap_or_default())
}

/// A command as a worker received it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandEnvelope {
    /// The stable id of this command; the reply repeats it.
    pub message_id: MessageId,
    /// The saga that asks.
    pub saga: SagaId,
    /// The definition that the saga runs.
    pub definition: DefinitionRef,
    /// Which piece of work.
    pub key: StepKey,
    /// What to do with it.
    pub op: Op,
    /// Which round of it.
    pub round: u32,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The operation; for settling, the action whose ledger is asked.
    pub action: ActionName,
    /// The operation's input.
    pub input: Value,
    /// For an undo: what the action was given and what it answered.
    pub undoes: Option<Undoes>,
    /// How long the handler may run.
    pub start_to_close: Option<Duration>,
    /// How long the handler may go without reporting progress.
    pub heartbeat: Option<Duration>,
    /// From when on it could begin, by the orchestrator's clock.
    pub scheduled_at: Option<Timestamp>,
    /// Not worth beginning after this.
    pub deadline: Option<Timestamp>,
    /// The queue that waits for the reply.
    pub reply_to: String,
    /// W3C trace context of the sender.
    pub traceparent: Option<String>,
}

impl CommandEnvelope {
    /// The key that every attempt carries to the outside.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        idempotency_key(self.saga, &self.key, self.op, self.round)
    }
}

#[derive(Deserialize)]
struct BodyIn {
    #[serde(default)]
    input: Value,
    action: Option<ActionIn>,
}

#[derive(Deserialize)]
struct ActionIn {
    #[serde(default)]
    round: u32,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    output: Value,
}

/// Reads a command. Fields and headers that are not known are ignored.
///
/// # Errors
/// When the message is no command, or lacks what every command has.
pub fn decode(message: &Incoming) -> Result<CommandEnvelope, EnvelopeError> {
    let properties = &message.properties;
    let Address {
        saga,
        key,
        op,
        round,
        attempt,
    } = address(message)?;
    let body: BodyIn = serde_json::from_slice(&message.body)
        .map_err(|source| EnvelopeError::Body { kind: KIND, source })?;
    let headers = &properties.headers;
    Ok(CommandEnvelope {
        message_id: parse(MESSAGE_ID, &properties.message_id)?,
        saga,
        definition: DefinitionRef {
            name: text(headers, DEFINITION)?.into(),
            version: required(headers, VERSION)?,
        },
        key,
        op,
        round,
        attempt,
        action: required(headers, ACTION)?,
        input: body.input,
        undoes: body.action.map(|undone| Undoes {
            round: undone.round,
            input: undone.input,
            output: Arc::new(undone.output),
        }),
        start_to_close: optional(headers, START_TO_CLOSE)?.map(Duration::from_millis),
        heartbeat: optional(headers, HEARTBEAT)?.map(Duration::from_millis),
        scheduled_at: optional(headers, SCHEDULED_AT)?,
        deadline: optional(headers, DEADLINE)?,
        reply_to: properties
            .reply_to
            .clone()
            .ok_or(EnvelopeError::Missing { name: "reply-to" })?,
        traceparent: headers.get(TRACEPARENT).map(str::to_owned),
    })
}

/// Reads what a command asks for from its headers alone, whatever its body.
///
/// # Errors
/// When the message is no command, or its headers do not say.
pub fn address(message: &Incoming) -> Result<Address, EnvelopeError> {
    let properties = &message.properties;
    if properties.kind != KIND {
        return Err(EnvelopeError::Kind {
            wanted: KIND,
            found: properties.kind.clone(),
        });
    }
    let headers = &properties.headers;
    Ok(Address {
        saga: required(headers, SAGA)?,
        key: StepKey {
            step: StepName::new(text(headers, STEP)?),
            element: optional(headers, ELEMENT)?.unwrap_or(0),
        },
        op: required(headers, OP)?,
        round: optional(headers, ROUND)?.unwrap_or(0),
        attempt: required(headers, ATTEMPT)?,
    })
}

fn text<'a>(headers: &'a Headers, name: &'static str) -> Result<&'a str, EnvelopeError> {
    headers.get(name).ok_or(EnvelopeError::Missing { name })
}

fn required<T>(headers: &Headers, name: &'static str) -> Result<T, EnvelopeError>
where
    T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    parse(name, text(headers, name)?)
}

fn optional<T>(headers: &Headers, name: &'static str) -> Result<Option<T>, EnvelopeError>
where
    T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    headers
        .get(name)
        .map(|value| parse(name, value))
        .transpose()
}

fn parse<T>(name: &'static str, value: &str) -> Result<T, EnvelopeError>
where
    T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    value
        .parse()
        .map_err(|source: T::Err| EnvelopeError::Header {
            name,
            value: value.to_owned(),
            source: source.into(),
        })
}
