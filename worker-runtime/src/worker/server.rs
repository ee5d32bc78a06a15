//! What a worker is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, BrokerError};
use broker::envelope::worker::TEXT_BYTES_MAX;
use broker::topology::Topology;
use saga_core::ids::{ActionName, BadActionName, Op};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::runner;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::observer::{MetricsError, Observer};
use crate::operation::{Lane, Operation};

/// How long running calls may take to end after a shutdown was asked for, unless told otherwise.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

/// Bytes of a worker's name. Its run's id is made of it, and the name of its queue of that, for which
/// AMQP has 255.
const NAME_BYTES_MAX: usize = 128;

/// A worker: operations, and the broker and the ledger they run with.
pub struct Worker {
    pub(super) name: String,
    pub(super) broker: Arc<dyn Broker>,
    pub(super) topology: Topology,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) drain_timeout: Duration,
    pub(super) build: String,
    pub(super) observer: Option<Observer>,
    pub(super) speaks_when_idle: bool,
    operations: Vec<(String, Op, Operation)>,
}

impl Worker {
    /// A worker without operations. The name is for people; each run gets an id of its own.
    #[must_use]
    pub fn new(
        name: &str,
        broker: Arc<dyn Broker>,
        topology: Topology,
        ledger: Arc<dyn Ledger>,
    ) -> Self {
        Self {
            name: bounded(name, NAME_BYTES_MAX),
            broker,
            topology,
            ledger,
            drain_timeout: DRAIN_TIMEOUT,
            build: env!("CARGO_PKG_VERSION").to_owned(),
            observer: None,
            speaks_when_idle: true,
            operations: Vec::new(),
        }
    }

    /// Serves an operation (`pool.operation`) as an action, and settles it.
    #[must_use]
    pub fn action(mut self, name: &str, operation: Operation) -> Self {
        self.operations
            .push((name.to_owned(), Op::Settle, operation.clone()));
        self.operations
            .push((name.to_owned(), Op::Action, operation));
        self
    }

    /// Serves an operation as the undo of others.
    #[must_use]
    pub fn undo(mut self, name: &str, operation: Operation) -> Self {
        self.operations
            .push((name.to_owned(), Op::Compensate, operation));
        self
    }

    /// How long running calls may take to end after a shutdown was asked for.
    #[must_use]
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Which build of the service this is; `env!("CARGO_PKG_VERSION")` is a good answer. It is
    /// announced, and dead letters are sorted by it. Without it, it is the version of this library.
    #[must_use]
    pub fn build(mut self, build: &str) -> Self {
        self.build = bounded(build, TEXT_BYTES_MAX);
        self
    }

    /// Lets the worker be seen through this observer.
    #[must_use]
    pub fn observed(mut self, observer: &Observer) -> Self {
        self.observer = Some(observer.clone());
        self
    }

    /// Says nothing while nothing runs, after it has said hello. Only for where nobody asks whether
    /// it lives: in a test that plays months, it would speak tens of thousands of times.
    #[must_use]
    pub const fn quiet_when_idle(mut self) -> Self {
        self.speaks_when_idle = false;
        self
    }

    /// Serves until `shutdown` is cancelled, or an operator has the worker drained; then takes nothing
    /// new, lets running calls end within the drain timeout, sends their answers and acknowledges
    /// them. What is not done by then goes back to its queue. The broker is left open: it may be
    /// shared.
    ///
    /// # Errors
    /// When an operation's name is wrong or given twice, or a queue cannot be declared or consumed.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), WorkerError> {
        Box::pin(runner::run(self, shutdown)).await
    }

    pub(super) fn lanes(
        &self,
        metrics: &Metrics,
        news: &Arc<Notify>,
    ) -> Result<Vec<Lane>, WorkerError> {
        let mut lanes: Vec<Lane> = Vec::with_capacity(self.operations.len());
        for (name, op, operation) in &self.operations {
            let action: ActionName = name.parse()?;
            if lanes
                .iter()
                .any(|lane| lane.action == action && lane.op == *op)
            {
                return Err(WorkerError::Twice { action, op: *op });
            }
            lanes.push(Lane::new(action, *op, operation.clone(), metrics, news));
        }
        Ok(lanes)
    }
}

/// The text as others take it: not too long, and without U+0000.
fn bounded(text: &str, bytes: usize) -> String {
    let mut text = text.replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(bytes));
    text
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("name", &self.name)
            .field("operations", &self.operations)
            .finish_non_exhaustive()
    }
}

/// Why a worker cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// An operation's name.
    #[error("register an operation")]
    Name(#[from] BadActionName),
    /// An operation was registered twice for the same purpose.
    #[error("{action} is registered twice for {op}")]
    Twice {
        /// The operation.
        action: ActionName,
        /// The purpose.
        op: Op,
    },
    /// The metrics.
    #[error("set up the worker's metrics")]
    Metrics(#[from] MetricsError),
    /// The broker.
    #[error("set up the worker's queues")]
    Broker(#[from] BrokerError),
}
