//! An operator's verb on its way in, and the answer on its way out.

use saga_core::decision::{Ignored, Verdict};
use saga_core::ids::SagaId;
use saga_core::input::{Input, Signal};
use saga_core::operator::Operator;
use saga_core::refusal::Refused;
use tokio::sync::oneshot;

use super::handle::Engine;
use super::job::{Done, Job};
use crate::store::Committed;

/// Why an operator's verb did not happen. The saga is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// There is no such saga.
    #[error("there is no saga {0}")]
    NoSaga(SagaId),
    /// It makes no sense now.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What was judged a moment ago is not so any more.
    #[error("saga {0} has moved on meanwhile")]
    MovedOn(SagaId),
    /// The store cannot hold what was said.
    #[error("what was said cannot be stored: {0}")]
    Unstorable(String),
    /// The orchestrator is shutting down, or gave the request up; look at the saga before
    /// repeating it.
    #[error("the orchestrator is shutting down; look at the saga and ask again")]
    ShuttingDown,
}

impl Engine {
    /// Asks something of a saga and waits until it is on disk, or refused on the stored state.
    ///
    /// # Errors
    /// Why it did not happen.
    pub async fn operate(
        &self,
        saga: SagaId,
        operator: Operator,
    ) -> Result<Committed, OperateError> {
        self.ask(saga, Input::Operator(operator)).await
    }

    /// Tells a saga something, once for each id of a signal, and waits until it is on disk.
    ///
    /// # Errors
    /// Why the saga does not take it.
    pub async fn signal(&self, saga: SagaId, signal: Signal) -> Result<Committed, OperateError> {
        self.ask(saga, Input::Signal(signal)).await
    }

    /// Hands a saga what a dead letter means for it, and waits until it is on disk.
    ///
    /// # Errors
    /// Why the saga has no use for it.
    pub async fn replay(&self, saga: SagaId, input: Input) -> Result<Committed, OperateError> {
        self.ask(saga, input).await
    }

    async fn ask(&self, saga: SagaId, input: Input) -> Result<Committed, OperateError> {
        let (tell, told) = oneshot::channel();
        self.submit(Job {
            saga,
            definition: None,
            input,
            letter: None,
            done: Done::Operator(tell),
        })
        .await;
        told.await.unwrap_or(Err(OperateError::ShuttingDown))
    }
}

/// What to tell an operator; without a verdict there was no saga to judge.
pub(super) fn answer(
    saga: SagaId,
    verdict: Option<&Verdict>,
    proof: Committed,
) -> Result<Committed, OperateError> {
    match verdict {
        Some(Verdict::Ignored(Ignored::StaleAttempt)) => Err(OperateError::MovedOn(saga)),
        Some(Verdict::Applied | Verdict::Ignored(_)) => Ok(proof),
        Some(Verdict::Refused(reason)) => Err(reason.clone().into()),
        Some(Verdict::Illegal(_)) | None => Err(OperateError::NoSaga(saga)),
    }
}
