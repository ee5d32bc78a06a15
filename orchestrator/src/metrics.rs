//! Every metric of the orchestrator, declared once. Never a saga id as a label.

use broker::broker::Health;
use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};
use saga_core::saga::Status;

use crate::store::{Opened, PoolState};

/// Counters, gauges and histograms of one orchestrator.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Sagas started, by definition.
    pub started: IntCounterVec,
    closed: IntCounterVec,
    /// Starts that were not let in, by what there was too much of.
    pub starts_refused: IntCounterVec,
    /// How long the oldest input has waited to be decided.
    pub lane_wait_seconds: Gauge,
    /// Open sagas, by status.
    pub open: IntGaugeVec,
    /// Inputs that changed nothing, by reason.
    pub ignored: IntCounterVec,
    /// Inputs that can only come from a bug.
    pub illegal: IntCounter,
    /// Compare-and-set races lost.
    pub conflicts: IntCounter,
    /// Operations of the store that had to be repeated.
    pub store_errors: IntCounter,
    /// Inputs in one batch.
    pub batch_size: Histogram,
    /// Time to store one batch.
    pub commit_seconds: Histogram,
    /// Requests that were not let in, by the code of the answer.
    pub denied: IntCounterVec,
    /// Messages kept for people.
    pub dead_letters: IntCounter,
    /// Rows in the outbox.
    pub outbox_rows: IntGauge,
    /// Age of the oldest row in the outbox.
    pub outbox_oldest_seconds: IntGauge,
    /// 1 while the broker is connected and takes messages.
    broker_connected: IntGauge,
    store_pool: IntGaugeVec,
    strays: IntGauge,
    strays_moved: IntCounter,
}

impl Metrics {
    /// Declares them all in a registry of their own.
    #[expect(clippy::too_many_lines, reason = "every metric, in one list")]
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let made = Self {
            started: counters(
                &registry,
                "amends_sagas_started_total",
                "Sagas started.",
                &["definition"],
            )?,
            closed: counters(
                &registry,
                "amends_sagas_closed_total",
                "Sagas that ended.",
                &["definition", "status"],
            )?,
            starts_refused: counters(
                &registry,
                "amends_starts_refused_total",
                "Starts that were not let in.",
                &["pressure"],
            )?,
            lane_wait_seconds: seconds(
                &registry,
                "amends_lane_wait_seconds",
                "How long the oldest input has waited to be decided.",
            )?,
            open: gauges(
                &registry,
                "amends_sagas_open",
                "Sagas that have not ended.",
                &["status"],
            )?,
            ignored: counters(
                &registry,
                "amends_inputs_ignored_total",
                "Inputs that changed nothing.",
                &["reason"],
            )?,
            illegal: counter(
                &registry,
                "amends_inputs_illegal_total",
                "Inputs that parked a saga.",
            )?,
            conflicts: counter(
                &registry,
                "amends_conflicts_total",
                "Compare-and-set races lost.",
            )?,
            store_errors: counter(
                &registry,
                "amends_store_errors_total",
                "Operations of the store that were repeated.",
            )?,
            batch_size: histogram(
                &registry,
                "amends_batch_size",
                "Inputs in one batch.",
                prometheus::exponential_buckets(1.0, 2.0, 10)?,
            )?,
            commit_seconds: histogram(
                &registry,
                "amends_commit_seconds",
                "Time to store one batch.",
                prometheus::exponential_buckets(0.0005, 2.0, 14)?,
            )?,
            denied: counters(
                &registry,
                "amends_http_denied_total",
                "Requests that were not let in.",
                &["code"],
            )?,
            dead_letters: counter(
                &registry,
                "amends_dead_letters",
                "Messages kept for people.",
            )?,
            outbox_rows: gauge(
                &registry,
                "amends_outbox_rows",
                "Commands not yet confirmed.",
            )?,
            outbox_oldest_seconds: gauge(
                &registry,
                "amends_outbox_oldest_seconds",
                "Age of the oldest command not yet confirmed.",
            )?,
            broker_connected: gauge(
                &registry,
                "amends_broker_connected",
                "1 while the broker takes messages and every queue is consumed.",
            )?,
            store_pool: gauges(
                &registry,
                "amends_store_pool",
                "Connections to the database by what they do, and callers that wait for one.",
                &["state"],
            )?,
            strays: gauge(
                &registry,
                "amends_stray_rows",
                "Rows in the default partitions, of sagas without a day that could be opened.",
            )?,
            strays_moved: counter(
                &registry,
                "amends_stray_rows_moved_total",
                "Rows that were written before their sagas' days were open, moved there since.",
            )?,
            registry,
        };
        Ok(made)
    }

    /// A saga ended.
    pub fn closed(&self, definition: &str, status: Status) {
        self.closed
            .with_label_values(&[definition, status.as_str()])
            .inc();
    }

    /// What the broker's connection is worth.
    pub fn broker_health(&self, health: Health) {
        self.broker_connected
            .set(i64::from(health == Health::Connected));
    }

    /// What the store's connections are doing.
    pub fn pool(&self, pool: PoolState) {
        for (state, count) in [
            ("idle", pool.idle),
            ("busy", pool.busy),
            ("waiting", pool.waiting),
        ] {
            let gauge = self.store_pool.with_label_values(&[state]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// What was found where nothing should be.
    pub fn strays(&self, found: Opened) {
        self.strays
            .set(i64::try_from(found.left).unwrap_or(i64::MAX));
        self.strays_moved.inc_by(found.moved);
    }

    /// Everything in Prometheus' text format.
    pub fn encode(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let made = IntCounter::new(name, help)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    let made = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let made = IntGauge::new(name, help)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn seconds(registry: &Registry, name: &str, help: &str) -> Result<Gauge, prometheus::Error> {
    let made = Gauge::new(name, help)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, prometheus::Error> {
    let made = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: Vec<f64>,
) -> Result<Histogram, prometheus::Error> {
    let made = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}
