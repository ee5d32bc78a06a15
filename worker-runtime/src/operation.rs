//! How one operation is carried out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use broker::envelope::worker::OperationInfo;
use saga_core::delivery::Repeat;
use saga_core::ids::{ActionName, Op};
use tokio::sync::Notify;

use crate::handler::{Handler, TransactionalHandler};
use crate::limits::{BreakerSettings, Gate, RateLimit};
use crate::metrics::{LaneMetrics, Metrics};

/// A handler and the limits it runs under.
#[derive(Clone)]
pub struct Operation {
    pub(crate) execution: Execution,
    pub(crate) settings: OperationSettings,
    pub(crate) version: Option<String>,
}

#[derive(Clone)]
pub(crate) enum Execution {
    Outside(Arc<dyn Handler>),
    WithoutEffect(Arc<dyn Handler>),
    Transactional(Arc<dyn TransactionalHandler>),
}

impl Operation {
    /// An operation whose effect is outside the ledger's database.
    pub fn outside(handler: impl Handler + 'static, settings: OperationSettings) -> Self {
        Self {
            execution: Execution::Outside(Arc::new(handler)),
            settings,
            version: None,
        }
    }

    /// An operation that changes nothing, such as a look-up or a check. It needs no claim before the
    /// call, so it costs the ledger one write in place of two, and a call that was interrupted is
    /// simply repeated. Used as an undo it is treated as one with an effect outside.
    pub fn without_effect(handler: impl Handler + 'static, settings: OperationSettings) -> Self {
        Self {
            execution: Execution::WithoutEffect(Arc::new(handler)),
            settings,
            version: None,
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
            version: None,
        }
    }

    /// Gives the operation a semantic version, which the worker announces.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.execution {
            Execution::Outside(_) => "outside",
            Execution::WithoutEffect(_) => "without effect",
            Execution::Transactional(_) => "transactional",
        };
        f.debug_tuple("Operation")
            .field(&kind)
            .field(&self.settings)
            .finish()
    }
}

/// One queue's worth of work: an operation, and what is asked of it there.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) action: ActionName,
    pub(crate) op: Op,
    pub(crate) operation: Operation,
    pub(crate) gate: Arc<Gate>,
    pub(crate) metrics: LaneMetrics,
}

impl Lane {
    /// Settling is never held up: it mostly asks the ledger only, and what waits for it is a saga
    /// that does not know where it stands.
    pub(crate) fn new(
        action: ActionName,
        op: Op,
        operation: Operation,
        metrics: &Metrics,
        news: &Arc<Notify>,
    ) -> Self {
        let settings = operation.settings;
        let (breaker, rate) = match op {
            Op::Action | Op::Compensate => (settings.breaker, settings.rate),
            Op::Settle => (None, None),
        };
        let metrics = metrics.lane(&action, op, settings.concurrency.max(1));
        Self {
            gate: Arc::new(Gate::new(breaker, rate, Arc::clone(news))),
            action,
            op,
            operation,
            metrics,
        }
    }

    /// The operation as the worker announces it.
    pub(crate) fn info(&self) -> OperationInfo {
        OperationInfo {
            operation: self.action.clone(),
            op: self.op,
            version: self.operation.version.clone(),
            slots: self.operation.settings.concurrency.max(1).into(),
            busy: u32::try_from(self.metrics.busy.get()).unwrap_or(0),
            per_message: self.operation.settings.per_message.max(1).into(),
            breaker: *self.gate.state().borrow(),
        }
    }
}

/// The limits of one operation. Undoing and settling have queues and slots of their own.
#[derive(Debug, Clone, Copy)]
pub struct OperationSettings {
    /// Calls that run at once.
    pub concurrency: u16,
    /// Deliveries that wait in this process behind the running ones.
    pub backlog: u16,
    /// Commands that may come in one message when many are sent at once, which costs the broker
    /// much less than a message for each. They go to one worker, wait for each other's end before
    /// their message is acknowledged, and come again together: so this is for calls that take
    /// milliseconds. `concurrency` and `backlog` then count messages that are held, and calls that
    /// run.
    pub per_message: u16,
    /// The longest a call may take when its command does not say.
    pub start_to_close: Duration,
    /// What may be done with an outside call that was begun and whose end nobody recorded. A
    /// retry by the handler itself counts as such: its call may have had its effect.
    pub repeat: Repeat,
    /// When it is not called any more because it fails; `None` calls it whatever happens. An
    /// undo has a breaker of its own, settling has none.
    pub breaker: Option<BreakerSettings>,
    /// How often this process may call it. Undoing is counted apart, settling is not counted.
    pub rate: Option<RateLimit>,
}

impl Default for OperationSettings {
    fn default() -> Self {
        Self {
            concurrency: 16,
            backlog: 16,
            per_message: 1,
            start_to_close: Duration::from_secs(30),
            repeat: Repeat::Resolve,
            breaker: Some(BreakerSettings::default()),
            rate: None,
        }
    }
}
