//! A RabbitMQ under test: names of its own for each test, and nothing left behind.

use std::process::Command;
use std::sync::Arc;

use broker::rabbit::{Rabbit, RabbitSettings};
use broker::topology::Topology;
use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::{Channel, Connection, ConnectionProperties};
use saga_core::definition::RUNGS;
use saga_core::ids::Op;
use tokio::sync::RwLock;

use crate::config::{amqp_url, rabbitmqctl};
use crate::conformance::{DELIVERY_LIMIT, Subject, charge};

/// An alarm is the whole node's: the test that raises one holds this alone, all others together.
pub(crate) static NODE: RwLock<()> = RwLock::const_new(());

/// Settings for names that nobody else uses.
pub(crate) fn settings() -> RabbitSettings {
    let unique = uuid::Uuid::now_v7().simple().to_string();
    let topology = Topology::new(&format!("t{unique}"));
    let name = format!("test {unique}");
    let delivery_limit = DELIVERY_LIMIT;
    RabbitSettings {
        name,
        delivery_limit,
        ..RabbitSettings::new(vec![amqp_url()], topology)
    }
}

/// A connected broker.
pub(crate) async fn connect(settings: RabbitSettings) -> Arc<Rabbit> {
    Arc::new(Rabbit::connect(settings).await.expect("RabbitMQ"))
}

/// Runs one test of the suite, and removes what it declared however it ends.
pub(crate) async fn run<F>(test: impl FnOnce(Subject, Topology) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    let _no_alarm = NODE.read().await;
    let settings = settings();
    let topology = settings.topology.clone();
    let broker = connect(settings).await;
    let (subject, names) = (Arc::clone(&broker) as Subject, topology.clone());
    let ended = tokio::spawn(async move { test(subject, names).await }).await;
    remove(&topology).await;
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic.into_panic());
    }
}

/// A channel beside the broker's own.
pub(crate) async fn raw_channel() -> Channel {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(&amqp_url(), properties)
        .await
        .expect("RabbitMQ");
    connection.create_channel().await.expect("a channel")
}

/// Deletes everything that tests declare under these names.
pub(crate) async fn remove(topology: &Topology) {
    let channel = raw_channel().await;
    let rungs = RUNGS.map(|delay| topology.rung("payments", delay));
    let both = rungs
        .into_iter()
        .chain([topology.dead(), topology.unroutable()]);
    let (mut queues, mut exchanges): (Vec<_>, Vec<_>) =
        both.map(|name| (name.clone(), name)).unzip();
    exchanges.extend([topology.steps_exchange(), topology.events_exchange()]);
    queues.extend([
        topology.step_queue(&charge(), Op::Action),
        topology.replies_queue(),
        topology.requests_queue(),
    ]);
    for name in queues {
        let options = QueueDeleteOptions::default();
        channel
            .queue_delete(name.into(), options)
            .await
            .expect("delete");
    }
    for name in exchanges {
        let options = ExchangeDeleteOptions::default();
        channel
            .exchange_delete(name.into(), options)
            .await
            .expect("delete");
    }
}

/// Runs `rabbitmqctl` and returns what it says.
pub(crate) async fn control(args: &[&str]) -> String {
    let words = rabbitmqctl();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(args);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("a thread")
        .expect("rabbitmqctl");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
