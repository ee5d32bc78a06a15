//! One or two orchestrators, and a worker that answers what a test tells it to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, Consumer, Delivery, Settled};
use broker::envelope::command::{self, CommandEnvelope};
use broker::envelope::replies::{self, ReplyItem};
use broker::memory::{MemoryBroker, MemorySettings};
use broker::message::{Outgoing, Properties};
use broker::topology::Topology;
use orchestrator::engine::{Engine, StartError, StartRequest, Started};
use orchestrator::orchestrator::{Orchestrator, OrchestratorSettings};
use orchestrator::store::{Committed, MemoryStore, Store};
use saga_core::compiler;
use saga_core::ids::{Op, SagaId};
use saga_core::input::{Reply, ReplyOutcome};
use saga_core::saga::{Saga, Status};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

/// Nothing here takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

const DEFINITION: &str = "
saga: pair
version: 1.0.0
key: ${input.key}
steps:
  - { id: first, action: pool.first, compensate: { action: pool.undo } }
  - { id: second, action: pool.second, no_effect: true }
";

/// Without a business key.
const KEYLESS: &str = "
saga: keyless
version: 1.0.0
steps:
  - { id: only, action: pool.first, no_effect: true, timeouts: { start_to_close: 2m, heartbeat: 30s } }
";

pub(crate) struct Bench {
    pub(crate) store: MemoryStore,
    pub(crate) broker: Arc<MemoryBroker>,
    pub(crate) topology: Topology,
    orchestrators: Vec<Orchestrator>,
}

impl Bench {
    pub(crate) async fn with_orchestrators(count: usize) -> Self {
        let topology = Topology::new("test");
        let broker = Arc::new(MemoryBroker::new(MemorySettings::new(topology.clone())));
        let begin = "2026-01-01T00:00:00Z".parse().expect("a time");
        let store = MemoryStore::new(Uuid::now_v7(), begin);
        let mut orchestrators = Vec::new();
        for _ in 0..count {
            let own: Arc<dyn Store> = Arc::new(store.another_owner(Uuid::now_v7()));
            let started = Orchestrator::start(
                own,
                broker.clone(),
                topology.clone(),
                OrchestratorSettings::default(),
            )
            .await;
            orchestrators.push(started.expect("start an orchestrator"));
        }
        let bench = Self {
            store,
            broker,
            topology,
            orchestrators,
        };
        bench.register(DEFINITION).await;
        bench.register(KEYLESS).await;
        bench
    }

    pub(crate) async fn register(&self, source: &str) {
        let definition = compiler::compile("definition", source)
            .definition
            .expect("the definition is right");
        let catalog = &self.engine().shared().catalog;
        catalog.register(definition).await.expect("register it");
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.orchestrators[0].engine()
    }

    pub(crate) fn engine_of(&self, which: usize) -> &Engine {
        self.orchestrators[which].engine()
    }

    pub(crate) async fn start(&self, key: &str) -> Result<Started, StartError> {
        self.start_at(0, json!({ "key": key })).await
    }

    pub(crate) async fn start_at(&self, which: usize, input: Value) -> Result<Started, StartError> {
        self.start_of(which, "pair", input).await
    }

    pub(crate) async fn start_of(
        &self,
        which: usize,
        name: &str,
        input: Value,
    ) -> Result<Started, StartError> {
        let engine = self.orchestrators[which].engine();
        let definition = engine
            .shared()
            .catalog
            .resolve(name, None)
            .await
            .expect("the definition");
        let labels = BTreeMap::new();
        timeout(
            PATIENCE,
            engine.start(StartRequest {
                definition,
                input,
                key: None,
                labels,
            }),
        )
        .await
        .expect("an answer in time")
    }

    /// The saga as it is stored.
    pub(crate) async fn saga(&self, id: SagaId) -> Saga {
        let (found, _) = self.store.load(&[id]).await.expect("load the saga");
        found.into_iter().next().expect("the saga")
    }

    /// Stops one orchestrator; the others move up.
    pub(crate) async fn stop_one(&mut self, which: usize) {
        self.orchestrators.remove(which).shutdown(PATIENCE).await;
    }

    pub(crate) async fn worker(&self, action: &str, op: Op) -> Hand {
        self.worker_with(action, op, 100).await
    }

    /// A worker that takes this many commands at a time.
    pub(crate) async fn worker_with(&self, action: &str, op: Op, prefetch: u16) -> Hand {
        let queue = self
            .topology
            .step_queue(&action.parse().expect("an action"), op);
        Hand {
            consumer: self
                .broker
                .consume(&queue, prefetch)
                .await
                .expect("consume the queue"),
        }
    }

    pub(crate) async fn reply(&self, items: &[ReplyItem]) {
        self.reply_to(&self.topology.replies_queue(), items).await;
    }

    pub(crate) async fn reply_to(&self, queue: &str, items: &[ReplyItem]) {
        let packed = replies::encode(queue, items, || Uuid::now_v7().to_string());
        let messages: Vec<Outgoing> = packed
            .into_iter()
            .map(|one| one.message.expect("a small reply"))
            .collect();
        self.publish(messages).await;
    }

    /// Anything at all to the replies.
    pub(crate) async fn reply_raw(&self, kind: &str, body: &str) {
        let properties = Properties {
            routing_key: self.topology.replies_queue(),
            message_id: Uuid::now_v7().to_string(),
            kind: kind.to_owned(),
            ..Properties::default()
        };
        self.publish(vec![Outgoing {
            properties,
            body: body.to_owned().into(),
        }])
        .await;
    }

    pub(crate) async fn publish(&self, messages: Vec<Outgoing>) {
        for settled in self.broker.publish(messages).await {
            assert_eq!(settled, Settled::Confirmed);
        }
    }

    /// Waits until the saga is in this state; a child may not be there yet.
    pub(crate) async fn until(&self, saga: SagaId, status: Status) -> Saga {
        let wait = async {
            loop {
                let (sagas, _): (_, Committed) =
                    self.store.load(&[saga]).await.expect("load the saga");
                if let Some(found) = sagas.into_iter().find(|saga| saga.status() == status) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("saga {saga} is not {status}"))
    }

    /// Waits until this many commands wait for an action.
    pub(crate) async fn until_waiting(&self, action: &str, count: u32) {
        let action = action.parse().expect("an action");
        let queue = self.topology.step_queue(&action, Op::Action);
        let wait = async {
            loop {
                let depth = self.broker.depth(&queue).await.expect("its depth");
                if depth.is_some_and(|depth| depth.messages == count) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("commands in time");
    }

    /// Waits until this many messages are kept for people.
    pub(crate) async fn until_letters(&self, count: usize) -> Vec<String> {
        let wait = async {
            loop {
                let letters = self.store.kept();
                if letters.len() >= count {
                    return letters.into_iter().map(|letter| letter.reason).collect();
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("dead letters in time")
    }

    /// Waits until every reply is acknowledged, and stops: a stopped orchestrator would give what it
    /// has not acknowledged back to the queue.
    pub(crate) async fn stop(self) {
        let settled = async {
            let own = (1..=2).map(|number| self.topology.own_replies_queue(number));
            for queue in own.chain([self.topology.replies_queue()]) {
                while let Some(depth) = self.broker.depth(&queue).await.expect("a depth") {
                    if depth.messages == 0 && self.broker.unsettled(&queue) == 0 {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        };
        timeout(PATIENCE, settled)
            .await
            .expect("every reply is acknowledged");
        for orchestrator in self.orchestrators {
            orchestrator.shutdown(PATIENCE).await;
        }
    }
}

/// A worker whose answers the test gives.
pub(crate) struct Hand {
    consumer: Consumer,
}

impl Hand {
    /// Refuses the next command, as a worker does that cannot read it.
    pub(crate) async fn refuse(&mut self) {
        let delivery = timeout(PATIENCE, self.consumer.next()).await;
        let delivery = delivery.expect("a command in time").expect("a command");
        delivery.receipt.dead_letter();
    }

    pub(crate) async fn next(&mut self) -> CommandEnvelope {
        let Delivery { message, receipt } = timeout(PATIENCE, self.consumer.next())
            .await
            .expect("a command in time")
            .expect("a command");
        receipt.ack(&Done);
        command::decode(&message).expect("a command that can be read")
    }
}

struct Done;

impl broker::receipt::Durable for Done {}

/// The answer to a command.
pub(crate) fn answer(command: &CommandEnvelope, outcome: ReplyOutcome) -> ReplyItem {
    ReplyItem {
        saga: command.saga,
        command: command.message_id,
        reply: Reply {
            key: command.key.clone(),
            op: command.op,
            round: command.round,
            attempt: command.attempt,
            outcome,
            worker: None,
        },
    }
}

pub(crate) fn done() -> ReplyOutcome {
    ReplyOutcome::Done(Arc::new(json!({})))
}
