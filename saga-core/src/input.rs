//! Everything that can happen to a saga.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{Op, SagaId, StepKey};
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
    /// Somebody outside tells the saga something.
    Signal(Signal),
    /// The saga that this one is a step of asks for something.
    Parent(ParentAsk),
    /// A command is neither with the broker nor with a worker.
    Missing(Missing),
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
    /// The saga that it is a step of.
    pub parent: Option<Parent>,
}

/// Something that somebody outside tells a saga.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// The sender's id for it: sent twice, it counts once. At most [`SIGNAL_ID_BYTES_MAX`].
    pub id: String,
    /// What a `wait_for` waits for.
    pub name: Arc<str>,
    /// What it says.
    pub payload: Arc<Value>,
}

/// Longest id of a signal, in bytes.
pub const SIGNAL_ID_BYTES_MAX: usize = 200;

/// Which step of which saga a saga is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parent {
    /// The parent.
    pub saga: SagaId,
    /// The step of it.
    pub key: StepKey,
    /// The round of that step.
    #[serde(default)]
    pub round: u32,
}

/// What a parent asks of a child that was asked to start before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentAsk {
    /// Who asks, for which step.
    pub parent: Parent,
    /// [`Op::Settle`]: end without leaving anything behind, if that is still possible, and say what
    /// became of it. [`Op::Compensate`]: undo it, although it has completed.
    pub op: Op,
    /// Which attempt of the parent's step this is.
    pub attempt: u32,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

/// A command that was sent and that nobody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which piece of work.
    pub key: StepKey,
    /// What was asked.
    pub op: Op,
    /// Which round of it.
    pub round: u32,
    /// Which attempt.
    pub attempt: u32,
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
    /// Sequence number of the event that sent the command, where that is known: a second letter of
    /// one command is not the death of its probe.
    pub command: Option<u64>,
    /// Why it was given up, for people.
    pub reason: String,
}
