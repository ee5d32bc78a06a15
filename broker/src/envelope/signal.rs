//! `amends.signal.v1`: somebody outside tells a saga something.

use std::sync::Arc;

use bytes::Bytes;
use saga_core::ids::SagaId;
use saga_core::input::Signal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::EnvelopeError;
use crate::message::{Incoming, Outgoing, Properties};
use crate::topology::Topology;

/// AMQP `type` of a signal.
pub const KIND: &str = "amends.signal.v1";

/// A signal and which saga it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalEnvelope {
    /// Which saga.
    pub to: SignalTarget,
    /// What it is told.
    pub signal: Signal,
}

/// Which saga a signal is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalTarget {
    /// The saga with this id.
    Saga(SagaId),
    /// The saga that holds this business key.
    Key {
        /// Name of its definition.
        definition: String,
        /// The key.
        key: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Body {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    saga: Option<SagaId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    definition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    id: String,
    name: String,
    #[serde(default)]
    payload: Value,
}

/// The message that carries a signal. Its id is the signal's, so sending it twice is safe.
#[must_use]
pub fn encode(topology: &Topology, envelope: &SignalEnvelope) -> Outgoing {
    let signal = &envelope.signal;
    let (saga, definition, key) = match &envelope.to {
        SignalTarget::Saga(saga) => (Some(*saga), None, None),
        SignalTarget::Key { definition, key } => {
            (None, Some(definition.clone()), Some(key.clone()))
        }
    };
    let body = Body {
        saga,
        definition,
        key,
        id: signal.id.clone(),
        name: signal.name.to_string(),
        payload: (*signal.payload).clone(),
    };
    Outgoing {
        properties: Properties {
            routing_key: topology.requests_queue(),
            message_id: signal.id.clone(),
            kind: KIND.to_owned(),
            ..Properties::default()
        },
        // Writing JSON values to memory cannot fail: every key of theirs is a string.
        body: Bytes::from(serde_json::to_vec(&body).unwrap_or_default()),
    }
}

/// Reads a signal.
///
/// # Errors
/// When the message is none, or does not say which saga it is for.
pub fn decode(message: &Incoming) -> Result<SignalEnvelope, EnvelopeError> {
    if message.properties.kind != KIND {
        let found = message.properties.kind.clone();
        return Err(EnvelopeError::Kind {
            wanted: KIND,
            found,
        });
    }
    let body: Body = serde_json::from_slice(&message.body)
        .map_err(|source| EnvelopeError::Body { kind: KIND, source })?;
    let to = match (body.saga, body.definition, body.key) {
        (Some(saga), _, _) => SignalTarget::Saga(saga),
        (None, Some(definition), Some(key)) => SignalTarget::Key { definition, key },
        (None, _, _) => {
            let name = "saga, or definition and key";
            return Err(EnvelopeError::Missing { name });
        }
    };
    Ok(SignalEnvelope {
        to,
        signal: Signal {
            id: body.id,
            name: body.name.into(),
            payload: Arc::new(body.payload),
        },
    })
}
