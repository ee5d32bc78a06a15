//! One input on its way to its saga, and who waits for it to be on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use broker::receipt::Receipt;
use saga_core::definition::Definition;
use saga_core::ids::SagaId;
use saga_core::input::Input;
use tokio::sync::{Mutex, oneshot};

use super::handle::{StartError, Started};
use super::operate::OperateError;
use crate::store::{Committed, StoredDeadLetter};

/// One input for one saga.
#[derive(Debug)]
pub struct Job {
    /// Which saga.
    pub saga: SagaId,
    /// What a new saga runs; of others, the store knows.
    pub definition: Option<Arc<Definition>>,
    /// What happened to it.
    pub input: Input,
    /// A message to keep for people in the same commit.
    pub letter: Option<StoredDeadLetter>,
    /// Who waits.
    pub done: Done,
}

/// Who waits for an input to be on disk.
#[derive(Debug)]
pub enum Done {
    /// Nobody.
    Nobody,
    /// A delivery that carried it.
    Delivery(Arc<Inflight>),
    /// Somebody who started a saga.
    Start(oneshot::Sender<Result<(Started, Committed), StartError>>),
    /// Somebody who asked something of the saga.
    Operator(oneshot::Sender<Result<Committed, OperateError>>),
    /// The timer that found the saga due: it is armed anew.
    Timer,
}

/// A delivery with several inputs. It is acknowledged when each of them has its proof; dropped
/// before that, it goes back to its queue.
#[derive(Debug)]
pub struct Inflight {
    remaining: AtomicUsize,
    receipt: Mutex<Option<Receipt>>,
}

impl Inflight {
    /// A delivery that carried `inputs` inputs, at least one.
    #[must_use]
    pub fn new(receipt: Receipt, inputs: usize) -> Arc<Self> {
        Arc::new(Self {
            remaining: AtomicUsize::new(inputs),
            receipt: Mutex::new(Some(receipt)),
        })
    }

    /// One of its inputs is on disk.
    pub(super) async fn settle(&self, proof: Committed) {
        if self.remaining.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(receipt) = self.receipt.lock().await.take()
        {
            failpoint::reached("orchestrator.before_ack");
            receipt.ack(&proof);
        }
    }
}
