//! A worker on the embedded engine, seen from the orchestrator's side.

use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, Consumer, Depth};
use broker::envelope::{command, replies};
use broker::memory::{MemoryBroker, MemorySettings};
use broker::message::Outgoing;
use broker::receipt::Durable;
use broker::topology::Topology;
use saga_core::decision::{Command, Undoes};
use saga_core::definition::DefinitionRef;
use saga_core::ids::{Op, SagaId, StepKey, StepName};
use saga_core::input::ReplyOutcome;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker_runtime::Worker;
use worker_runtime::ledger::{Ledger, MemoryLedger};

const PATIENCE: Duration = Duration::from_secs(20);

/// Short, so that its end is soon; long against the time between two statements.
pub(crate) const LEASE: Duration = Duration::from_millis(600);

/// So often a message may go back to its queue.
const DELIVERY_LIMIT: u32 = 2;

pub(crate) struct Bench {
    pub(crate) broker: Arc<MemoryBroker>,
    pub(crate) topology: Topology,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) saga: SagaId,
    replies: Consumer,
    shutdown: CancellationToken,
    worker: Option<JoinHandle<()>>,
    others: Vec<(JoinHandle<()>, CancellationToken)>,
    seq: u64,
}

impl Bench {
    pub(crate) async fn new(add: impl FnOnce(Worker) -> Worker) -> Self {
        let ledger = Arc::new(MemoryLedger::with_lease(LEASE));
        Self::over(ledger, add).await
    }

    /// The same over another ledger.
    pub(crate) async fn over(ledger: Arc<dyn Ledger>, add: impl FnOnce(Worker) -> Worker) -> Self {
        let topology = Topology::new("test");
        let broker = Arc::new(MemoryBroker::new(MemorySettings {
            delivery_limit: DELIVERY_LIMIT,
            ..MemorySettings::new(topology.clone())
        }));
        broker.declare_base().await.unwrap();
        let replies = broker
            .consume(&topology.replies_queue(), 1000)
            .await
            .unwrap();
        let mut bench = Self {
            broker,
            topology,
            ledger,
            saga: SagaId(Uuid::now_v7()),
            replies,
            shutdown: CancellationToken::new(),
            worker: None,
            others: Vec::new(),
            seq: 0,
        };
        bench.start(add);
        bench
    }

    pub(crate) fn start(&mut self, add: impl FnOnce(Worker) -> Worker) {
        self.shutdown = CancellationToken::new();
        let worker = Worker::new(
            "bench",
            self.broker.clone(),
            self.topology.clone(),
            self.ledger.clone(),
        );
        let running = add(worker.drain_timeout(Duration::from_secs(5))).run(self.shutdown.clone());
        self.worker = Some(tokio::spawn(async { running.await.unwrap() }));
    }

    /// Another worker beside the first, with its own view of the ledger; it runs until the bench
    /// is dropped.
    pub(crate) fn start_another(
        &mut self,
        ledger: Arc<dyn Ledger>,
        add: impl FnOnce(Worker) -> Worker,
    ) {
        let worker = Worker::new("other", self.broker.clone(), self.topology.clone(), ledger);
        let stop = CancellationToken::new();
        let running = add(worker).run(stop.clone());
        self.others
            .push((tokio::spawn(async { running.await.unwrap() }), stop));
    }

    pub(crate) fn shut_down(&self) {
        self.shutdown.cancel();
    }

    pub(crate) async fn ended(&mut self) {
        let worker = self.worker.take().unwrap();
        timeout(PATIENCE, worker)
            .await
            .expect("the worker does not end")
            .unwrap();
    }

    /// A command for step `work`, attempt 1.
    pub(crate) fn command(&mut self, action: &str, op: Op, input: Value) -> Command {
        self.seq += 1;
        Command {
            seq: self.seq,
            op,
            key: StepKey::whole(StepName::new("work")),
            round: 0,
            attempt: 1,
            action: action.parse().unwrap(),
            input,
            undoes: (op == Op::Compensate).then(|| Undoes {
                round: 0,
                input: json!({}),
                output: Arc::new(json!({})),
            }),
            start_to_close: None,
            heartbeat: None,
            deadline: None,
            rung: None,
            shares: false,
            priority: None,
        }
    }

    /// From here on commands are for another saga.
    pub(crate) fn next_step(&mut self) {
        self.saga = SagaId(Uuid::now_v7());
    }

    pub(crate) fn message(&self, command: &Command) -> Outgoing {
        let definition = DefinitionRef {
            name: "order".into(),
            version: "1.0.0".parse().unwrap(),
        };
        command::encode(
            &self.topology,
            &self.topology.replies_queue(),
            self.saga,
            &definition,
            command,
        )
    }

    pub(crate) async fn send(&self, command: &Command) {
        // As when its definition was registered: a command never finds its queue missing.
        let step = (command.action.clone(), command.op);
        self.broker.declare_steps(&[step]).await.unwrap();
        self.publish(self.message(command)).await;
    }

    pub(crate) async fn publish(&self, message: Outgoing) {
        let settled = self.broker.publish(vec![message]).await;
        assert_eq!(settled, [broker::broker::Settled::Confirmed]);
    }

    /// The outcomes of the next message of replies.
    pub(crate) async fn next_message(&mut self) -> Vec<ReplyOutcome> {
        let delivery = timeout(PATIENCE, self.replies.next())
            .await
            .expect("no reply came");
        let delivery = delivery.expect("the broker is closed");
        let items = replies::decode(&delivery.message).unwrap();
        delivery.receipt.ack(&Read);
        items
            .into_iter()
            .map(|item| item.unwrap().reply.outcome)
            .collect()
    }

    /// The outcome of the next reply, which comes alone.
    pub(crate) async fn next(&mut self) -> ReplyOutcome {
        let mut outcomes = self.next_message().await;
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }

    pub(crate) async fn ask(&mut self, command: &Command) -> ReplyOutcome {
        self.send(command).await;
        self.next().await
    }

    /// Waits until a queue holds so many messages.
    pub(crate) async fn until_depth(&self, queue: &str, wanted: u32) {
        self.until_queue(queue, |depth| depth.messages == wanted)
            .await;
    }

    /// Waits until a queue is like this.
    pub(crate) async fn until_queue(&self, queue: &str, is_so: impl Fn(Depth) -> bool) {
        let reached = async {
            loop {
                let depth = self.broker.depth(queue).await.unwrap();
                if depth.is_some_and(&is_so) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, reached)
            .await
            .expect("the queue never got there");
    }
}

/// The orchestrator's part is played by a test, which keeps nothing.
pub(crate) struct Read;

impl Durable for Read {}

pub(crate) fn code(outcome: &ReplyOutcome) -> &str {
    match outcome {
        ReplyOutcome::AttemptFailed { error, .. }
        | ReplyOutcome::Fail(error)
        | ReplyOutcome::Unknown(error) => &error.code,
        other => panic!("no error: {other:?}"),
    }
}
