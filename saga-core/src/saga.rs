//! The control state of one saga.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::definition::DefinitionRef;
use crate::event::{PauseCause, UnwindCause};
use crate::ids::{Op, SagaId, StepKey, StepName};
use crate::input::StepError;
use crate::time::Timestamp;

/// One saga. A step that is not in [`steps`](Self::steps) has not been touched: it is pending.
#[derive(Debug, Clone, PartialEq)]
pub struct Saga {
    /// Its identity.
    pub id: SagaId,
    /// What it runs.
    pub definition: DefinitionRef,
    /// Sequence number of the last event; 0 before the start.
    pub version: u64,
    /// Where it stands.
    pub phase: Phase,
    /// It rests for an operator.
    pub pause: Option<PauseCause>,
    /// Since when it rests: its clock stands still.
    pub paused_at: Option<Timestamp>,
    /// Why it unwinds, or will once a pivot in flight is settled.
    pub unwind: Option<UnwindCause>,
    /// Business key.
    pub key: Option<String>,
    /// Labels given at the start.
    pub labels: BTreeMap<String, String>,
    /// When it started.
    pub started_at: Timestamp,
    /// When the forward path must be done.
    pub deadline: Option<Timestamp>,
    /// When it must be over, or rest.
    pub lifetime_ends: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What became of its steps so far.
    pub steps: BTreeMap<StepKey, StepState>,
}

/// Where a saga stands. Whether it rests for an operator is told apart by [`Saga::pause`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Going forward.
    Running,
    /// Undoing.
    Compensating,
    /// Every step is done.
    Completed,
    /// Everything undoable is undone; these effects were declared as not undoable.
    Compensated {
        /// Steps whose effect remains.
        residue: Vec<StepName>,
    },
    /// Something could not be undone; it rests for an operator.
    CompensationFailed,
    /// An operator ended it without undoing anything.
    Terminated,
}

impl Phase {
    /// Whether nothing more can happen.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        match self {
            Self::Completed | Self::Compensated { .. } | Self::Terminated => true,
            Self::Running | Self::Compensating | Self::CompensationFailed => false,
        }
    }
}

/// What people call the state of a saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Going forward.
    Running,
    /// Resting for an operator.
    Paused,
    /// Undoing.
    Compensating,
    /// Every step is done.
    Completed,
    /// Everything undoable is undone.
    Compensated,
    /// Something could not be undone.
    CompensationFailed,
    /// Ended by an operator without undo.
    Terminated,
}

impl Status {
    /// Every status, in the order in which people read them.
    pub const ALL: [Self; 7] = [
        Self::Running,
        Self::Paused,
        Self::Compensating,
        Self::Completed,
        Self::Compensated,
        Self::CompensationFailed,
        Self::Terminated,
    ];

    /// The word in tables, on the wire and on the screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::CompensationFailed => "compensation_failed",
            Self::Terminated => "terminated",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::as_str).join(", ");
                format!("`{text}` is not a status; it is one of {known}")
            })
    }
}

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
    /// An operator put an output in the place of what the step did not do.
    pub substituted: bool,
    /// One more than the last round that reported an effect after it was ruled out; 0 for none.
    pub alarmed: u32,
    /// The last error, unless it succeeded since.
    pub error: Option<StepError>,
    /// The attempt whose late reply is on record; 0 when there was none.
    pub late: u32,
    /// The command that is under way; present exactly while the status is one in flight.
    pub work: Option<Work>,
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

/// Where one piece of work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not dispatched.
    Pending,
    /// Its action is with the workers.
    Scheduled,
    /// An attempt failed; the next waits for its time.
    BackingOff,
    /// It happened.
    Succeeded,
    /// It failed for good, without effect.
    Failed,
    /// It was not needed.
    Skipped,
    /// The ledger is asked what became of it.
    Settling,
    /// Nobody knows whether it happened.
    OutcomeUnknown,
    /// Its undo is under way.
    Compensating,
    /// It is undone.
    Compensated,
    /// Its undo failed for good.
    CompensationFailed,
    /// It never happened and cannot happen any more.
    NeverHappened,
}

impl StepState {
    /// The round of one of its operations.
    #[must_use]
    pub const fn round_of(&self, op: Op) -> u32 {
        match op {
            Op::Action | Op::Settle => self.round,
            Op::Compensate => self.undo_round,
        }
    }
}

impl StepStatus {
    /// The word in tables, on the wire and on the screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduled => "scheduled",
            Self::BackingOff => "backing_off",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Settling => "settling",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Compensating => "compensating",
            Self::Compensated => "compensated",
            Self::CompensationFailed => "compensation_failed",
            Self::NeverHappened => "never_happened",
        }
    }

    /// Whether a command for it may be with the workers.
    #[must_use]
    pub const fn is_in_flight(self) -> bool {
        match self {
            Self::Scheduled | Self::BackingOff | Self::Settling | Self::Compensating => true,
            Self::Pending
            | Self::Succeeded
            | Self::Failed
            | Self::Skipped
            | Self::OutcomeUnknown
            | Self::Compensated
            | Self::CompensationFailed
            | Self::NeverHappened => false,
        }
    }
}

impl Saga {
    /// A saga before its first event.
    #[must_use]
    pub const fn new(id: SagaId, definition: DefinitionRef) -> Self {
        Self {
            id,
            definition,
            version: 0,
            phase: Phase::Running,
            pause: None,
            paused_at: None,
            unwind: None,
            key: None,
            labels: BTreeMap::new(),
            started_at: Timestamp::from_micros(0),
            deadline: None,
            lifetime_ends: Timestamp::from_micros(i64::MAX),
            ended_at: None,
            steps: BTreeMap::new(),
        }
    }

    /// The state in one word.
    #[must_use]
    pub const fn status(&self) -> Status {
        match (&self.phase, &self.pause) {
            (Phase::Running | Phase::Compensating, Some(_)) => Status::Paused,
            (Phase::Running, None) => Status::Running,
            (Phase::Compensating, None) => Status::Compensating,
            (Phase::Completed, _) => Status::Completed,
            (Phase::Compensated { .. }, _) => Status::Compensated,
            (Phase::CompensationFailed, _) => Status::CompensationFailed,
            (Phase::Terminated, _) => Status::Terminated,
        }
    }

    /// Where a piece of work stands. What was not dispatched before the saga turned back is
    /// skipped.
    #[must_use]
    pub fn step_status(&self, key: &StepKey) -> StepStatus {
        let untouched = match self.phase {
            Phase::Running | Phase::Completed => StepStatus::Pending,
            Phase::Compensating
            | Phase::Compensated { .. }
            | Phase::CompensationFailed
            | Phase::Terminated => StepStatus::Skipped,
        };
        match self.steps.get(key).map(|state| state.status) {
            None | Some(StepStatus::Pending) => untouched,
            Some(status) => status,
        }
    }
}
