//! The facts that are stored. Replaying them reproduces the saga's state.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cause::{PauseCause, UnwindCause};
use crate::definition::DefinitionRef;
use crate::ids::{Op, StepKey, StepName};
use crate::input::{Parent, StepError};
use crate::operator::By;
use crate::time::Timestamp;

/// The schema version written with events. Readers accept this and every earlier one: 1 had one event
/// to a row, 2 has a list of those that were decided together.
pub const EVENT_SCHEMA: u16 = 2;

/// One stored fact of one saga.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Position in the saga's history, from 1 without gaps.
    pub seq: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// What happened. Every variant keeps its fields for ever: stored events must decode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    /// The saga exists.
    SagaStarted {
        /// What it runs.
        definition: DefinitionRef,
        /// Its business key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Its labels.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        labels: BTreeMap<String, String>,
        /// When the forward path must be done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
        /// When it must be over, or rest.
        lifetime_ends: Timestamp,
        /// The saga that it is a step of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Parent>,
    },
    /// A `for_each` step has as many elements; each is a piece of work of its own.
    StepSplit {
        /// Which.
        key: StepKey,
        /// How many.
        count: u32,
    },
    /// A step waits: for a signal, or for a time.
    StepWaiting {
        /// Which.
        key: StepKey,
        /// For which signal; without one it sleeps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<Arc<str>>,
        /// Until when at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Somebody outside told the saga something; the payload is among its values.
    SignalReceived {
        /// The sender's id for it.
        id: String,
        /// What a step would wait for.
        name: Arc<str>,
    },
    /// A waiting step took a signal; nobody else gets it.
    SignalTaken {
        /// Which step.
        key: StepKey,
        /// Which signal, counted from 1.
        signal: u32,
    },
    /// A step has failed for good, and its fallback is done instead.
    FallbackStarted {
        /// Which.
        key: StepKey,
        /// The new round.
        round: u32,
    },
    /// A step has failed for good, and the last good output takes its place.
    LastGoodTaken {
        /// Which.
        key: StepKey,
        /// When that output was recorded.
        recorded_at: Timestamp,
    },
    /// The parent asked something of this child saga; its answer is sent now or at the end.
    ParentAsked {
        /// [`Op::Settle`] or [`Op::Compensate`].
        op: Op,
        /// Attempt of the parent's step.
        attempt: u32,
    },
    /// The parent undoes this child saga, which had completed.
    SagaReopened,
    /// An attempt of a step's action was handed to the outbox.
    StepScheduled {
        /// Which.
        key: StepKey,
        /// From 1.
        attempt: u32,
        /// Rises only by a stored decision.
        #[serde(default, skip_serializing_if = "is_zero")]
        round: u32,
        /// It rides a dead-letter rung until then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Timestamp>,
    },
    /// `when` computed false.
    StepSkipped {
        /// Which.
        key: StepKey,
    },
    /// The action happened; its output is among the saga's values.
    StepSucceeded {
        /// Which.
        key: StepKey,
        /// The attempt that answered.
        attempt: u32,
        /// Who did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker: Option<String>,
    },
    /// A worker is executing an attempt. Recorded once for each, however often it says so.
    AttemptStarted {
        /// Which.
        key: StepKey,
        /// What is attempted.
        op: Op,
        /// Which attempt.
        attempt: u32,
        /// When the handler started; not before the attempt was sent, whatever the worker's clock.
        started_at: Timestamp,
        /// Who executes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker: Option<String>,
    },
    /// An attempt failed and another follows.
    AttemptFailed {
        /// Which.
        key: StepKey,
        /// What was attempted.
        op: Op,
        /// Which attempt.
        attempt: u32,
        /// Why.
        error: StepError,
        /// When the next attempt runs.
        retry_at: Timestamp,
        /// There is no next attempt: the saga rests, and the step is settled when it goes on.
        #[serde(default, skip_serializing_if = "is_false")]
        last: bool,
    },
    /// The step failed for good and without effect.
    StepFailed {
        /// Which.
        key: StepKey,
        /// Why.
        error: StepError,
        /// A child saga that was undone left something that cannot be undone.
        #[serde(default, skip_serializing_if = "is_false")]
        residue: bool,
    },
    /// The worker's ledger is asked what became of the action.
    StepSettling {
        /// Which.
        key: StepKey,
        /// Attempt of settling, from 1.
        attempt: u32,
        /// Why the outcome is in doubt, the first time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
        /// It rides a dead-letter rung until then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Timestamp>,
    },
    /// Settling found that the action never happened; it is fenced now.
    StepNeverHappened {
        /// Which.
        key: StepKey,
    },
    /// Nobody knows whether the action happened; an operator must say.
    StepOutcomeUnknown {
        /// Which.
        key: StepKey,
        /// What settling said.
        error: StepError,
    },
    /// The saga has failed and undoes what was done; what was not dispatched is skipped.
    CompensationStarted {
        /// Why.
        cause: UnwindCause,
    },
    /// A failure waits for a pivot in flight to be settled before anything is undone.
    UnwindHeld {
        /// Why the saga would unwind.
        cause: UnwindCause,
    },
    /// An attempt of a step's undo was handed to the outbox.
    UndoScheduled {
        /// Which.
        key: StepKey,
        /// From 1.
        attempt: u32,
        /// Rises only by a stored decision.
        #[serde(default, skip_serializing_if = "is_zero")]
        round: u32,
        /// It rides a dead-letter rung until then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Timestamp>,
    },
    /// The step is undone.
    StepCompensated {
        /// Which.
        key: StepKey,
        /// The attempt that answered.
        attempt: u32,
        /// A child saga that was undone left something that cannot be undone.
        #[serde(default, skip_serializing_if = "is_false")]
        residue: bool,
    },
    /// The undo failed for good; an operator must act.
    UndoFailed {
        /// Which.
        key: StepKey,
        /// Why.
        error: StepError,
        /// It is certain that it had no effect.
        #[serde(default, skip_serializing_if = "is_false")]
        certified: bool,
    },
    /// A command was dead-lettered and is sent once more as a probe.
    StepProbed {
        /// Which.
        key: StepKey,
        /// What was asked.
        op: Op,
        /// The attempt that is repeated.
        attempt: u32,
        /// Why the broker gave it up.
        reason: String,
        /// It rides a dead-letter rung until then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Timestamp>,
    },
    /// A command was neither with the broker nor with a worker, and is sent once more.
    CommandResent {
        /// Which.
        key: StepKey,
        /// What was asked.
        op: Op,
        /// The attempt that is repeated.
        attempt: u32,
    },
    /// A reply came too late to change anything and said something new.
    LateReply {
        /// Which.
        key: StepKey,
        /// What was asked.
        op: Op,
        /// Which attempt answered.
        attempt: u32,
        /// What it said.
        outcome: String,
    },
    /// Alarm: an action reported success after it was settled as never having happened.
    EffectAfterUndo {
        /// Which.
        key: StepKey,
        /// Which attempt answered.
        attempt: u32,
        /// Of which round.
        #[serde(default, skip_serializing_if = "is_zero")]
        round: u32,
    },
    /// The deadline passed after the pivot; the saga goes on.
    DeadlinePassed,
    /// The saga rests for an operator.
    SagaPaused {
        /// Why.
        cause: PauseCause,
    },
    /// Every step is done.
    SagaCompleted {
        /// The definition's `output` could not be computed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output_error: Option<String>,
    },
    /// Everything that could be undone is undone.
    SagaCompensated {
        /// Effects that were declared as not undoable and remain.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        residue: Vec<StepName>,
    },
    /// Something could not be undone; the saga rests for an operator.
    CompensationFailed,
    /// The saga goes on where it rested; its clock stood still meanwhile.
    SagaResumed {
        /// Who let it; nobody when a late answer mended why it rested.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
        /// It had lived too long and may live until then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lifetime_ends: Option<Timestamp>,
    },
    /// The saga goes on with another version of its definition. What it was started with stays:
    /// its key, its labels, its deadline and the end of its life.
    SagaMoved {
        /// What it runs now.
        to: DefinitionRef,
        /// Who moved it.
        by: By,
    },
    /// An operator ended the saga without undoing anything.
    SagaTerminated {
        /// Who.
        by: By,
    },
    /// The saga was to be cancelled, but its pivot had happened; it goes forward.
    CancelTooLate {
        /// Who cancelled it.
        by: By,
    },
    /// A failed step is tried again from its first attempt, under a new outside key.
    StepRetried {
        /// Which.
        key: StepKey,
        /// The new round.
        round: u32,
        /// Who asked for it.
        by: By,
    },
    /// The next attempt does not wait for its time.
    RetryHastened {
        /// Which.
        key: StepKey,
        /// What is attempted.
        op: Op,
        /// Who asked for it.
        by: By,
    },
    /// A failed undo is tried again.
    UndoRetried {
        /// Which.
        key: StepKey,
        /// A new one where the last is certain to have had no effect, otherwise the same.
        round: u32,
        /// Its next attempt.
        attempt: u32,
        /// Who asked for it.
        by: By,
    },
    /// The saga goes on without a failed step; what its dependents read is among the values.
    StepSkippedByOperator {
        /// Which.
        key: StepKey,
        /// Who skipped it.
        by: By,
    },
    /// An operator said what became of a step or of its undo.
    StepResolved {
        /// Which.
        key: StepKey,
        /// The action or its undo.
        op: Op,
        /// Whether it happened.
        happened: bool,
        /// Who said so.
        by: By,
    },
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
const fn is_zero(round: &u32) -> bool {
    *round == 0
}
