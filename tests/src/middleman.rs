//! Somebody between orchestrator and worker who takes commands and does wrong things with them.

use std::time::Duration;

use broker::broker::{Broker as _, Delivery, Settled};
use broker::envelope::{command, command::CommandEnvelope};
use broker::message::{Incoming, Outgoing, Properties};
use broker::rabbit::{Rabbit, RabbitSettings};
use broker::receipt::Durable;
use broker::topology::Topology;
use saga_core::ids::Op;

use crate::config;

/// A message that has not come after this will not.
const COMES_WITHIN: Duration = Duration::from_secs(60);

/// Commands that a broken build has in its hands at once.
const REJECTS_PREFETCH: u16 = 64;

/// A client of the broker that has the deployment's names.
#[derive(Debug)]
pub struct Middleman {
    broker: Rabbit,
    topology: Topology,
}

/// A promise that only tests make so easily.
struct OnDisk;

impl Durable for OnDisk {}

impl Middleman {
    /// One for the deployment with this prefix.
    pub async fn of(prefix: &str) -> Self {
        let topology = Topology::new(prefix);
        let settings = RabbitSettings::new(vec![config::amqp_url()], topology.clone());
        let broker = Rabbit::connect(settings).await.expect("RabbitMQ");
        Self { broker, topology }
    }

    /// The names of the deployment.
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The queue of an action.
    pub fn queue(&self, action: &str) -> String {
        let action = action.parse().expect("the name of an action");
        self.topology.step_queue(&action, Op::Action)
    }

    /// Takes the next command for an action from its queue.
    pub async fn take(&self, action: &str) -> Taken {
        let queue = self.queue(action);
        let mut consumer = self.broker.consume(&queue, 1).await.expect("consume");
        let delivery = tokio::time::timeout(COMES_WITHIN, consumer.next()).await;
        let delivery = delivery.expect("a command in time").expect("a command");
        Taken(delivery)
    }

    /// Rejects as many commands for an action as they come, as a broken build of a worker does.
    pub async fn reject(&self, action: &str, commands: usize) {
        let queue = self.queue(action);
        let consumer = self.broker.consume(&queue, REJECTS_PREFETCH).await;
        let mut consumer = consumer.expect("consume");
        for _ in 0..commands {
            let delivery = tokio::time::timeout(COMES_WITHIN, consumer.next()).await;
            let delivery = delivery.expect("a command in time").expect("a command");
            delivery.receipt.dead_letter();
        }
    }

    /// Publishes a message of this type to a queue; what carries the headers of a command is taken
    /// for one.
    pub async fn publish(&self, properties: Properties, body: &str) {
        let message = Outgoing {
            properties,
            body: body.to_owned().into(),
        };
        let settled = self.broker.publish(vec![message]).await;
        assert_eq!(settled, [Settled::Confirmed]);
    }

    /// Messages that wait in a queue.
    pub async fn depth(&self, queue: &str) -> u32 {
        let depth = self.broker.depth(queue).await.expect("look at a queue");
        depth.map_or(0, |depth| depth.messages)
    }
}

/// A command that was taken and has not been answered.
#[derive(Debug)]
pub struct Taken(Delivery);

impl Taken {
    /// The message as it was.
    pub const fn message(&self) -> &Incoming {
        &self.0.message
    }

    /// What it asks for.
    pub fn command(&self) -> CommandEnvelope {
        command::decode(&self.0.message).expect("a command")
    }

    /// The broker is told that it cannot be handled.
    pub fn reject(self) {
        self.0.receipt.dead_letter();
    }

    /// The broker is told that it is done with.
    pub fn acknowledge(self) {
        self.0.receipt.ack(&OnDisk);
    }
}
