//! What a service implements.

use std::time::Duration;

use async_trait::async_trait;
use saga_core::input::StepError;
use serde_json::Value;

use crate::call::Call;
use crate::ledger::LedgerTransaction;

/// An operation whose effect is outside this worker's database: a payment provider, a mail.
///
/// It may be called more than once for one piece of work, each time with the same
/// [`idempotency_key`](Call::idempotency_key); [`Repeat`](crate::Repeat) says when.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Does it.
    async fn run(&self, call: &Call) -> Answer;

    /// Finds out what became of an earlier call with this key that nobody recorded.
    async fn resolve(&self, call: &Call) -> Resolution {
        let _unasked = call;
        Resolution::Unknown
    }
}

/// An operation whose effect is rows in the ledger's database. The effect and the fact that it
/// happened are one commit, so it takes effect once.
#[async_trait]
pub trait TransactionalHandler: Send + Sync {
    /// Does it, through the transaction. It is committed only with [`Answer::Done`].
    async fn run(&self, call: &Call, transaction: &mut dyn LedgerTransaction) -> Answer;
}

/// What a handler says about a call.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Answer {
    /// It happened, with this output.
    Done(Value),
    /// It did not work this time; another attempt may. An outside call may have had its effect.
    Retry {
        /// Why.
        error: StepError,
        /// Not before this has passed; `None` leaves it to the step's retry policy.
        after: Option<Duration>,
    },
    /// It is refused for good. This certifies that there was no effect and will be none.
    Fail(StepError),
}

impl Answer {
    /// It did not work this time; the step's retry policy says when to try again.
    pub fn retry(code: &str, message: impl Into<String>) -> Self {
        Self::Retry {
            error: StepError::new(code, message),
            after: None,
        }
    }

    /// It is refused for good, without effect.
    pub fn fail(code: &str, message: impl Into<String>) -> Self {
        Self::Fail(StepError::new(code, message))
    }
}

/// What became of an outside call.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Resolution {
    /// It happened, with this output.
    Done(Value),
    /// It never happened, and a call that is still on its way will not make it happen.
    Never,
    /// Nobody can say.
    Unknown,
}
