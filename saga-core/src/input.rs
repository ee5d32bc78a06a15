//! Everything that can happen to a saga.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{Op, StepKey};
use crate::operator::Operator;
use crate::time::Timestamp;

/// One thing that happened, to be judged by [`decide`](crate::decide::decide).
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Somebody started the saga.
    Start(Start),
    /// A worker answered a command.
    Reply(Reply),
    /// A time that the saga waits for may have come.
    Timer,
    /// The broker gave up on a command.
    DeadLetter(DeadLetter),
    /// An earlier input could not be applied, for this reason; the saga rests for an operator.
    Park(String),
    /// A worker is at it: the proof that a command was started.
    Heartbeat(Heartbeat),
    /// An operator asks for something.
    Operator(Operator),
}

/// The facts a saga starts with. The input has been accepted by the definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Business key; at most one open saga of a definition name has it.
    pub key: Option<String>,
    /// Labels given at the start.
    pub labels: BTreeMap<String, String>,
    /// The payload.
    pub input: Arc<Value>,
}

/// A worker's answer to one command.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Which piece of work.
    pub key: StepKey,
    /// What was asked.
    pub op: Op,
    /// Which round of it.
    pub round: u32,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The answer.
    pub outcome: ReplyOutcome,
    /// Who answered, for people.
    pub worker: Option<String>,
}

/// What a worker says about a command.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplyOutcome {
    /// It happened, with this output.
    Done(Arc<Value>),
    /// It did not happen and will not: certified to be without effect.
    Fail(StepError),
    /// This attempt failed; whether anything happened is not known.
    AttemptFailed {
        /// Why.
        error: StepError,
        /// The handler asks not to be called again before this has passed.
        retry_after: Option<Duration>,
    },
    /// The ledger kept this command from running; another has decided.
    Fenced,
    /// The command's deadline had passed before it began.
    Expired,
    /// Settling found that it never happened, and has made sure that it will not.
    NeverHappened,
    /// Settling could not find out.
    Unknown(StepError),
}

impl ReplyOutcome {
    /// The word on the wire and in events.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Fail(_) => "fail",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::Fenced => "fenced",
            Self::Expired => "expired",
            Self::NeverHappened => "never_happened",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// An error of a step, as a worker reported it or as the orchestrator concluded it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepError {
    /// For machines: `card_declined`, `timeout`.
    pub code: String,
    /// For people.
    pub message: String,
    /// Anything else the worker said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

impl StepError {
    /// An error without details.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            details: None,
        }
    }
}

/// A worker says that it is executing a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Which piece of work.
    pub key: StepKey,
    /// What was asked.
    pub op: Op,
    /// Which round of it.
    pub round: u32,
    /// Which attempt.
    pub attempt: u32,
    /// When the handler started, by the worker's clock.
    pub started_at: Timestamp,
    /// Who executes it, for people.
    pub worker: Option<String>,
}

/// A command that the broker or a worker could not handle.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// Which piece of work.
    pub key: StepKey,
    /// What was asked.
    pub op: Op,
    /// Which round of it.
    pub round: u32,
    /// Which attempt.
    pub attempt: u32,
    /// Why it was given up, for people.
    pub reason: String,
}
