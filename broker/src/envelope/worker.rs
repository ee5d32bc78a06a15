//! `amends.worker.v1`: a worker process says that it lives, what it can do and what it is doing.
//!
//! Each announcement says everything, so one that is lost or comes late does no harm: the next one
//! makes up for it, and an older one is told by its number.

use bytes::Bytes;
use saga_core::ids::{ActionName, MessageId, Op, SagaId, StepKey, StepName};
use saga_core::input::Heartbeat;
use saga_core::operator::By;
use saga_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::EnvelopeError;
use crate::message::{Incoming, Outgoing, Properties};
use crate::topology::Topology;

/// AMQP `type` of an announcement.
pub const KIND: &str = "amends.worker.v1";

/// Commands listed in one announcement.
pub const RUNNING_MAX: usize = 512;

/// Bytes of a worker's id, name or build; a longer one is refused.
pub const TEXT_BYTES_MAX: usize = 256;

/// Bytes of who told a worker to drain, and why, together.
pub const BY_BYTES_MAX: usize = 2048;

/// What a worker process says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Announcement {
    /// Why now.
    pub announcement: Occasion,
    /// The id of this run of the process; replies carry it too.
    pub worker: String,
    /// Its number among this run's announcements; a later one counts.
    pub seq: u64,
    /// What people call the worker.
    pub name: String,
    /// Which build of the service it is.
    pub build: String,
    /// When this run began, by the worker's clock.
    pub started_at: Timestamp,
    /// What it can do.
    #[serde(default)]
    pub operations: Vec<OperationInfo>,
    /// What has been running for longer than a second, at most [`RUNNING_MAX`] commands.
    #[serde(default)]
    pub running: Vec<RunningInfo>,
    /// It takes nothing new and ends when what runs has ended; absent while it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining: Option<Draining>,
}

/// Since when and why a worker takes nothing new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Draining {
    /// Since when, by the worker's clock.
    pub since: Timestamp,
    /// Who told it to and why; absent where its process was told to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
}

/// Why a worker announces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// It has started, or is connected again.
    Hello,
    /// It is still there.
    Heartbeat,
    /// It has drained and ends.
    Goodbye,
}

/// One operation that a worker serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationInfo {
    /// The operation.
    pub operation: ActionName,
    /// What is asked of it: it is done, undone or settled.
    pub op: Op,
    /// Semantic version of the operation, where the service gives it one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Calls that may run at once.
    pub slots: u32,
    /// Calls that run now.
    #[serde(default)]
    pub busy: u32,
    /// Commands that it takes in one message. Whoever says nothing takes one.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub per_message: u32,
    /// Whether its circuit breaker lets calls through.
    #[serde(default)]
    pub breaker: BreakerState,
}

const fn one() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "skip_serializing_if passes a reference"
)]
const fn is_one(per_message: &u32) -> bool {
    *per_message == 1
}

/// Whether a circuit breaker lets calls through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Every call.
    #[default]
    Closed,
    /// A few, to find out whether they work again.
    HalfOpen,
    /// None.
    Open,
}

impl BreakerState {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// One command that a worker is executing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunningInfo {
    /// The saga that asked.
    pub saga: SagaId,
    /// The step of its definition.
    pub step: StepName,
    /// 0 outside `for_each`.
    #[serde(default)]
    pub element: u32,
    /// What was asked.
    pub op: Op,
    /// Which round of it.
    #[serde(default)]
    pub round: u32,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The operation.
    pub operation: ActionName,
    /// The command's message id.
    #[serde(with = "super::id_text")]
    #[schemars(with = "String")]
    pub command: MessageId,
    /// When the handler started, by the worker's clock.
    pub started_at: Timestamp,
    /// What the handler has last reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Value>,
}

impl RunningInfo {
    /// The same as what happened to its saga.
    #[must_use]
    pub fn heartbeat(&self, worker: &str) -> Heartbeat {
        Heartbeat {
            key: StepKey {
                step: self.step.clone(),
                element: self.element,
            },
            op: self.op,
            round: self.round,
            attempt: self.attempt,
            started_at: self.started_at,
            worker: Some(worker.to_owned()),
        }
    }
}

/// The message that carries an announcement.
#[must_use]
pub fn encode(topology: &Topology, announcement: &Announcement) -> Outgoing {
    Outgoing {
        properties: Properties {
            routing_key: topology.requests_queue(),
            message_id: format!("{}/{}", announcement.worker, announcement.seq),
            kind: KIND.to_owned(),
            ..Properties::default()
        },
        // Writing to memory cannot fail: every key is a string.
        body: Bytes::from(serde_json::to_vec(announcement).unwrap_or_default()),
    }
}

/// Reads an announcement.
///
/// # Errors
/// When the message is none, or says more than can be kept.
pub fn decode(message: &Incoming) -> Result<Announcement, EnvelopeError> {
    let found = &message.properties.kind;
    if found != KIND {
        return Err(EnvelopeError::Kind {
            wanted: KIND,
            found: found.clone(),
        });
    }
    let announcement: Announcement = serde_json::from_slice(&message.body)
        .map_err(|source| EnvelopeError::Body { kind: KIND, source })?;
    for (name, text) in [
        ("worker", &announcement.worker),
        ("name", &announcement.name),
        ("build", &announcement.build),
    ] {
        let is_missing = name == "worker" && text.is_empty();
        if is_missing || text.len() > TEXT_BYTES_MAX || text.contains('\0') {
            return Err(EnvelopeError::Text {
                name,
                bytes_max: TEXT_BYTES_MAX,
            });
        }
    }
    let by = announcement.draining.as_ref().and_then(|it| it.by.as_ref());
    if by.is_some_and(|by| by.who.len() + by.reason.len() > BY_BYTES_MAX) {
        return Err(EnvelopeError::Text {
            name: "draining",
            bytes_max: BY_BYTES_MAX,
        });
    }
    if announcement.running.len() > RUNNING_MAX {
        return Err(EnvelopeError::TooMany {
            name: "running",
            max: RUNNING_MAX,
        });
    }
    Ok(announcement)
}
