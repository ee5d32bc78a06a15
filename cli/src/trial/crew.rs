//! The worker of a case, and the one that takes its place.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use broker::broker::Broker;
use broker::topology::Topology;
use saga_core::definition::Effect;
use saga_core::ids::ActionName;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker_runtime::ledger::MemoryLedger;
use worker_runtime::{Operation, OperationSettings, Worker, WorkerError};

use super::broker::FaultyBroker;
use super::mock::{Mock, Stage};
use super::script::{Script, actions_of, undos_of};

/// What a call of a mocked service takes.
const CALL_TAKES: Duration = Duration::from_millis(100);

/// A worker with every operation of the saga.
pub(super) struct Crew {
    script: Script,
    stage: Arc<Stage>,
    broker: Arc<FaultyBroker>,
    topology: Topology,
    ledger: MemoryLedger,
    worker: JoinHandle<Result<(), WorkerError>>,
}

impl Crew {
    pub(super) fn start(
        script: &Script,
        stage: &Arc<Stage>,
        broker: &Arc<FaultyBroker>,
        topology: &Topology,
        ledger: MemoryLedger,
    ) -> Self {
        let worker = worker(script, stage, broker, topology, &ledger);
        Self {
            worker: tokio::spawn(worker.run(CancellationToken::new())),
            script: script.clone(),
            stage: Arc::clone(stage),
            broker: Arc::clone(broker),
            topology: topology.clone(),
            ledger,
        }
    }

    /// The worker dies where it stands, and another takes its place.
    pub(super) fn replace(&mut self) {
        self.worker.abort();
        let next = worker(
            &self.script,
            &self.stage,
            &self.broker,
            &self.topology,
            &self.ledger,
        );
        self.worker = tokio::spawn(next.run(CancellationToken::new()));
    }
}

fn worker(
    script: &Script,
    stage: &Arc<Stage>,
    broker: &Arc<FaultyBroker>,
    topology: &Topology,
    ledger: &MemoryLedger,
) -> Worker {
    let as_broker: Arc<dyn Broker> = broker.clone();
    let ledger = Arc::new(ledger.clone());
    let worker = Worker::new("mock", as_broker, topology.clone(), ledger);
    let mut worker = worker.quiet_when_idle();
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
    let actions: BTreeSet<_> = script.steps().flat_map(actions_of).collect();
    for action in actions {
        worker = worker.action(action.as_str(), operation(action));
    }
    let undos: BTreeSet<_> = script.steps().flat_map(undos_of).collect();
    for undo in undos {
        worker = worker.undo(undo.as_str(), operation(undo));
    }
    worker
}

/// Every call takes this long, and less where a step allows it less.
pub(super) fn call_time(script: &Script) -> Duration {
    let plans = script.steps().flat_map(|step| step.plans());
    let shortest = plans
        .flat_map(|plan| {
            let undo = match plan.effect {
                Effect::Compensate(undo) => undo.timeouts.start_to_close,
                Effect::None | Effect::Child | Effect::Residue(_) | Effect::Retriable => None,
            };
            [plan.timeouts.start_to_close, undo]
        })
        .flatten()
        .min();
    shortest.map_or(CALL_TAKES, |limit| CALL_TAKES.min(limit / 2))
}
