//! Takes what people wrote or sent out of events and states, so that replaying the ones still
//! gives the others.
//!
//! Each text becomes a digest with a salt that nobody keeps: equal texts of one bundle stay equal,
//! and guessing what they were is no use. Names of definitions, steps, operations and workers, error
//! codes and times stay: without them there is nothing to look at.

use std::fmt::Write as _;

use saga_core::event::{EventKind, PauseCause, UnwindCause};
use saga_core::explain::Cause;
use saga_core::input::StepError;
use saga_core::operator::By;
use saga_core::saga::Saga;
use sha2::{Digest as _, Sha256};

use crate::explain::Explained;

/// Bytes of a digest that are shown.
const SHOWN_BYTES: usize = 6;

/// One way to redact, for one bundle.
pub(super) struct Redaction {
    salt: Vec<u8>,
}

impl Redaction {
    pub(super) fn new(salt: &[u8]) -> Self {
        Self {
            salt: salt.to_vec(),
        }
    }

    /// Short, and the same for the same text.
    pub(super) fn digest(&self, text: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.salt);
        hash.update(text.as_bytes());
        let digest = hash.finalize();
        digest[..SHOWN_BYTES]
            .iter()
            .fold(String::new(), |mut shown, byte| {
                let _infallible = write!(shown, "{byte:02x}");
                shown
            })
    }

    fn text(&self, text: &mut String) {
        *text = format!("redacted {}", self.digest(text));
    }

    fn error(&self, error: &mut StepError) {
        self.text(&mut error.message);
        error.details = None;
    }

    fn by(&self, by: &mut By) {
        self.text(&mut by.who);
        self.text(&mut by.reason);
    }

    fn pause(&self, cause: &mut PauseCause) {
        match cause {
            PauseCause::Parked(why) => self.text(why),
            PauseCause::Operator(by) => self.by(by),
            PauseCause::FailedAfterPivot(_)
            | PauseCause::StepFailed(_)
            | PauseCause::PivotUnknown(_)
            | PauseCause::MaxLifetime => {}
        }
    }

    fn unwind(&self, cause: &mut UnwindCause) {
        match cause {
            UnwindCause::Cancelled(by) => self.by(by),
            UnwindCause::StepFailed(_) | UnwindCause::Deadline | UnwindCause::Parent => {}
        }
    }

    /// Why it does not move, with its state.
    pub(super) fn explained(&self, explained: &mut Explained) {
        self.saga(&mut explained.saga);
        explained
            .causes
            .iter_mut()
            .for_each(|cause| self.cause(cause));
    }

    /// One cause, and the one that its child saga has.
    fn cause(&self, cause: &mut Cause) {
        match cause {
            Cause::Parked { why, .. } => self.text(why),
            Cause::Paused { by, .. } => self.by(by),
            Cause::StepFailed { error, .. }
            | Cause::RetriesExhaustedAfterPivot { error, .. }
            | Cause::OutcomeUnknown { error, .. }
            | Cause::CompensationFailed { error, .. }
            | Cause::BackingOff { error, .. } => {
                if let Some(error) = error {
                    self.error(error);
                }
            }
            Cause::WaitingForChild { because, .. } => {
                if let Some(because) = because {
                    self.cause(because);
                }
            }
            // Of a message that a worker gave up, it has what the worker said.
            Cause::DeadLettered { reason, .. } => {
                if let Some(reason) = reason {
                    self.text(reason);
                }
            }
            // What keeps a definition from compiling is in its text.
            Cause::DefinitionMissing { .. }
            | Cause::MaxLifetime { .. }
            | Cause::WaitingForSignal { .. }
            | Cause::WaitingForTimer { .. }
            | Cause::OutboxUnsent { .. }
            | Cause::NoWorkerForOperation { .. }
            | Cause::WaitingForWorker { .. }
            | Cause::WaitingInQueue { .. }
            | Cause::Dispatched { .. }
            | Cause::Executing { .. } => {}
        }
    }

    /// The state of a saga.
    fn saga(&self, saga: &mut Saga) {
        if let Some(key) = &mut saga.key {
            self.text(key);
        }
        saga.labels.values_mut().for_each(|label| self.text(label));
        if let Some(pause) = &mut saga.pause {
            self.pause(pause);
        }
        if let Some(unwind) = &mut saga.unwind {
            self.unwind(unwind);
        }
        for state in saga.steps.listed_mut() {
            if let Some(error) = &mut state.error {
                self.error(error);
            }
        }
        for signal in &mut saga.signals {
            self.text(&mut signal.id);
        }
    }

    /// Something that happened to it.
    pub(super) fn event(&self, kind: &mut EventKind) {
        match kind {
            EventKind::SagaStarted { key, labels, .. } => {
                if let Some(key) = key {
                    self.text(key);
                }
                labels.values_mut().for_each(|label| self.text(label));
            }
            EventKind::SignalReceived { id, .. } => self.text(id),
            EventKind::AttemptFailed { error, .. }
            | EventKind::StepFailed { error, .. }
            | EventKind::StepOutcomeUnknown { error, .. }
            | EventKind::UndoFailed { error, .. }
            | EventKind::StepSettling {
                error: Some(error), ..
            } => self.error(error),
            EventKind::CompensationStarted { cause } | EventKind::UnwindHeld { cause } => {
                self.unwind(cause);
            }
            EventKind::SagaPaused { cause } => self.pause(cause),
            EventKind::StepProbed { reason, .. }
            | EventKind::SagaCompleted {
                output_error: Some(reason),
            } => self.text(reason),
            EventKind::SagaResumed { by: Some(by), .. }
            | EventKind::SagaTerminated { by }
            | EventKind::CancelTooLate { by }
            | EventKind::StepRetried { by, .. }
            | EventKind::RetryHastened { by, .. }
            | EventKind::UndoRetried { by, .. }
            | EventKind::StepSkippedByOperator { by, .. }
            | EventKind::StepResolved { by, .. }
            | EventKind::SagaMoved { by, .. } => self.by(by),
            EventKind::StepSplit { .. }
            | EventKind::StepWaiting { .. }
            | EventKind::SignalTaken { .. }
            | EventKind::FallbackStarted { .. }
            | EventKind::LastGoodTaken { .. }
            | EventKind::ParentAsked { .. }
            | EventKind::SagaReopened
            | EventKind::StepScheduled { .. }
            | EventKind::StepSkipped { .. }
            | EventKind::StepSucceeded { .. }
            | EventKind::AttemptStarted { .. }
            | EventKind::StepSettling { error: None, .. }
            | EventKind::StepNeverHappened { .. }
            | EventKind::UndoScheduled { .. }
            | EventKind::StepCompensated { .. }
            | EventKind::CommandResent { .. }
            | EventKind::LateReply { .. }
            | EventKind::EffectAfterUndo { .. }
            | EventKind::DeadlinePassed
            | EventKind::SagaCompleted { output_error: None }
            | EventKind::SagaCompensated { .. }
            | EventKind::CompensationFailed
            | EventKind::SagaResumed { by: None, .. } => {}
        }
    }
}
