//! How one operation is carried out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use saga_core::delivery::Repeat;
use saga_core::ids::{ActionName, Op};

use crate::handler::{Handler, TransactionalHandler};

/// A handler and the limits it runs under.
#[derive(Clone)]
pub struct Operation {
    pub(crate) execution: Execution,
    pub(crate) settings: OperationSettings,
}

#[derive(Clone)]
pub(crate) enum Execution {
    Outside(Arc<dyn Handler>),
    Transactional(Arc<dyn TransactionalHandler>),
}

impl Operation {
    /// An operation whose effect is outside the ledger's database.
    pub fn outside(handler: impl Handler + 'static, settings: OperationSettings) -> Self {
        Self {
            execution: Execution::Outside(Arc::new(handler)),
            settings,
        }
    }

    /// An operation whose effect commits together with its ledger row.
    pub fn transactional(
        handler: impl TransactionalHandler + 'static,
        settings: OperationSettings,
    ) -> Self {
        Self {
            execution: Execution::Transactional(Arc::new(handler)),
            settings,
        }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.execution {
            Execution::Outside(_) => "outside",
            Execution::Transactional(_) => "transactional",
        };
        f.debug_tuple("Operation")
            .field(&kind)
            .field(&self.settings)
            .finish()
    }
}

/// One queue's worth of work: an operation, and what is asked of it there.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) action: ActionName,
    pub(crate) op: Op,
    pub(crate) operation: Operation,
}

/// The limits of one operation. Undoing and settling have queues and slots of their own.
#[derive(Debug, Clone, Copy)]
pub struct OperationSettings {
    /// Calls that run at once.
    pub concurrency: u16,
    /// Deliveries that wait in this process behind the running ones.
    pub backlog: u16,
    /// The longest a call may take when its command does not say.
    pub start_to_close: Duration,
    /// What may be done with an outside call that was begun and whose end nobody recorded. A
    /// retry by the handler itself counts as such: its call may have had its effect.
    pub repeat: Repeat,
}

impl Default for OperationSettings {
    fn default() -> Self {
        Self {
            concurrency: 16,
            backlog: 16,
            start_to_close: Duration::from_secs(30),
            repeat: Repeat::Resolve,
        }
    }
}
