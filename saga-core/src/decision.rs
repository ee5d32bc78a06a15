//! What follows from an input, as plain data for the engine to carry out.

use std::sync::Arc;
use std::time::Duration;

use semver::Version;
use serde_json::Value;

use crate::event::Event;
use crate::ids::{ActionName, Op, SagaId, StepKey};
use crate::input::Reply;
use crate::refusal::Refused;
use crate::saga::Saga;
use crate::time::Timestamp;
use crate::values::{InputDigest, ValueKey};

/// The verdict on one input.
#[derive(Debug, Clone)]
#[must_use = "an outcome that is not carried out loses the input"]
pub enum Outcome {
    /// It changes the saga.
    Applied(Box<Decision>),
    /// It changes nothing, for this reason.
    Ignored(Ignored),
    /// An operator asked for something that makes no sense now; the saga is as it was.
    Refused(Refused),
    /// It can only come from a bug; the saga is to be parked.
    Illegal(String),
    /// The decision reads values that are not at hand; load them and ask again.
    Needs(Vec<ValueKey>),
}

/// What became of one input among several.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "whoever sent the input may wait for an answer"]
pub enum Verdict {
    /// It changes the saga.
    Applied,
    /// It changes nothing, for this reason.
    Ignored(Ignored),
    /// An operator asked for something that makes no sense now.
    Refused(Refused),
    /// It can only come from a bug; the saga is parked with the same decision.
    Illegal(String),
}

/// What follows, in the order in which it must be honoured: all of it is stored in one transaction, and
/// only then is a command sent.
#[derive(Debug, Clone)]
#[must_use = "a decision that is not stored loses the input"]
pub struct Decision {
    /// The saga after the events; what [`evolve`](crate::evolve::evolve) makes of them.
    pub saga: Saga,
    /// What happened; at least one event.
    pub events: Vec<Event>,
    /// New values.
    pub values: Vec<(ValueKey, Arc<Value>)>,
    /// What to send to workers.
    pub commands: Vec<Command>,
    /// What to tell other sagas.
    pub notes: Vec<Note>,
    /// Outputs worth remembering for steps that fall back to the last good one.
    pub good: Vec<Good>,
    /// When the saga must be looked at again; `None` when nothing of it waits for a time.
    pub wake_at: Option<Timestamp>,
}

/// Why an input changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// It says what is already recorded.
    Duplicate,
    /// It answers an attempt that is over.
    StaleAttempt,
    /// It answers a round that is over.
    StaleRound,
    /// The worker kept the command from running because another has decided.
    Fenced,
    /// One late reply of this attempt is on record, and that is enough.
    LateAgain,
    /// No time has come.
    NotDue,
    /// The saga is over.
    Closed,
}

impl Ignored {
    /// The word in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::StaleAttempt => "stale_attempt",
            Self::StaleRound => "stale_round",
            Self::Fenced => "fenced",
            Self::LateAgain => "late_again",
            Self::NotDue => "not_due",
            Self::Closed => "closed",
        }
    }
}

/// Something that one saga tells another.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// Sequence number of the event that caused it; with the sender's id, the message id.
    pub seq: u64,
    /// What it says, and to whom.
    pub content: NoteContent,
}

/// What one saga tells another.
#[derive(Debug, Clone, PartialEq)]
pub enum NoteContent {
    /// A step asks its child saga for something.
    ToChild {
        /// The child.
        child: SagaId,
        /// Which step asks.
        key: StepKey,
        /// Which round of it.
        round: u32,
        /// Which attempt, from 1.
        attempt: u32,
        /// For what.
        ask: ChildAsk,
    },
    /// A child tells its parent what became of it, as a worker would.
    ToParent {
        /// The parent.
        parent: SagaId,
        /// The answer.
        reply: Reply,
    },
}

/// What a step asks of its child saga.
#[derive(Debug, Clone, PartialEq)]
pub enum ChildAsk {
    /// Run.
    Start {
        /// Name of its definition.
        definition: Arc<str>,
        /// Version; without one the highest usable.
        version: Option<Version>,
        /// What it is started with.
        input: Value,
        /// Whether the step is a point of no return, as a child with one must be.
        pivot: bool,
    },
    /// End without leaving anything behind, if that is still possible.
    Settle {
        /// Name of its definition, for a child that has not started yet.
        definition: Arc<str>,
        /// Version, where one is written.
        version: Option<Version>,
    },
    /// Undo, although it has completed.
    Compensate,
}

/// An output that a later failure of the same operation may fall back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Good {
    /// Of which operation.
    pub action: ActionName,
    /// For which input.
    pub input: InputDigest,
    /// Where the output is among the saga's values.
    pub key: StepKey,
}

/// One command to a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Sequence number of the event that caused it; with the saga's id, the message id.
    pub seq: u64,
    /// What to do.
    pub op: Op,
    /// With which piece of work.
    pub key: StepKey,
    /// Which round of it.
    pub round: u32,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The worker operation. For settling it is the action whose ledger is asked.
    pub action: ActionName,
    /// The operation's input.
    pub input: Value,
    /// For an undo: what the action was given and what it answered.
    pub undoes: Option<Undoes>,
    /// How long the handler may run.
    pub start_to_close: Option<Duration>,
    /// How long the handler may go without reporting progress.
    pub heartbeat: Option<Duration>,
    /// Not worth beginning after this.
    pub deadline: Option<Timestamp>,
    /// It is delayed on the dead-letter rung of this length.
    pub rung: Option<Duration>,
    /// It may share a message with others, because nothing like it was sent before. What is tried or
    /// sent again may be what brought down whoever had it, and would bring the others down with it.
    pub shares: bool,
    /// Higher first.
    pub priority: Option<u8>,
}

/// The action that a compensation undoes.
#[derive(Debug, Clone, PartialEq)]
pub struct Undoes {
    /// The action's round, which is not the undo's: its row of the ledger is found by it.
    pub round: u32,
    /// What the action was given.
    pub input: Value,
    /// What it answered.
    pub output: Arc<Value>,
}
