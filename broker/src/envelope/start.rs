//! `amends.start.v1`: somebody asks for a saga by message.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::EnvelopeError;
use crate::message::{Incoming, Outgoing, Properties};
use crate::topology::Topology;

/// AMQP `type` of a start.
pub const KIND: &str = "amends.start.v1";

/// What is to be started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartMessage {
    /// Name of the definition.
    pub definition: String,
    /// Its version; without it the highest that is no pre-release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The payload.
    #[serde(default)]
    pub input: Value,
    /// Business key; starting twice with it is one saga.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The message that asks for it. Sent again under the same id, it asks for the same saga.
#[must_use]
pub fn encode(topology: &Topology, message_id: &str, start: &StartMessage) -> Outgoing {
    Outgoing {
        properties: Properties {
            routing_key: topology.requests_queue(),
            message_id: message_id.to_owned(),
            kind: KIND.to_owned(),
            ..Properties::default()
        },
        // Writing JSON values to memory cannot fail: every key of theirs is a string.
        body: serde_json::to_vec(start).unwrap_or_default().into(),
    }
}

/// Reads a start.
///
/// # Errors
/// When the message is none.
pub fn decode(message: &Incoming) -> Result<StartMessage, EnvelopeError> {
    let found = &message.properties.kind;
    if found != KIND {
        return Err(EnvelopeError::Kind {
            wanted: KIND,
            found: found.clone(),
        });
    }
    serde_json::from_slice(&message.body)
        .map_err(|source| EnvelopeError::Body { kind: KIND, source })
}
