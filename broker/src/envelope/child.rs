//! `amends.child.v1`: what a step asks of the saga that it runs.

use bytes::Bytes;
use saga_core::decision::ChildAsk;
use saga_core::ids::{MessageId, SagaId, StepKey};
use saga_core::input::Parent;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::EnvelopeError;
use crate::message::{Incoming, Outgoing, Properties};
use crate::topology::Topology;

/// AMQP `type` of such a message.
pub const KIND: &str = "amends.child.v1";

/// One ask, from whom and of whom.
#[derive(Debug, Clone, PartialEq)]
pub struct ChildEnvelope {
    /// The saga that is asked.
    pub child: SagaId,
    /// The step that asks.
    pub parent: Parent,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// For what.
    pub ask: ChildAsk,
}

#[derive(Serialize, Deserialize)]
struct Body {
    child: SagaId,
    parent: ParentBody,
    attempt: u32,
    ask: AskWord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    definition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    input: Value,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pivot: bool,
}

#[derive(Serialize, Deserialize)]
struct ParentBody {
    saga: SagaId,
    step: StepKey,
    round: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AskWord {
    Start,
    Settle,
    Compensate,
}

/// The message that carries an ask; `seq` is of the event that caused it.
#[must_use]
pub fn encode(topology: &Topology, seq: u64, envelope: &ChildEnvelope) -> Outgoing {
    let parent = &envelope.parent;
    let mut body = Body {
        child: envelope.child,
        parent: ParentBody {
            saga: parent.saga,
            step: parent.key.clone(),
            round: parent.round,
        },
        attempt: envelope.attempt,
        ask: AskWord::Compensate,
        definition: None,
        version: None,
        input: Value::Null,
        pivot: false,
    };
    match &envelope.ask {
        ChildAsk::Start {
            definition,
            version,
            input,
            pivot,
        } => {
            body.ask = AskWord::Start;
            body.definition = Some(definition.to_string());
            body.version.clone_from(version);
            body.input = input.clone();
            body.pivot = *pivot;
        }
        ChildAsk::Settle {
            definition,
            version,
        } => {
            body.ask = AskWord::Settle;
            body.definition = Some(definition.to_string());
            body.version.clone_from(version);
        }
        ChildAsk::Compensate => {}
    }
    let saga = parent.saga;
    Outgoing {
        properties: Properties {
            routing_key: topology.requests_queue(),
            message_id: MessageId { saga, seq }.to_string(),
            kind: KIND.to_owned(),
            correlation_id: Some(envelope.child.to_string()),
            ..Properties::default()
        },
        // Writing JSON values to memory cannot fail: every key of theirs is a string.
        body: Bytes::from(serde_json::to_vec(&body).unwrap_or_default()),
    }
}

/// Reads an ask.
///
/// # Errors
/// When the message is none, or does not say which saga is to run.
pub fn decode(message: &Incoming) -> Result<ChildEnvelope, EnvelopeError> {
    if message.properties.kind != KIND {
        let found = message.properties.kind.clone();
        return Err(EnvelopeError::Kind {
            wanted: KIND,
            found,
        });
    }
    let body: Body = serde_json::from_slice(&message.body)
        .map_err(|source| EnvelopeError::Body { kind: KIND, source })?;
    let named = || EnvelopeError::Missing { name: "definition" };
    let ask = match body.ask {
        AskWord::Start => ChildAsk::Start {
            definition: body.definition.ok_or_else(named)?.into(),
            version: body.version,
            input: body.input,
            pivot: body.pivot,
        },
        AskWord::Settle => ChildAsk::Settle {
            definition: body.definition.ok_or_else(named)?.into(),
            version: body.version,
        },
        AskWord::Compensate => ChildAsk::Compensate,
    };
    Ok(ChildEnvelope {
        child: body.child,
        parent: Parent {
            saga: body.parent.saga,
            key: body.parent.step,
            round: body.parent.round,
        },
        attempt: body.attempt,
        ask,
    })
}
