//! What a process can tell about its worker: whether it serves, and its metrics.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use broker::broker::Health;
use broker::envelope::worker::BreakerState;
use tokio::sync::watch;

use crate::ledger::LedgerError;
use crate::metrics::Metrics;
use crate::operation::Lane;

/// A view of a worker from outside. Make one, hand a clone to
/// [`Worker::observed`](crate::Worker::observed), and ask the other from wherever the process
/// answers its health and metrics.
#[derive(Debug, Clone)]
pub struct Observer {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) view: Arc<View>,
}

/// What is looked at.
#[derive(Debug, Default)]
pub(crate) struct View {
    serving: AtomicBool,
    ledger_fails: AtomicBool,
    parts: Mutex<Option<Parts>>,
}

#[derive(Debug)]
struct Parts {
    broker: watch::Receiver<Health>,
    lanes: Vec<Arc<Lane>>,
}

/// Why metrics cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("declare or write the worker's metrics")]
pub struct MetricsError(#[from] prometheus::Error);

/// Whether a worker can do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerHealth {
    /// It takes commands: it has started and was not told to stop.
    pub is_serving: bool,
    /// The broker is connected and takes messages.
    pub is_broker_connected: bool,
    /// The ledger's last operation worked.
    pub is_ledger_well: bool,
    /// Queues whose operation is not called for now, as `operation/op`.
    pub open_breakers: Vec<String>,
}

impl WorkerHealth {
    /// Whether all of it is well. An open breaker is the worker doing its duty, and does not count.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.is_serving && self.is_broker_connected && self.is_ledger_well
    }
}

impl Observer {
    /// An observer of a worker that has not started.
    ///
    /// # Errors
    /// When the metrics clash, which none of this version's do.
    pub fn new() -> Result<Self, MetricsError> {
        Ok(Self {
            metrics: Metrics::new()?,
            view: Arc::default(),
        })
    }

    /// Whether the worker can do its work.
    #[must_use]
    pub fn health(&self) -> WorkerHealth {
        let parts = self.view.parts.lock();
        let parts = parts.unwrap_or_else(PoisonError::into_inner);
        let (mut is_broker_connected, mut open_breakers) = (false, Vec::new());
        if let Some(parts) = &*parts {
            is_broker_connected = *parts.broker.borrow() == Health::Connected;
            let open = parts
                .lanes
                .iter()
                .filter(|lane| *lane.gate.state().borrow() == BreakerState::Open);
            open_breakers.extend(open.map(|lane| format!("{}/{}", lane.action, lane.op)));
        }
        WorkerHealth {
            is_serving: self.view.serving.load(Ordering::Acquire),
            is_broker_connected,
            is_ledger_well: !self.view.ledger_fails.load(Ordering::Acquire),
            open_breakers,
        }
    }

    /// The metrics in Prometheus' text format.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn metrics(&self) -> Result<String, MetricsError> {
        let health = self.health();
        let connected = i64::from(health.is_broker_connected);
        self.metrics.broker_connected.set(connected);
        let parts = self.view.parts.lock();
        for lane in parts
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .flat_map(|parts| &parts.lanes)
        {
            lane.metrics.breaker.set(match *lane.gate.state().borrow() {
                BreakerState::Closed => 0,
                BreakerState::HalfOpen => 1,
                BreakerState::Open => 2,
            });
        }
        Ok(self.metrics.encode()?)
    }

    /// The worker serves these queues now.
    pub(crate) fn serves(&self, broker: watch::Receiver<Health>, lanes: Vec<Arc<Lane>>) {
        let mut parts = self
            .view
            .parts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *parts = Some(Parts { broker, lanes });
        self.view.serving.store(true, Ordering::Release);
    }

    /// The worker takes nothing new any more.
    pub(crate) fn drains(&self) {
        self.view.serving.store(false, Ordering::Release);
    }

    /// An operation of the ledger worked.
    pub(crate) fn ledger_works(&self) {
        self.view.ledger_fails.store(false, Ordering::Release);
    }

    /// An operation of the ledger did not work. One that is refused says nothing about others.
    pub(crate) fn ledger_failed(&self, error: &LedgerError) {
        self.metrics.ledger_errors.inc();
        let fails = error.is_transient();
        self.view.ledger_fails.store(fails, Ordering::Release);
    }
}
