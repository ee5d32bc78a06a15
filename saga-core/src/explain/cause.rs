//! The closed list of causes, each with its evidence and the command that would mend it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::definition::DefinitionRef;
use crate::ids::{ActionName, Op, SagaId, StepKey};
use crate::input::StepError;
use crate::operator::By;
use crate::saga::Status;
use crate::time::Timestamp;

/// One reason why a saga is not further. Displayed, it is a sentence fragment for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// An input could not be applied.
    Parked {
        /// Why not.
        why: String,
        /// The dead letter that keeps the input.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        letter: Option<Uuid>,
    },
    /// What it runs cannot be had, so nothing can be decided.
    DefinitionMissing {
        /// Which definition.
        definition: DefinitionRef,
        /// Why it cannot be had.
        why: String,
    },
    /// An operator paused it.
    Paused {
        /// Who, and why.
        by: By,
        /// Since when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// It lived longer than its definition allows.
    MaxLifetime {
        /// When it should have been over.
        ended: Timestamp,
    },
    /// A step failed, and the saga rests instead of turning back.
    StepFailed {
        /// Which.
        step: StepKey,
        /// Its last error.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
    /// A step after the point of no return failed for good.
    RetriesExhaustedAfterPivot {
        /// Which.
        step: StepKey,
        /// Its last error.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
    /// Nobody knows whether a step happened.
    OutcomeUnknown {
        /// Which.
        step: StepKey,
        /// The key under which the outside world was asked; look there.
        outside_key: String,
        /// What settling said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
    /// A step could not be undone.
    CompensationFailed {
        /// Which.
        step: StepKey,
        /// The key under which the outside world was asked.
        outside_key: String,
        /// The undo's last error.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
    /// An attempt failed and the next waits for its time.
    BackingOff {
        /// Which step.
        step: StepKey,
        /// What of it.
        op: Op,
        /// The attempt that failed last.
        attempt: u32,
        /// Attempts in all; 0 means no limit.
        maximum_attempts: u32,
        /// When the next runs.
        until: Timestamp,
        /// Why the last failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
        /// The next attempt rides a dead-letter rung, where nobody can hasten it.
        on_rung: bool,
    },
    /// A step waits for somebody outside.
    WaitingForSignal {
        /// Which step.
        step: StepKey,
        /// For which signal.
        signal: String,
        /// Since when.
        since: Timestamp,
        /// Until when at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A step sleeps.
    WaitingForTimer {
        /// Which step.
        step: StepKey,
        /// Since when.
        since: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// A step waits for the saga that it runs, settles or undoes; ask that one why.
    WaitingForChild {
        /// Which step.
        step: StepKey,
        /// The child saga.
        child: SagaId,
        /// What of it.
        op: Op,
        /// Since when.
        since: Timestamp,
        /// Where the child stands; absent when there is none yet, or nobody looked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        child_status: Option<Status>,
        /// The child's own first cause.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<Box<Self>>,
    },
    /// A command is stored, and the broker has not confirmed that it has it.
    OutboxUnsent {
        /// Which step.
        step: StepKey,
        /// What of it.
        op: Op,
        /// Which attempt.
        attempt: u32,
        /// When it was sent.
        since: Timestamp,
        /// The worker operation.
        operation: ActionName,
        /// When it was written.
        written: Timestamp,
    },
    /// Nobody consumes the queue, and no worker has said lately that it serves the operation.
    NoWorkerForOperation {
        /// Which step.
        step: StepKey,
        /// What of it.
        op: Op,
        /// Which attempt.
        attempt: u32,
        /// When it was sent.
        since: Timestamp,
        /// The worker operation.
        operation: ActionName,
        /// Where it waits.
        queue: String,
    },
    /// Nobody consumes the queue.
    WaitingForWorker {
        /// Which step.
        step: StepKey,
        /// What of it.
        op: Op,
        /// Which attempt.
        attempt: u32,
        /// When it was sent.
        since: Timestamp,
        /// The worker operation.
        operation: ActionName,
        /// Where it waits.
        queue: String,
        /// Workers that are there and have stopped consuming, because their breaker is open.
        #[serde(default, skip_serializing_if = "is_zero")]
        stopped: u32,
        /// The worker that served it last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_worker: Option<String>,
        /// When that was last heard of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_heard: Option<Timestamp>,
    },
    /// The broker gave its command up; it is sent once more as a probe, or lies among the letters.
    DeadLettered {
        /// Which step.
        step: StepKey,
        /// What of it.
        op: Op,
        /// Which attempt.
        attempt: u32,
        /// When it was sent.
        since: Timestamp,
        /// The worker operation.
        operation: ActionName,
        /// The letter, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        letter: Option<Uuid>,
        /// Why the broker gave it up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Workers consume its queue, and others are before it.
    WaitingInQueue {
        /// Which step.
        step: StepKey,
        /// What of it.
        op: Op,
        /// Which attempt.
        attempt: u32,
        /// When it was sent.
        since: Timestamp,
        /// The worker operation.
        operation: ActionName,
        /// Where it waits.
        queue: String,
        /// Messages that wait there.
        messages: u32,
        /// Consumers of it.
        consumers: u32,
    },
    /// A command was sent, and more cannot be seen.
    Dispatched {
        /// Which step.
        step: StepKey,
        /// What of it.
        op: Op,
        /// Which attempt.
        attempt: u32,
        /// When it was sent.
        since: Timestamp,
        /// The worker operation.
        operation: ActionName,
        /// Its sequence number: with the saga's id, the message id.
        command: u64,
        /// Its queue, when that was looked at and is empty: a worker has it, or it is lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        empty_queue: Option<String>,
    },
    /// A worker has said that it is at it.
    Executing {
        /// Which step.
        step: StepKey,
        /// What of it.
        op: Op,
        /// Which attempt.
        attempt: u32,
        /// When the handler started.
        since: Timestamp,
        /// The worker, where one reports it now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker: Option<String>,
        /// The workers were asked, and none that is there reports it any more.
        #[serde(default, skip_serializing_if = "is_false")]
        unheard: bool,
    },
}

impl Cause {
    /// Every word that [`as_str`](Self::as_str) gives.
    pub const WORDS: [&str; 19] = [
        "parked",
        "definition_missing",
        "paused",
        "max_lifetime",
        "step_failed",
        "retries_exhausted_after_pivot",
        "outcome_unknown",
        "compensation_failed",
        "backing_off",
        "waiting_for_signal",
        "waiting_for_timer",
        "waiting_for_child",
        "outbox_unsent",
        "no_worker_for_operation",
        "waiting_for_worker",
        "dead_lettered",
        "waiting_in_queue",
        "dispatched",
        "executing",
    ];

    /// The word in tables, on the wire and on the screen.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Parked { .. } => "parked",
            Self::Paused { .. } => "paused",
            Self::MaxLifetime { .. } => "max_lifetime",
            Self::StepFailed { .. } => "step_failed",
            Self::RetriesExhaustedAfterPivot { .. } => "retries_exhausted_after_pivot",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::CompensationFailed { .. } => "compensation_failed",
            Self::BackingOff { .. } => "backing_off",
            Self::WaitingForSignal { .. } => "waiting_for_signal",
            Self::WaitingForTimer { .. } => "waiting_for_timer",
            Self::WaitingForChild { .. } => "waiting_for_child",
            Self::DefinitionMissing { .. } => "definition_missing",
            Self::OutboxUnsent { .. } => "outbox_unsent",
            Self::NoWorkerForOperation { .. } => "no_worker_for_operation",
            Self::WaitingForWorker { .. } => "waiting_for_worker",
            Self::DeadLettered { .. } => "dead_lettered",
            Self::WaitingInQueue { .. } => "waiting_in_queue",
            Self::Dispatched { .. } => "dispatched",
            Self::Executing { .. } => "executing",
        }
    }

    /// Whether the saga stands still until somebody does something.
    #[must_use]
    pub const fn needs_operator(&self) -> bool {
        match self {
            Self::Parked { .. }
            | Self::DefinitionMissing { .. }
            | Self::Paused { .. }
            | Self::MaxLifetime { .. }
            | Self::StepFailed { .. }
            | Self::RetriesExhaustedAfterPivot { .. }
            | Self::OutcomeUnknown { .. }
            | Self::CompensationFailed { .. } => true,
            Self::BackingOff { .. }
            | Self::WaitingForSignal { .. }
            | Self::WaitingForTimer { .. }
            | Self::WaitingForChild { .. }
            | Self::OutboxUnsent { .. }
            | Self::NoWorkerForOperation { .. }
            | Self::WaitingForWorker { .. }
            | Self::DeadLettered { .. }
            | Self::WaitingInQueue { .. }
            | Self::Dispatched { .. }
            | Self::Executing { .. } => false,
        }
    }

    /// The step that it is about, unless it is about the saga as a whole.
    #[must_use]
    pub const fn step(&self) -> Option<&StepKey> {
        match self {
            Self::Parked { .. }
            | Self::DefinitionMissing { .. }
            | Self::Paused { .. }
            | Self::MaxLifetime { .. } => None,
            Self::StepFailed { step, .. }
            | Self::RetriesExhaustedAfterPivot { step, .. }
            | Self::OutcomeUnknown { step, .. }
            | Self::CompensationFailed { step, .. }
            | Self::BackingOff { step, .. }
            | Self::WaitingForSignal { step, .. }
            | Self::WaitingForTimer { step, .. }
            | Self::WaitingForChild { step, .. }
            | Self::OutboxUnsent { step, .. }
            | Self::NoWorkerForOperation { step, .. }
            | Self::WaitingForWorker { step, .. }
            | Self::DeadLettered { step, .. }
            | Self::WaitingInQueue { step, .. }
            | Self::Dispatched { step, .. }
            | Self::Executing { step, .. } => Some(step),
        }
    }
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
const fn is_zero(number: &u32) -> bool {
    *number == 0
}
