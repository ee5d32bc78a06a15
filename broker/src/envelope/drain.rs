//! `amends.drain.v1`: a worker process is told to take nothing new, finish what it has, and end.
//!
//! It goes to the queue that this run of the worker alone reads. Nobody keeps it: a worker that has
//! heard it says so with its next announcement, and one that has not can be told again.

use bytes::Bytes;
use saga_core::operator::By;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::EnvelopeError;
use crate::message::{Incoming, Outgoing, Properties};
use crate::topology::Topology;

/// AMQP `type` of the message.
pub const KIND: &str = "amends.drain.v1";

/// Who told a worker to end, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// The id of the run that is meant.
    pub worker: String,
    /// Who, and why.
    pub by: By,
}

/// The message that tells it.
#[must_use]
pub fn encode(topology: &Topology, id: Uuid, drain: &Drain) -> Outgoing {
    Outgoing {
        properties: Properties {
            routing_key: topology.worker_queue(&drain.worker),
            message_id: id.to_string(),
            kind: KIND.to_owned(),
            ..Properties::default()
        },
        // Writing to memory cannot fail: every key is a string.
        body: Bytes::from(serde_json::to_vec(drain).unwrap_or_default()),
    }
}

/// Reads it.
///
/// # Errors
/// When the message is none.
pub fn decode(message: &Incoming) -> Result<Drain, EnvelopeError> {
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
