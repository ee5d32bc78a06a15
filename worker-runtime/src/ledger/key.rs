//! What a row of the ledger is about, and who holds it.

use std::fmt;
use std::sync::Arc;

use broker::envelope::command::CommandEnvelope;
use broker::envelope::idempotency_key;
use saga_core::ids::{Op, SagaId, StepKey};
use uuid::Uuid;

/// Which of the two effects a piece of work can have. Settling has none: it asks about the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// It is done.
    Action,
    /// It is undone.
    Compensate,
}

impl Effect {
    /// The op that has this effect.
    #[must_use]
    pub const fn op(self) -> Op {
        match self {
            Self::Action => Op::Action,
            Self::Compensate => Op::Compensate,
        }
    }
}

/// The primary key of the ledger. Every attempt and every duplicate of one piece of work has the
/// same one; it is also the key that a call carries to the outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerKey {
    /// The saga.
    pub saga: SagaId,
    /// The step and its element.
    pub work: StepKey,
    /// Doing or undoing.
    pub effect: Effect,
    /// Rises only by a stored decision of the orchestrator.
    pub round: u32,
}

impl LedgerKey {
    /// The key that a command is about.
    #[must_use]
    pub fn of(command: &CommandEnvelope) -> Self {
        Self {
            saga: command.saga,
            work: command.key.clone(),
            effect: match command.op {
                Op::Action | Op::Settle => Effect::Action,
                Op::Compensate => Effect::Compensate,
            },
            round: command.round,
        }
    }

    /// The key of the action that this one undoes. Rounds of an undo are counted apart from those
    /// of its action.
    #[must_use]
    pub fn action(&self, round: u32) -> Self {
        Self {
            effect: Effect::Action,
            round,
            ..self.clone()
        }
    }
}

impl fmt::Display for LedgerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&idempotency_key(
            self.saga,
            &self.work,
            self.effect.op(),
            self.round,
        ))
    }
}

/// One run of one worker process. A restart is another worker, so that what the last run left
/// behind is seen as left behind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(Arc<str>);

impl WorkerId {
    /// The id of a new run of the worker with this name.
    #[must_use]
    pub fn new_run(name: &str) -> Self {
        Self(format!("{name}/{}", Uuid::now_v7()).into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
