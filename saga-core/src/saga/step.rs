//! What became of one piece of work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::StepStatus;
use crate::ids::Op;
use crate::input::StepError;
use crate::time::Timestamp;

/// What became of one piece of work.
#[derive(Debug, Clone, PartialEq)]
pub struct StepState {
    /// Where it stands.
    pub status: StepStatus,
    /// Attempt of what is under way or was last tried: the action, its settling or its undo.
    pub attempt: u32,
    /// Round of the action, and of settling it. It rises when a failed step is tried again.
    pub round: u32,
    /// Round of the undo. It rises when one that is certain to have had no effect is tried again.
    pub undo_round: u32,
    /// The undo failed, and it is certain that it had no effect.
    pub undo_refused: bool,
    /// Another output is in the place of what the step did not do.
    pub substituted: bool,
    /// Its fallback is done, or was.
    pub fallback: bool,
    /// A child saga left something that cannot be undone.
    pub residue: bool,
    /// How far a `for_each` step is; only the whole step has this.
    pub elements: Option<Elements>,
    /// One more than the last round that reported an effect after it was ruled out; 0 for none.
    pub alarmed: u32,
    /// The last error, unless it succeeded since. Apart, because most have none and every transition
    /// moves and copies the rest.
    pub error: Option<Box<StepError>>,
    /// The attempt whose late reply is on record; 0 when there was none.
    pub late: u32,
    /// The command that is under way; present exactly while the status is one in flight.
    pub work: Option<Work>,
}

/// How far a `for_each` step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Elements {
    /// How many there are.
    pub count: u32,
    /// How many were dispatched, from the first on.
    pub sent: u32,
    /// How many of those are over.
    pub over: u32,
}

/// A command that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Sequence number of the event that sent it.
    pub command: u64,
    /// When the first attempt of what is under way was scheduled.
    pub since: Timestamp,
    /// When this attempt was scheduled, or leaves its rung.
    pub sent_at: Timestamp,
    /// The attempt failed, or is the next one on a rung: it runs then.
    pub retry: Option<Retry>,
    /// A dead letter of this attempt has been sent again.
    pub probed: bool,
    /// A worker is known to execute this attempt since then.
    pub started: Option<Timestamp>,
    /// The attempt that the retry policy counts as its first.
    pub first: u32,
    /// Attempts have run out while the saga rested: it is settled when that goes on.
    pub spent: bool,
}

/// When the next attempt runs, and who wakes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Not before this.
    pub at: Timestamp,
    /// Its command has been sent already and rides a rung; no timer is needed.
    pub sent: bool,
}

impl StepState {
    /// It succeeded at its first attempt, and nothing else is to be said of it.
    #[must_use]
    pub const fn done() -> Self {
        Self {
            status: StepStatus::Succeeded,
            attempt: 1,
            round: 0,
            undo_round: 0,
            undo_refused: false,
            substituted: false,
            fallback: false,
            residue: false,
            elements: None,
            alarmed: 0,
            error: None,
            late: 0,
            work: None,
        }
    }

    /// A copy of the last error.
    #[must_use]
    pub fn last_error(&self) -> Option<StepError> {
        self.error.as_deref().cloned()
    }

    /// The round of one of its operations.
    #[must_use]
    pub const fn round_of(&self, op: Op) -> u32 {
        match op {
            Op::Action | Op::Settle => self.round,
            Op::Compensate => self.undo_round,
        }
    }
}
