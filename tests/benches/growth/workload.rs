//! The real engine over the real database, and workers that answer at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amends::serving::{Serving, listen};
use broker::broker::{Broker, Delivery};
use broker::envelope::command::{self, CommandEnvelope};
use broker::envelope::replies::{self, ReplyItem};
use broker::memory::{MemoryBroker, MemorySettings};
use broker::receipt::Durable;
use broker::topology::Topology;
use orchestrator::auth::Gate;
use orchestrator::engine::{Engine, StartRequest};
use orchestrator::orchestrator::OrchestratorSettings;
use orchestrator::store::{PostgresSettings, PostgresStore, Store, migrate};
use saga_core::compiler;
use saga_core::definition::{Effect, Step, StepKind};
use saga_core::ids::{ActionName, Op, SagaId};
use saga_core::input::{Reply, ReplyOutcome, StepError};
use saga_core::operator::{Operator, Verb};
use serde_json::{Value, json};
use system_tests::database::Database;
use system_tests::waiting::until;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Sagas that are under way at once.
const AT_ONCE: usize = 50;
/// Commands that a worker has at once.
const PREFETCH: u16 = 256;
/// For what is under way at the end.
const DRAIN: Duration = Duration::from_secs(10);

const ORDER: &str = include_str!("../../../sagas/order.yaml");

/// The definitions that are run: two, so that a listing of one has something to leave out.
pub(crate) const NAMES: [&str; 2] = ["order", "rush-order"];

/// How a saga is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// Every step succeeds.
    Completes,
    /// The card is declined.
    IsUndone,
    /// Nobody answers the last step.
    Waits,
    /// A refused undo.
    FailsToUndo,
    /// An operator pauses it while it waits.
    Rests,
    /// An operator ends it while it waits.
    IsTerminated,
}

impl Course {
    /// What its customer is called; the workers go by that.
    const fn customer(self) -> &'static str {
        match self {
            Self::Completes => "ada",
            Self::IsUndone => "broke",
            Self::FailsToUndo => "unlucky",
            Self::Waits | Self::Rests | Self::IsTerminated => "silent",
        }
    }

    /// The status that it ends or rests in.
    pub(crate) const fn status(self) -> &'static str {
        match self {
            Self::Completes => "completed",
            Self::IsUndone => "compensated",
            Self::Waits => "running",
            Self::FailsToUndo => "compensation_failed",
            Self::Rests => "paused",
            Self::IsTerminated => "terminated",
        }
    }
}

/// One orchestrator and its workers.
pub(crate) struct Stage {
    pub(crate) database: Database,
    /// Sagas that the filler has put there.
    pub(crate) stored: u32,
    /// Over how many days.
    pub(crate) days: u32,
    pub(crate) serving: Serving,
    workers: JoinSet<()>,
}

impl Stage {
    /// A stage on a database of its own, without any sagas.
    pub(crate) async fn start() -> Self {
        let database = Database::create().await;
        database
            .execute("CREATE EXTENSION pg_stat_statements SCHEMA public")
            .await;
        let settings = PostgresSettings::new(&database.url, Uuid::now_v7());
        migrate(&settings).await.expect("migrate the database");
        let topology = Topology::new("growth");
        let broker = Arc::new(MemoryBroker::new(MemorySettings::new(topology.clone())));
        let store = PostgresStore::connect(settings).await.expect("connect");
        let store: Arc<dyn Store> = Arc::new(store);
        let settings = OrchestratorSettings::default();
        let listener = listen("the API", "127.0.0.1:0", false).await;
        let serving = Serving::start(
            store,
            broker.clone(),
            topology.clone(),
            settings,
            listener.expect("a port"),
            Gate::open(),
        )
        .await
        .expect("start an orchestrator");
        let mut workers = JoinSet::new();
        for name in NAMES {
            let source = ORDER.replace("saga: order", &format!("saga: {name}"));
            let definition = compiler::compile(name, &source).definition.expect(name);
            let calls = calls(&definition.steps);
            let catalog = &serving.orchestrator().engine().shared().catalog;
            catalog.register(definition).await.expect("register");
            if name == NAMES[0] {
                for (action, op) in calls {
                    workers.spawn(work(Arc::clone(&broker), topology.clone(), action, op));
                }
            }
        }
        Self {
            database,
            stored: 0,
            days: 0,
            serving,
            workers,
        }
    }

    /// Runs so many sagas of that course, and returns when each is where it is to be.
    pub(crate) async fn run(&self, course: Course, count: usize) -> Vec<SagaId> {
        let mut ids = Vec::new();
        let run = Uuid::now_v7().simple().to_string();
        let mut numbers = 0..count;
        loop {
            let wave: Vec<usize> = numbers.by_ref().take(AT_ONCE).collect();
            if wave.is_empty() {
                return ids;
            }
            let mut starting = JoinSet::new();
            for number in wave {
                let engine = self.serving.orchestrator().engine().clone();
                let order = order(&format!("{run}-{number}"), course.customer());
                starting.spawn(start(engine, NAMES[number % NAMES.len()], order));
            }
            let wave = starting.join_all().await;
            self.see_through(course, &wave).await;
            ids.extend(wave);
        }
    }

    /// How long it takes until a start is stored.
    pub(crate) async fn time_a_start(&self, course: Course) -> Duration {
        let engine = self.serving.orchestrator().engine().clone();
        let order = order(&Uuid::now_v7().simple().to_string(), course.customer());
        let begin = Instant::now();
        start(engine, NAMES[0], order).await;
        begin.elapsed()
    }

    async fn see_through(&self, course: Course, wave: &[SagaId]) {
        let first = wave.iter().min().expect("a saga");
        // Running is what every saga is at first: wait for the last command of those.
        let (status, also) = match course {
            Course::Waits | Course::Rests | Course::IsTerminated => {
                ("running", "AND state::text LIKE '%scheduleDelivery%'")
            }
            Course::Completes | Course::IsUndone | Course::FailsToUndo => (course.status(), ""),
        };
        let sql = format!(
            "SELECT count(*) FROM amends.sagas WHERE id >= '{first}' AND status = '{status}' {also}"
        );
        let wanted = i64::try_from(wave.len()).expect("a small number");
        until(
            "sagas on their course",
            async || self.database.number(&sql).await,
            |seen| *seen == wanted,
        )
        .await;
        let verb = match course {
            Course::Rests => Verb::Pause,
            Course::IsTerminated => Verb::Terminate,
            Course::Completes | Course::IsUndone | Course::Waits | Course::FailsToUndo => return,
        };
        for id in wave {
            let operator = Operator {
                who: "growth".to_owned(),
                reason: "to have one".to_owned(),
                verb: verb.clone(),
            };
            let asked = self
                .serving
                .orchestrator()
                .engine()
                .operate(*id, operator)
                .await;
            asked.expect("a saga that an operator can stop");
        }
    }

    pub(crate) async fn stop(mut self) {
        self.workers.shutdown().await;
        self.serving.stop(DRAIN).await;
    }
}

async fn start(engine: Engine, name: &str, input: Value) -> SagaId {
    let catalog = &engine.shared().catalog;
    let definition = catalog.resolve(name, None).await.expect("the definition");
    let request = StartRequest {
        definition,
        input,
        key: None,
        labels: BTreeMap::from([("tenant".to_owned(), "t0".to_owned())]),
    };
    engine.start(request).await.expect("start").saga
}

fn order(number: &str, customer: &str) -> Value {
    json!({
        "orderId": format!("order-{number}"),
        "customer": customer,
        "amount": 1500,
        "items": [{ "sku": "book", "quantity": 2 }, { "sku": "pen", "quantity": 10 }],
    })
}

fn calls(steps: &[Step]) -> Vec<(ActionName, Op)> {
    let mut calls = Vec::new();
    for plan in steps.iter().flat_map(Step::plans) {
        if let StepKind::Action(call) = plan.kind {
            calls.push((call.action.clone(), Op::Action));
        }
        if let Effect::Compensate(compensation) = plan.effect {
            calls.push((compensation.action.clone(), Op::Compensate));
        }
    }
    calls
}

async fn work(broker: Arc<MemoryBroker>, topology: Topology, action: ActionName, op: Op) {
    let queue = topology.step_queue(&action, op);
    let mut consumer = broker.consume(&queue, PREFETCH).await.expect("consume");
    while let Some(Delivery { message, receipt }) = consumer.next().await {
        let command = command::decode(&message).expect("a command that can be read");
        receipt.ack(&Answered);
        let Some(outcome) = outcome(&command) else {
            continue;
        };
        let item = ReplyItem {
            saga: command.saga,
            command: command.message_id,
            reply: Reply {
                key: command.key.clone(),
                op: command.op,
                round: command.round,
                attempt: command.attempt,
                outcome,
                worker: Some("growth".to_owned()),
            },
        };
        let queue = topology.replies_queue();
        let packed = replies::encode(&queue, &[item], || Uuid::now_v7().to_string());
        let messages = packed.into_iter().map(|one| one.message.expect("a reply"));
        broker.publish(messages.collect()).await;
    }
}

fn outcome(command: &CommandEnvelope) -> Option<ReplyOutcome> {
    let fail = |code: &str| {
        Some(ReplyOutcome::Fail(StepError::new(
            code,
            "as it was told to",
        )))
    };
    let input = match &command.undoes {
        Some(undoes) => &undoes.input,
        None => &command.input,
    };
    let customer = input.get("customer").and_then(Value::as_str);
    match (command.action.as_str(), customer) {
        ("payments.charge", Some("broke")) | ("notifications.send", Some("unlucky")) => {
            fail("card_declined")
        }
        ("orders.cancel", Some("unlucky")) => fail("closed"),
        ("delivery.schedule", Some("silent")) => None,
        _ => Some(ReplyOutcome::Done(Arc::new(json!({
            "chargeId": format!("ch-{}", command.saga),
            "at": "2026-01-01T00:00:00Z",
            "by": command.action.as_str(),
        })))),
    }
}

struct Answered;

impl Durable for Answered {}
