//! The control state of a saga as one document: what its row says, for people and for comparing.

use saga_core::saga::{Saga, Status};
use saga_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::saga::encode_state;

/// The row of a saga. Two of them are equal exactly when the states are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Sequence number of the last event.
    pub version: u64,
    /// State in one word.
    pub status: Status,
    /// Business key.
    pub key: Option<String>,
    /// Labels, as a JSON object.
    pub labels: Value,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The rest, in the form in which it is stored.
    pub state: Value,
}

/// The row of a saga as a document.
///
/// # Errors
/// When the state is no JSON, which is a bug.
pub fn snapshot(saga: &Saga) -> Result<Snapshot, serde_json::Error> {
    Ok(Snapshot {
        version: saga.version,
        status: saga.status(),
        key: saga.key.clone(),
        labels: serde_json::to_value(&saga.labels)?,
        started_at: saga.started_at,
        ended_at: saga.ended_at,
        state: serde_json::from_str(&encode_state(saga)?)?,
    })
}
