//! One orchestrator: starts every loop, and drains them when it is told to stop.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, BrokerError, Health};
use broker::topology::Topology;
use futures_util::FutureExt as _;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::admission::{self, AdmissionSettings, OpenSagas};
use crate::catalog::{Catalog, CatalogError};
use crate::company::Company;
use crate::dependencies::Dependencies;
use crate::engine::{Closings, Engine, Shared};
use crate::inbound::Consumers;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::store::{Store, StoreError};
use crate::{reconcile, retention, timers};

/// Signs of life in the time of one lease.
const HEARTBEATS_PER_LEASE: u32 = 3;

/// Heartbeats between two looks for what orchestrators left that live no more: once in a lease.
const HEARTBEATS_PER_LOOK: u32 = HEARTBEATS_PER_LEASE;

/// How much an orchestrator does side by side, and how long it may be silent.
#[derive(Debug, Clone, Copy)]
pub struct OrchestratorSettings {
    /// Lanes that decide and store side by side.
    pub lanes: usize,
    /// After this long without a sign of life its outbox is taken over.
    pub lease: Duration,
    /// How long sagas are kept after their end; `None` for ever.
    pub retention: Option<Duration>,
    /// Who else works on the same sagas.
    pub company: Company,
    /// What limits how many starts are let in.
    pub admission: AdmissionSettings,
}

impl Default for OrchestratorSettings {
    fn default() -> Self {
        Self {
            lanes: 2,
            lease: Duration::from_secs(30),
            retention: None,
            company: Company::Others,
            admission: AdmissionSettings::default(),
        }
    }
}

/// A loop that panicked is started again after this.
const GO_ON_AFTER: Duration = Duration::from_secs(1);

/// Events kept for a watcher that is slow.
const FEED_EVENTS_MAX: usize = 1024;

/// A running orchestrator.
#[derive(Debug)]
pub struct Orchestrator {
    engine: Engine,
    broker: Arc<dyn Broker>,
    /// Stops what brings work in.
    inbound: CancellationToken,
    inbound_tasks: TaskTracker,
    lanes: TaskTracker,
    /// Stops what sends.
    outbound: CancellationToken,
    outbound_tasks: TaskTracker,
    stopping: CancellationToken,
}

/// Why an orchestrator did not start.
#[derive(Debug, thiserror::Error)]
pub enum OrchestratorError {
    /// The broker.
    #[error("prepare the broker")]
    Broker(#[from] BrokerError),
    /// The store.
    #[error("prepare the store")]
    Store(#[from] StoreError),
    /// A definition.
    #[error("prepare the definitions")]
    Catalog(#[from] CatalogError),
    /// The metrics clash.
    #[error("declare the metrics")]
    Metrics(#[from] prometheus::Error),
}

impl Orchestrator {
    /// Declares the topology and starts every loop.
    pub async fn start(
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        topology: Topology,
        settings: OrchestratorSettings,
    ) -> Result<Self, OrchestratorError> {
        broker.declare_base().await?;
        let reply_queues = store.heartbeat(settings.lease).await?;
        let metrics = Metrics::new()?;
        match retention::open(&*store).await {
            Ok(opened) => metrics.strays(opened),
            // What is written before the loop manages to is moved then.
            Err(error) => warn!(error = %crate::chain(&error), "opening days ahead"),
        }
        let stopping = CancellationToken::new();
        let outbox = Outbox::new(
            Arc::clone(&broker),
            topology.clone(),
            Arc::clone(&store),
            settings.company,
        );
        let shared = Arc::new(Shared {
            catalog: Catalog::new(Arc::clone(&store), Arc::clone(&broker), settings.retention),
            store,
            reply_queues: watch::Sender::new(reply_queues),
            answers_to: watch::Sender::new(topology.replies_queue()),
            topology,
            company: settings.company,
            outbox,
            timers: timers::TimerSignal::default(),
            closings: Closings::default(),
            feed: broadcast::Sender::new(FEED_EVENTS_MAX),
            open_sagas: settings.admission.open_sagas_max.map(OpenSagas::new),
            metrics,
            dependencies: Dependencies::default(),
            stopping: stopping.clone(),
        });
        shared.catalog.declare_all().await?;
        let lane_tasks = TaskTracker::new();
        let wait_target = settings.admission.wait_target;
        let engine = Engine::run(shared, settings.lanes, wait_target, &lane_tasks);
        let running = Self {
            engine,
            broker,
            inbound: CancellationToken::new(),
            inbound_tasks: TaskTracker::new(),
            lanes: lane_tasks,
            outbound: CancellationToken::new(),
            outbound_tasks: TaskTracker::new(),
            stopping,
        };
        running.start_loops(&settings);
        Ok(running)
    }

    fn start_loops(&self, settings: &OrchestratorSettings) {
        let consumers = Consumers {
            engine: self.engine.clone(),
            broker: Arc::clone(&self.broker),
            tasks: self.inbound_tasks.clone(),
            stopping: self.inbound.clone(),
        };
        consumers.start();
        self.inbound_tasks
            .spawn(keep_going("reply queues", move || {
                consumers.clone().attend_replies()
            }));
        let (engine, stop) = (self.engine.clone(), self.inbound.clone());
        self.inbound_tasks.spawn(keep_going("timers", move || {
            timers::run(engine.clone(), stop.clone())
        }));
        let (lease, keep) = (settings.lease, settings.retention);
        let (engine, stop) = (self.engine.clone(), self.inbound.clone());
        self.inbound_tasks.spawn(keep_going("retention", move || {
            retention::run(engine.clone(), keep, stop.clone())
        }));
        let (engine, stop) = (self.engine.clone(), self.inbound.clone());
        self.inbound_tasks
            .spawn(keep_going("housekeeping", move || {
                keep_house(engine.clone(), lease, stop.clone())
            }));
        let (engine, broker) = (self.engine.clone(), Arc::clone(&self.broker));
        let stop = self.inbound.clone();
        self.inbound_tasks.spawn(keep_going("the broker", move || {
            watch_broker(engine.clone(), Arc::clone(&broker), stop.clone())
        }));
        let (engine, broker) = (self.engine.clone(), Arc::clone(&self.broker));
        let stop = self.inbound.clone();
        self.inbound_tasks.spawn(keep_going("reconciling", move || {
            reconcile::run(engine.clone(), Arc::clone(&broker), stop.clone())
        }));
        let (engine, stop) = (self.engine.clone(), self.inbound.clone());
        self.inbound_tasks.spawn(keep_going("admission", move || {
            admission::count(engine.clone(), stop.clone())
        }));
        let outbox = Arc::clone(&self.engine.shared().outbox);
        let (packing, stop) = (outbox.packing(), self.outbound.clone());
        self.outbound_tasks.spawn(keep_going("packing", move || {
            Arc::clone(&packing).run(stop.clone())
        }));
        let (tasks, stop) = (self.outbound_tasks.clone(), self.outbound.clone());
        self.outbound_tasks.spawn(keep_going("the outbox", move || {
            Arc::clone(&outbox).run(stop.clone(), tasks.clone())
        }));
    }

    /// The way in.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The broker, to look at.
    #[must_use]
    pub fn broker(&self) -> &Arc<dyn Broker> {
        &self.broker
    }

    /// Takes no more work, finishes what it has within `limit`, and ends. What could not be
    /// finished is given back to the broker, or taken over by the next orchestrator.
    pub async fn shutdown(self, limit: Duration) {
        self.inbound.cancel();
        self.inbound_tasks.close();
        let Self {
            engine,
            lanes,
            outbound,
            outbound_tasks,
            stopping,
            inbound_tasks,
            ..
        } = self;
        let store = Arc::clone(&engine.shared().store);
        let drain = async {
            inbound_tasks.wait().await;
            drop(engine);
            lanes.close();
            lanes.wait().await;
            outbound.cancel();
            outbound_tasks.close();
            outbound_tasks.wait().await;
            // The next one need not wait for its lease to end: it has the same reply queue then, and
            // what could not be sent is taken over at once.
            if let Err(error) = store.heartbeat(Duration::ZERO).await {
                warn!(error = %crate::chain(&error), "giving up the lease; it ends by itself");
            }
        };
        if tokio::time::timeout(limit, drain).await.is_err() {
            error!("not everything could be finished in time; it is done again later");
        }
        stopping.cancel();
        info!("the orchestrator has stopped");
    }
}

/// Runs a loop, and again when a pass of it panicked: the process would look well without it.
async fn keep_going<F: Future<Output = ()>>(what: &'static str, run: impl Fn() -> F) {
    while AssertUnwindSafe(run()).catch_unwind().await.is_err() {
        error!(what, "a loop has panicked; it is started again");
        tokio::time::sleep(GO_ON_AFTER).await;
    }
}

/// Says that it lives, and takes over from those that do not.
async fn keep_house(engine: Engine, lease: Duration, stopping: CancellationToken) {
    let shared = Arc::clone(engine.shared());
    drop(engine);
    for beat in 0_u64.. {
        match shared.store.heartbeat(lease).await {
            Ok(queues) => {
                shared.dependencies.store_answers();
                shared.reply_queues.send_if_modified(|known| {
                    let before = std::mem::replace(known, queues);
                    before != queues
                });
            }
            Err(error) => {
                warn!(error = %crate::chain(&error), "saying that this orchestrator lives");
                shared.store_failed(&error);
            }
        }
        if beat.is_multiple_of(HEARTBEATS_PER_LOOK.into()) {
            shared.outbox.adopt().await;
        }
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            () = shared.company.wait_until(Instant::now() + lease / HEARTBEATS_PER_LEASE) => {}
        }
    }
}

/// Notes what the broker is worth, and puts things right when it is back. A loop of its own: the
/// other one waits for the store, which may be away at the same time.
async fn watch_broker(engine: Engine, broker: Arc<dyn Broker>, stopping: CancellationToken) {
    let shared = Arc::clone(engine.shared());
    drop(engine);
    let mut health = broker.health();
    loop {
        let now = *health.borrow_and_update();
        shared.dependencies.broker_is(now, shared.store.now());
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            changed = health.changed() => if changed.is_err() {
                return;
            },
        }
        if *health.borrow() == Health::Connected {
            if let Err(error) = declare_again(&shared, &*broker).await {
                warn!(error = %crate::chain(&error), "declaring the topology again");
            }
            shared.outbox.adopt().await;
        }
    }
}

/// A queue may have been deleted while the broker was away.
async fn declare_again(shared: &Shared, broker: &dyn Broker) -> Result<(), CatalogError> {
    broker.declare_base().await?;
    shared.catalog.declare_all().await
}
