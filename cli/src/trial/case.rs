//! One case: a whole embedded engine for one saga, in a time of its own.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use broker::broker::Broker;
use broker::memory::{MemoryBroker, MemorySettings};
use broker::topology::Topology;
use orchestrator::company::Company;
use orchestrator::engine::StartRequest;
use orchestrator::orchestrator::{Orchestrator, OrchestratorSettings};
use orchestrator::store::{MemoryStore, PAGE_ROWS_MAX, SagaFilter, Store};
use saga_core::definition::Definition;
use saga_core::event::{Event, EventKind};
use saga_core::ids::SagaId;
use saga_core::saga::Saga;
use saga_core::time::Timestamp;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use uuid::Uuid;
use worker_runtime::ledger::MemoryLedger;

use super::books::{EffectKey, Entry};
use super::broker::FaultyBroker;
use super::caller;
use super::crew::Crew;
use super::end::End;
use super::fault::{Fault, Planted};
use super::mock::Stage;
use super::script::Script;
use crate::failure::Failure;

/// Every case begins at the same moment, 2026-01-01T00:00:00Z, and mints the same ids.
const BEGIN: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
const OWNER: Uuid = Uuid::from_u128(1);

/// One saga needs no more.
const LANES: usize = 1;

/// After the end, for whatever is still on its way: leases that end, messages that come again.
const AFTERMATH: Duration = Duration::from_secs(60);

/// A reply that is held back comes after this even when nobody has given its step up.
const REPLY_HELD_MAX: Duration = Duration::from_secs(3_600);

/// Events of one case. More come only of a saga that goes round in circles.
const EVENTS_MAX: usize = 10_000;

/// What became of a case.
#[derive(Debug)]
pub(super) struct Ran {
    /// The saga that was started.
    pub(super) root: Played,
    /// The sagas that it ran.
    pub(super) others: Vec<Played>,
    pub(super) end: End,
    /// From the start to the end.
    pub(super) took: Duration,
    pub(super) effects: BTreeMap<EffectKey, Entry>,
    pub(super) dead_letters: usize,
}

/// What became of one saga.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) definition: Arc<Definition>,
    pub(super) saga: Saga,
    pub(super) history: Vec<Event>,
}

/// Plays a case to its end, on a runtime whose clock jumps to the next timer when all is quiet.
pub(super) fn play(script: &Script, planted: Option<Planted>) -> Result<Ran, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| Failure::because("the runtime cannot start", &error))?;
    // What is still running at the end is dropped with the runtime.
    runtime.block_on(async {
        let mut case = Case::open(script, planted).await?;
        case.run().await
    })
}

struct Case<'s> {
    script: &'s Script,
    store: Arc<MemoryStore>,
    broker: Arc<FaultyBroker>,
    orchestrator: Orchestrator,
    stage: Arc<Stage>,
    crew: Crew,
}

impl<'s> Case<'s> {
    async fn open(script: &'s Script, planted: Option<Planted>) -> Result<Self, Failure> {
        let topology = Topology::new(Topology::DEFAULT_PREFIX);
        let store = Arc::new(MemoryStore::new(OWNER, BEGIN));
        let memory = MemoryBroker::new(MemorySettings::new(topology.clone()));
        let broker = Arc::new(FaultyBroker::new(memory, planted.clone()));
        let as_store: Arc<dyn Store> = store.clone();
        let as_broker: Arc<dyn Broker> = broker.clone();
        let settings = OrchestratorSettings {
            lanes: LANES,
            company: Company::Nobody,
            ..OrchestratorSettings::default()
        };
        let orchestrator = Orchestrator::start(as_store, as_broker, topology.clone(), settings)
            .await
            .map_err(|error| Failure::because("the orchestrator cannot start", &error))?;
        let catalog = &orchestrator.engine().shared().catalog;
        for definition in script.definitions() {
            catalog
                .register(Arc::clone(definition))
                .await
                .map_err(|error| Failure::because("a definition cannot be registered", &error))?;
        }
        let stage = Stage::new(planted);
        let ledger = MemoryLedger::starting_at(BEGIN);
        let crew = Crew::start(script, &stage, &broker, &topology, ledger);
        Ok(Self {
            script,
            store,
            broker,
            orchestrator,
            stage,
            crew,
        })
    }

    async fn run(&mut self) -> Result<Ran, Failure> {
        let began = Instant::now();
        let (root, end) = self.until_rest().await?;
        let took = began.elapsed();
        self.broker.release().await;
        tokio::time::sleep(AFTERMATH).await;
        let mut root = Some(root);
        let mut others = Vec::new();
        let mut played = None;
        for one in self.played().await.map_err(|error| unreadable(&*error))? {
            if Some(one.saga.id) == root {
                root = None;
                played = Some(one);
            } else {
                others.push(one);
            }
        }
        Ok(Ran {
            root: played.ok_or_else(|| Failure::error("the saga is gone"))?,
            others,
            end,
            took,
            effects: self.stage.books.all(),
            dead_letters: self.store.dead_letters().len(),
        })
    }

    /// Starts the saga and directs the case until it rests.
    async fn until_rest(&mut self) -> Result<(SagaId, End), Failure> {
        let mut feed = self.orchestrator.engine().shared().feed.subscribe();
        let request = StartRequest {
            definition: Arc::clone(&self.script.definition),
            input: self.script.input.clone(),
            key: None,
            labels: BTreeMap::new(),
        };
        let started = self.orchestrator.engine().start(request).await;
        let root = started
            .map_err(|error| Failure::because("the saga cannot start", &error))?
            .saga;
        self.stage.is_about(root);
        let mut held_until = None;
        for _ in 0..EVENTS_MAX {
            if let Some(end) = self.rest_of(root).await {
                return Ok((root, end));
            }
            tokio::select! {
                biased;
                () = self.stage.crashed() => self.crew.replace(),
                occurred = feed.recv() => match occurred {
                    Ok(occurred) => {
                        let (saga, event) = (occurred.saga, &occurred.event.kind);
                        self.answer(root, saga, event);
                        if saga == root && self.decides(event) {
                            self.broker.release().await;
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
                () = self.broker.withholds() => {
                    held_until = Some(Instant::now() + longest_wait(self.script));
                }
                () = reached(held_until) => {
                    held_until = None;
                    self.broker.release().await;
                }
            }
        }
        Ok((root, End::Unfinished))
    }

    fn answer(&self, root: SagaId, saga: SagaId, event: &EventKind) {
        let planted = self.stage.planted.as_ref();
        let engine = self.orchestrator.engine();
        caller::answer(self.script, planted, engine, root, saga, event);
    }

    async fn rest_of(&self, saga: SagaId) -> Option<End> {
        let (found, _) = self.store.load(&[saga]).await.ok()?;
        End::of(found.first()?)
    }

    /// Whether the step with the late reply is decided by this event.
    fn decides(&self, event: &EventKind) -> bool {
        let Some(planted) = self
            .stage
            .planted
            .as_ref()
            .filter(|planted| planted.fault == Fault::LateReply)
        else {
            return false;
        };
        match event {
            EventKind::StepSucceeded { key, .. }
            | EventKind::StepFailed { key, .. }
            | EventKind::StepNeverHappened { key }
            | EventKind::StepOutcomeUnknown { key, .. } => planted.hits(&key.step, key.element),
            _ => false,
        }
    }

    /// Every saga there is, with its history.
    async fn played(&self) -> Result<Vec<Played>, Box<dyn Error>> {
        let filter = SagaFilter {
            limit: PAGE_ROWS_MAX,
            ..SagaFilter::default()
        };
        let page = self.store.list(&filter).await?;
        let ids: Vec<SagaId> = page.sagas.iter().map(|saga| saga.id).collect();
        let mut played = Vec::new();
        for saga in self.store.load(&ids).await?.0 {
            let definition = self
                .script
                .definitions()
                .find(|definition| definition.reference == saga.definition)
                .ok_or("a saga runs a definition that nobody registered")?;
            played.push(Played {
                definition: Arc::clone(definition),
                history: self.store.history(saga.id, 0, u32::MAX).await?,
                saga,
            });
        }
        Ok(played)
    }
}

/// Waits for this time; for ever when there is none.
async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn unreadable(error: &(dyn Error + 'static)) -> Failure {
    Failure::because("the sagas cannot be read", error)
}

/// Nobody gives a step up later than this.
fn longest_wait(script: &Script) -> Duration {
    let closes = script
        .steps()
        .flat_map(|step| step.plans())
        .filter_map(|plan| plan.timeouts.schedule_to_close);
    closes
        .chain(script.definition.deadline)
        .max()
        .unwrap_or_default()
        .saturating_add(REPLY_HELD_MAX)
}
