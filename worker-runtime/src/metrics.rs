//! Every metric of a worker process, declared once. Never a saga id as a label.

use std::sync::Arc;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};
use saga_core::ids::{ActionName, Op};

const BY_OPERATION: [&str; 2] = ["operation", "op"];
const BY_OPERATION_AND_OUTCOME: [&str; 3] = ["operation", "op", "outcome"];
const BY_OPERATION_AND_STATE: [&str; 3] = ["operation", "op", "state"];

/// Counters, gauges and histograms of one worker process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    schedule_to_start: HistogramVec,
    execution: HistogramVec,
    attempts: IntCounterVec,
    slots: IntGaugeVec,
    breaker: IntGaugeVec,
    /// 1 while the broker is connected and takes messages.
    pub(crate) broker_connected: IntGauge,
    /// Operations of the ledger that did not work and were tried again, or were refused.
    pub(crate) ledger_errors: IntCounter,
}

/// The metrics of one operation and op.
#[derive(Debug)]
pub(crate) struct LaneMetrics {
    /// From the time at which a command could begin to the time at which its handler did.
    pub(crate) schedule_to_start: Histogram,
    /// From the beginning of a handler to its end.
    pub(crate) execution: Histogram,
    /// 0 closed, 1 half-open, 2 open.
    pub(crate) breaker: IntGauge,
    /// Slots that are taken.
    pub(crate) busy: IntGauge,
    free: IntGauge,
    attempts: IntCounterVec,
    labels: [String; 2],
}

impl Metrics {
    /// Declares them all in a registry of their own.
    pub(crate) fn new() -> Result<Arc<Self>, prometheus::Error> {
        let registry = Registry::new();
        // Queues may hold hours, handlers mostly milliseconds.
        let waits = prometheus::exponential_buckets(0.001, 4.0, 12)?;
        let runs = prometheus::exponential_buckets(0.0005, 3.0, 14)?;
        let schedule_to_start = HistogramOpts::new(
            "amends_step_schedule_to_start_seconds",
            "Time from when a command could begin until its handler did.",
        );
        let execution = HistogramOpts::new(
            "amends_step_execution_seconds",
            "Time from the beginning of a handler to its end.",
        );
        let made = Self {
            schedule_to_start: HistogramVec::new(schedule_to_start.buckets(waits), &BY_OPERATION)?,
            execution: HistogramVec::new(execution.buckets(runs), &BY_OPERATION)?,
            attempts: IntCounterVec::new(
                Opts::new(
                    "amends_step_attempts_total",
                    "Attempts that called a handler, by what was answered.",
                ),
                &BY_OPERATION_AND_OUTCOME,
            )?,
            slots: IntGaugeVec::new(
                Opts::new("amends_worker_slots", "Calls that run, and that could."),
                &BY_OPERATION_AND_STATE,
            )?,
            breaker: IntGaugeVec::new(
                Opts::new(
                    "amends_breaker_state",
                    "0: every call goes through; 1: only probes do; 2: none does.",
                ),
                &BY_OPERATION,
            )?,
            broker_connected: IntGauge::new(
                "amends_broker_connected",
                "1 while the broker takes messages.",
            )?,
            ledger_errors: IntCounter::new(
                "amends_ledger_errors_total",
                "Operations of the ledger that did not work.",
            )?,
            registry,
        };
        made.register()?;
        Ok(Arc::new(made))
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let registry = &self.registry;
        registry.register(Box::new(self.schedule_to_start.clone()))?;
        registry.register(Box::new(self.execution.clone()))?;
        registry.register(Box::new(self.attempts.clone()))?;
        registry.register(Box::new(self.slots.clone()))?;
        registry.register(Box::new(self.breaker.clone()))?;
        registry.register(Box::new(self.broker_connected.clone()))?;
        registry.register(Box::new(self.ledger_errors.clone()))
    }

    /// Those of one operation, all its slots free.
    pub(crate) fn lane(&self, action: &ActionName, op: Op, slots: u16) -> LaneMetrics {
        let labels = [action.as_str(), op.as_str()];
        let slot = |state| {
            self.slots
                .with_label_values(&[action.as_str(), op.as_str(), state])
        };
        let made = LaneMetrics {
            schedule_to_start: self.schedule_to_start.with_label_values(&labels),
            execution: self.execution.with_label_values(&labels),
            breaker: self.breaker.with_label_values(&labels),
            busy: slot("busy"),
            free: slot("free"),
            attempts: self.attempts.clone(),
            labels: labels.map(str::to_owned),
        };
        made.busy.set(0);
        made.free.set(i64::from(slots));
        made
    }

    /// Everything in Prometheus' text format.
    pub(crate) fn encode(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

impl LaneMetrics {
    /// A handler was called, and this was answered.
    pub(crate) fn attempt(&self, outcome: &str) {
        let [action, op] = &self.labels;
        self.attempts
            .with_label_values(&[action.as_str(), op.as_str(), outcome])
            .inc();
    }

    /// Takes a slot until the guard is dropped.
    pub(crate) fn take_slot(&self) -> BusySlot {
        self.busy.inc();
        self.free.dec();
        BusySlot {
            busy: self.busy.clone(),
            free: self.free.clone(),
        }
    }
}

/// A slot that is taken.
#[derive(Debug)]
pub(crate) struct BusySlot {
    busy: IntGauge,
    free: IntGauge,
}

impl Drop for BusySlot {
    fn drop(&mut self) {
        self.busy.dec();
        self.free.inc();
    }
}
