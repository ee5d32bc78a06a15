//! One case: a whole embedded engine for one saga, in a time of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker::broker::Broker;
use broker::memory::{MemoryBroker, MemorySettings};
use broker::topology::Topology;
use orchestrator::engine::StartRequest;
use orchestrator::orchestrator::Orchestrator;
use orchestrator::store::{MemoryStore, Store};
use saga_core::definition::Effect;
use saga_core::event::{Event, EventKind};
use saga_core::ids::{ActionName, SagaId};
use saga_core::saga::Saga;
use saga_core::time::Timestamp;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker_runtime::ledger::MemoryLedger;
use worker_runtime::{Operation, OperationSettings, Worker, WorkerError};

use super::books::{EffectKey, Entry};
use super::broker::FaultyBroker;
use super::end::End;
use super::fault::{Fault, Planted};
use super::mock::{Mock, Stage};
use super::script::{Script, undo_of};
use crate::failure::Failure;

/// Every case begins at the same moment, 2026-01-01T00:00:00Z, and mints the same ids.
const BEGIN: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
const OWNER: Uuid = Uuid::from_u128(1);

/// One saga needs no more.
const LANES: usize = 1;

/// What a call of a mocked service takes.
const CALL_TAKES: Duration = Duration::from_millis(100);

/// After the end, for whatever is still on its way: leases that end, messages that come again.
const AFTERMATH: Duration = Duration::from_secs(60);

/// A reply that is held back comes after this even when nobody has given its step up.
const REPLY_HELD_MAX: Duration = Duration::from_secs(3_600);

/// Events of one case. More come only of a saga that goes round in circles.
const EVENTS_MAX: usize = 10_000;

/// What became of a case.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) saga: Saga,
    pub(super) end: End,
    /// From the start to the end.
    pub(super) took: Duration,
    pub(super) history: Vec<Event>,
    pub(super) effects: BTreeMap<EffectKey, Entry>,
    pub(super) dead_letters: usize,
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
        case.run(script).await
    })
}

struct Case {
    store: Arc<MemoryStore>,
    broker: Arc<FaultyBroker>,
    topology: Topology,
    ledger: MemoryLedger,
    orchestrator: Orchestrator,
    stage: Arc<Stage>,
    worker: JoinHandle<Result<(), WorkerError>>,
}

impl Case {
    async fn open(script: &Script, planted: Option<Planted>) -> Result<Self, Failure> {
        let topology = Topology::new(Topology::DEFAULT_PREFIX);
        let store = Arc::new(MemoryStore::new(OWNER, BEGIN));
        let memory = MemoryBroker::new(MemorySettings::new(topology.clone()));
        let broker = Arc::new(FaultyBroker::new(memory, planted.clone()));
        let as_store: Arc<dyn Store> = store.clone();
        let as_broker: Arc<dyn Broker> = broker.clone();
        let orchestrator = Orchestrator::start(as_store, as_broker, topology.clone(), LANES)
            .await
            .map_err(|error| Failure::because("the orchestrator cannot start", &error))?;
        orchestrator
            .engine()
            .shared()
            .catalog
            .register(Arc::clone(&script.definition))
            .await
            .map_err(|error| Failure::because("the definition cannot be registered", &error))?;
        let stage = Stage::new(planted);
        let ledger = MemoryLedger::starting_at(BEGIN);
        let worker = worker(script, &stage, &broker, &topology, &ledger);
        Ok(Self {
            store,
            broker,
            topology,
            ledger,
            orchestrator,
            stage,
            worker,
        })
    }

    async fn run(&mut self, script: &Script) -> Result<Ran, Failure> {
        let began = Instant::now();
        let (saga, end) = self.until_rest(script).await?;
        let took = began.elapsed();
        self.broker.release().await;
        tokio::time::sleep(AFTERMATH).await;
        let look = |error: &(dyn std::error::Error + 'static)| {
            Failure::because("the saga cannot be read", error)
        };
        let loaded = self
            .store
            .load(&[saga])
            .await
            .map_err(|error| look(&error))?;
        let history = self
            .store
            .history(saga, 0, u32::MAX)
            .await
            .map_err(|error| look(&error))?;
        let saga = loaded.0.into_iter().next();
        Ok(Ran {
            saga: saga.ok_or_else(|| Failure::error("the saga is gone"))?,
            end,
            took,
            history,
            effects: self.stage.books.all(),
            dead_letters: self.store.dead_letters().len(),
        })
    }

    /// Starts the saga and directs the case until it rests.
    async fn until_rest(&mut self, script: &Script) -> Result<(SagaId, End), Failure> {
        let mut feed = self.orchestrator.engine().shared().feed.subscribe();
        let request = StartRequest {
            definition: Arc::clone(&script.definition),
            input: script.input.clone(),
            key: None,
            labels: BTreeMap::new(),
        };
        let started = self.orchestrator.engine().start(request).await;
        let saga = started
            .map_err(|error| Failure::because("the saga cannot start", &error))?
            .saga;
        let held_until = Instant::now() + longest_wait(script);
        let mut released = false;
        for _ in 0..EVENTS_MAX {
            if let Some(end) = self.rest_of(saga).await {
                return Ok((saga, end));
            }
            tokio::select! {
                biased;
                () = self.stage.crashed() => self.replace_worker(script),
                occurred = feed.recv() => match occurred {
                    Ok(occurred) if !released && self.decides(&occurred.event.kind) => {
                        released = true;
                        self.broker.release().await;
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
                () = tokio::time::sleep_until(held_until), if !released => {
                    released = true;
                    self.broker.release().await;
                }
            }
        }
        Ok((saga, End::Unfinished))
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

    /// The worker dies where it stands, and another takes its place.
    fn replace_worker(&mut self, script: &Script) {
        self.worker.abort();
        self.worker = worker(
            script,
            &self.stage,
            &self.broker,
            &self.topology,
            &self.ledger,
        );
    }
}

/// Nobody gives a step up later than this.
fn longest_wait(script: &Script) -> Duration {
    let definition = &script.definition;
    let closes = definition
        .steps
        .iter()
        .filter_map(|step| step.timeouts.schedule_to_close);
    closes
        .chain(definition.deadline)
        .max()
        .unwrap_or_default()
        .saturating_add(REPLY_HELD_MAX)
}

/// Every call takes this long, and less where a step allows it less.
fn call_time(script: &Script) -> Duration {
    let steps = script.definition.steps.iter();
    let shortest = steps
        .flat_map(|step| {
            let undo = match &step.effect {
                Effect::Compensate(undo) => undo.timeouts.start_to_close,
                Effect::None | Effect::Residue(_) | Effect::Retriable => None,
            };
            [step.timeouts.start_to_close, undo]
        })
        .flatten()
        .min();
    shortest.map_or(CALL_TAKES, |limit| CALL_TAKES.min(limit / 2))
}

/// Starts a worker with every operation of the saga.
fn worker(
    script: &Script,
    stage: &Arc<Stage>,
    broker: &Arc<FaultyBroker>,
    topology: &Topology,
    ledger: &MemoryLedger,
) -> JoinHandle<Result<(), WorkerError>> {
    let as_broker: Arc<dyn Broker> = broker.clone();
    let ledger = Arc::new(ledger.clone());
    let mut worker = Worker::new("mock", as_broker, topology.clone(), ledger);
    let takes = call_time(script);
    let operation = |name: &ActionName| {
        let mock = Mock {
            stage: Arc::clone(stage),
            output: script.canned.outputs.get(name).cloned().unwrap_or_default(),
            can_tell: !script.canned.cannot_tell.contains(name),
            takes,
        };
        Operation::outside(mock, OperationSettings::default())
    };
    let steps = &script.definition.steps;
    let actions: std::collections::BTreeSet<_> = steps.iter().map(|step| &step.action).collect();
    for action in actions {
        worker = worker.action(action.as_str(), operation(action));
    }
    let undos: std::collections::BTreeSet<_> = steps.iter().filter_map(undo_of).collect();
    for undo in undos {
        worker = worker.undo(undo.as_str(), operation(undo));
    }
    tokio::spawn(worker.run(CancellationToken::new()))
}
