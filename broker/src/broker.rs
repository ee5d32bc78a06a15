//! The seam between amends and a message broker.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use saga_core::ids::{ActionName, Op};
use tokio::sync::{mpsc, watch};

use crate::envelope::commands;
use crate::inspection::Inspected;
use crate::message::{Incoming, Outgoing};
use crate::receipt::Receipt;

/// Messages that wait in a queue of [`Broker::consume_own`].
pub const OWN_QUEUE_MESSAGES_MAX: u16 = 16;

/// A message broker: RabbitMQ, or the in-memory one of the embedded engine.
///
/// Implementations reconnect by themselves. What a caller sees of an outage is a late
/// [`publish`](Self::publish), a consumer that is silent, and [`health`](Self::health).
#[async_trait]
pub trait Broker: Send + Sync + fmt::Debug {
    /// Declares the queues and exchanges that every deployment has. Safe to repeat.
    async fn declare_base(&self) -> Result<(), BrokerError>;

    /// Declares the queues of these operations and the rungs of their pools. Safe to repeat.
    async fn declare_steps(&self, steps: &[(ActionName, Op)]) -> Result<(), BrokerError>;

    /// Declares the reply queues of single orchestrators, 1 to `queues`. Safe to repeat.
    async fn declare_replies(&self, queues: u32) -> Result<(), BrokerError>;

    /// Declares again what has this name, an exchange or a queue, although this process has declared
    /// it before: somebody may have deleted it. Nothing happens when it never was declared here, but
    /// for the reply queues of single orchestrators, which workers know from commands only.
    async fn restore(&self, name: &str);

    /// Publishes a batch and returns, in its order, what became of each message.
    ///
    /// Any number of tasks may call this at once; how many messages are under way is bounded
    /// inside, so a call may wait.
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Settled>;

    /// Starts to consume a queue. The broker hands out at most `prefetch` messages that are not
    /// settled. The consumer outlives reconnects and ends when it is dropped; then what it was
    /// handed can still be settled.
    ///
    /// What goes back to the queue, by a dropped receipt or a dropped consumer, counts towards the
    /// queue's delivery limit.
    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError>;

    /// As [`consume`](Self::consume), but only what those who consume the queue that way have no room
    /// for, and all of it while there are none of them.
    async fn consume_spare(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError>;

    /// Makes a queue that nobody else can read, and consumes it. The queue is gone with the consumer
    /// or with the connection, and with it what waits in it; after a reconnect there is an empty
    /// one. It takes [`OWN_QUEUE_MESSAGES_MAX`] messages, what it has handed out not included, and
    /// refuses more; what its consumer gives up is dropped.
    async fn consume_own(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError>;

    /// How many messages wait in a queue and how many consumers it has; `None` when there is no
    /// such queue.
    async fn depth(&self, queue: &str) -> Result<Option<Depth>, BrokerError>;

    /// Looks at everything that the base, the reply queues declared here and these operations need,
    /// without changing anything.
    async fn inspect(&self, steps: &[(ActionName, Op)]) -> Result<Vec<Inspected>, BrokerError>;

    /// Whether the broker can be reached and takes messages. Changes are pushed.
    fn health(&self) -> watch::Receiver<Health>;

    /// Lets what is under way finish and closes the connections.
    async fn close(&self);
}

/// What became of one published message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a message that is not confirmed is not sent"]
pub enum Settled {
    /// The broker has it on disk.
    Confirmed,
    /// No queue wanted it, so it was not sent. What goes to the steps exchange never ends so: it is
    /// confirmed, and lies in the unroutable queue when no queue wants it.
    Unroutable,
    /// The broker refused it, for example because a queue is full. It was not sent.
    Refused,
    /// The connection broke, or no confirm came in time. It may have been sent.
    Unknown,
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait; those handed out do not count.
    pub messages: u32,
    /// Consumers on it.
    pub consumers: u32,
}

/// Whether a broker can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Connected and taking messages.
    Connected,
    /// Connected, but an alarm keeps it from taking messages.
    Blocked,
    /// Connected, but a queue that is to be consumed is not: it was deleted or the broker cancelled
    /// the consumer. It is tried again.
    Deaf,
    /// Not connected; reconnecting.
    Disconnected,
}

/// A stream of deliveries from one queue.
///
/// A message that carries several commands comes out as so many deliveries, see
/// [`commands`].
#[derive(Debug)]
pub struct Consumer {
    deliveries: mpsc::Receiver<Delivery>,
    /// The rest of the message that was unpacked last.
    unpacked: VecDeque<Delivery>,
}

impl Consumer {
    /// Wraps the receiving end of a broker's delivery channel. Dropping it cancels the consumer:
    /// what was not taken out goes back to the queue, and receipts that were can still be settled.
    #[must_use]
    pub const fn new(deliveries: mpsc::Receiver<Delivery>) -> Self {
        Self {
            deliveries,
            unpacked: VecDeque::new(),
        }
    }

    /// Asks the broker for nothing more. What was handed out already can still be taken and
    /// settled; after it comes `None`.
    pub fn stop(&mut self) {
        self.deliveries.close();
    }

    /// Whether the message that the last delivery came in has more of them.
    #[must_use]
    pub fn has_more(&self) -> bool {
        !self.unpacked.is_empty()
    }

    /// The next delivery; `None` once the broker is closed, or after a [`stop`](Self::stop).
    ///
    /// Cancelling this loses no delivery. One whose connection broke while it lay here is passed
    /// over, since the broker sends it again.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            let delivery = match self.unpacked.pop_front() {
                Some(unpacked) => unpacked,
                None => self.deliveries.recv().await?,
            };
            if delivery.receipt.is_void() {
                continue;
            }
            match commands::unpack(&delivery.message) {
                None => return Some(delivery),
                Some(messages) => {
                    let receipts = delivery.receipt.split(messages.len());
                    self.unpacked = messages
                        .into_iter()
                        .zip(receipts)
                        .map(|(message, receipt)| Delivery { message, receipt })
                        .collect();
                }
            }
        }
    }
}

/// One message and the duty to settle it.
#[derive(Debug)]
pub struct Delivery {
    /// The message.
    pub message: Incoming,
    /// The duty to settle it.
    pub receipt: Receipt,
}

/// Why the broker could not do something.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No connection could be made to any of the hosts.
    #[error("connect to the broker at {hosts}")]
    Connect {
        /// The hosts that were tried, without passwords.
        hosts: String,
        /// Why the last one refused.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A queue or exchange exists with other settings, or may not be declared.
    #[error("declare {what}")]
    Declare {
        /// Its kind and name.
        what: String,
        /// What the broker said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A queue could not be consumed or looked at.
    #[error("use queue {queue}")]
    Queue {
        /// Its name.
        queue: String,
        /// What the broker said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The broker did not answer in time or is shut down.
    #[error("the broker is not available")]
    Unavailable,
    /// Whoever asked did not wait any longer.
    #[error("the broker has not answered within {} s", .0.as_secs())]
    Silent(Duration),
}
