//! What a handler is given.

use saga_core::decision::Undoes;
use saga_core::ids::{ActionName, Op, SagaId, StepName};
use saga_core::time::Timestamp;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::pulse::Pulse;

/// One call of a handler.
#[derive(Debug, Clone)]
pub struct Call {
    /// The saga that asks.
    pub saga: SagaId,
    /// The step of its definition.
    pub step: StepName,
    /// 0 outside `for_each`; counts from 1 inside it.
    pub element: u32,
    /// The operation.
    pub action: ActionName,
    /// Doing or undoing; in [`Handler::resolve`](crate::Handler::resolve) also settling.
    pub op: Op,
    /// Rises only by a decision of the orchestrator, after the round before is known to have had
    /// no effect.
    pub round: u32,
    /// From 1. A callee that can compare numbers may use it as a fencing token.
    pub attempt: u32,
    /// The same on every attempt. Hand it to whoever is called, so that a repetition can be told
    /// from a new request.
    pub idempotency_key: String,
    /// The operation's input.
    pub input: Value,
    /// For an undo: what the action was given and what it answered.
    pub undoes: Option<Undoes>,
    /// After this the orchestrator no longer waits for the step.
    pub deadline: Option<Timestamp>,
    /// Cancelled when the time is up or the process must stop. A handler that ignores it is
    /// dropped at its next await.
    pub cancellation: CancellationToken,
    /// Where [`heartbeat`](Self::heartbeat) leaves its signs of life.
    pub pulse: Pulse,
}

impl Call {
    /// Says that the handler works on, and how far it has come. A step with a `heartbeat` timeout
    /// ends its attempt when nothing is heard for that long. The worker tells the orchestrator from
    /// time to time; calling this often costs next to nothing.
    ///
    /// Progress is for people, and at most 1 KiB of JSON of it is kept.
    pub fn heartbeat(&self, progress: impl Into<Value>) {
        self.pulse.beat(progress.into());
    }
}
