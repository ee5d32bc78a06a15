//! The control state of one saga.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::status::{Phase, Status, StepStatus};
use super::step::Elements;
use super::steps::Steps;
use crate::definition::DefinitionRef;
use crate::event::{PauseCause, UnwindCause};
use crate::ids::{Op, SagaId, StepKey, StepName};
use crate::input::Parent;
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
    pub steps: Steps,
    /// What it was told, in the order in which it came.
    pub signals: Vec<SignalState>,
    /// The saga that it is a step of.
    pub parent: Option<ParentState>,
}

/// A signal that a saga has got. Its payload is among the values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalState {
    /// The sender's id for it.
    pub id: String,
    /// What a step waits for.
    pub name: Arc<str>,
    /// A step took it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken: bool,
}

/// Most signals of one saga.
pub const SIGNALS_MAX: usize = 1000;

/// The saga that a saga is a step of, and what that asked last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentState {
    /// Which step of which saga.
    #[serde(rename = "of")]
    pub parent: Parent,
    /// What it asked last: to run, to settle or to undo. The end is told as the answer to that.
    pub asked: Op,
    /// At which attempt.
    pub attempt: u32,
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
            steps: Steps::new(),
            signals: Vec::new(),
            parent: None,
        }
    }

    /// How far a `for_each` step is; `None` for other steps and before it is dispatched.
    #[must_use]
    pub fn elements(&self, step: &StepName) -> Option<Elements> {
        self.steps.get(&StepKey::whole(step.clone()))?.elements
    }

    /// The pieces of work of a step: its elements, or the step itself.
    pub fn pieces(&self, step: &StepName) -> impl DoubleEndedIterator<Item = StepKey> + use<> {
        let range = match self.elements(step) {
            Some(elements) => 1..=elements.count,
            None => 0..=0,
        };
        let step = step.clone();
        range.map(move |element| StepKey {
            step: step.clone(),
            element,
        })
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
