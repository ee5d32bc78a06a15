//! The in-memory broker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use saga_core::ids::{ActionName, Op};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::consumer::Subscription;
use super::queue::Queue;
use super::routing::Routing;
use crate::access::Access;
use crate::broker::{Broker, BrokerError, Consumer, Depth, Health, Settled};
use crate::inspection::Inspected;
use crate::message::Outgoing;
use crate::topology::Topology;

/// How much the in-memory broker puts up with.
#[derive(Debug, Clone)]
pub struct MemorySettings {
    /// The names of this deployment.
    pub topology: Topology,
    /// Messages in one queue, handed out ones included; more are refused.
    pub queue_length_max: usize,
    /// Requeued more often than this, a message is dead-lettered.
    pub delivery_limit: u32,
}

impl MemorySettings {
    /// The usual settings.
    #[must_use]
    pub const fn new(topology: Topology) -> Self {
        Self {
            topology,
            queue_length_max: 1_000_000,
            delivery_limit: 20,
        }
    }
}

/// A broker in this process, for the embedded engine, tests and simulation.
///
/// It does what [`Rabbit`](crate::rabbit::Rabbit) does and never fails. Delays run on tokio's
/// clock, so pausing that gives virtual time. Queues keep the order of arrival, a requeued message
/// included, and serve their consumers in turn. It must be made inside a tokio runtime.
#[derive(Debug)]
pub struct MemoryBroker {
    routing: Arc<Mutex<Routing>>,
    health: watch::Sender<Health>,
    next_consumer: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
#[error("there is no such queue")]
struct NoSuchQueue;

impl MemoryBroker {
    /// An empty broker.
    #[must_use]
    pub fn new(settings: MemorySettings) -> Self {
        let MemorySettings {
            topology,
            queue_length_max,
            delivery_limit,
        } = settings;
        let routing = Routing::new(topology, queue_length_max, delivery_limit);
        let routing = Arc::new(Mutex::new(routing));
        let health = watch::Sender::new(Health::Connected);
        tokio::spawn(expire(Arc::clone(&routing), health.subscribe()));
        Self {
            routing,
            health,
            next_consumer: AtomicU64::new(1),
        }
    }

    /// How many messages of a queue are handed out and not settled.
    #[must_use]
    pub fn unsettled(&self, queue: &str) -> usize {
        self.routing().queue(queue).map_or(0, |it| it.unsettled())
    }

    fn routing(&self) -> MutexGuard<'_, Routing> {
        lock(&self.routing)
    }

    fn is_closed(&self) -> bool {
        *self.health.borrow() == Health::Disconnected
    }

    fn subscribe(
        &self,
        queue: &str,
        prefetch: u16,
        access: Access,
    ) -> Result<Consumer, BrokerError> {
        if self.is_closed() {
            return Err(BrokerError::Unavailable);
        }
        let mut routing = self.routing();
        if access == Access::Own {
            routing.declare_own(queue, prefetch);
        }
        let Some(found) = routing.queue(queue) else {
            let source = Box::new(NoSuchQueue);
            return Err(BrokerError::Queue {
                queue: queue.to_owned(),
                source,
            });
        };
        let (deliveries, receiver) = mpsc::channel(prefetch.max(1).into());
        let (settle, settled) = mpsc::unbounded_channel();
        let subscription = Subscription {
            routing: Arc::clone(&self.routing),
            queue: queue.to_owned(),
            own: access == Access::Own,
            consumer: self.next_consumer.fetch_add(1, Ordering::Relaxed),
        };
        let consumer = subscription.consumer;
        tokio::spawn(subscription.run(deliveries.clone(), settled, self.health.subscribe()));
        found.subscribe(consumer, deliveries, settle, access == Access::Spare);
        Ok(Consumer::new(receiver))
    }
}

fn lock(routing: &Mutex<Routing>) -> MutexGuard<'_, Routing> {
    routing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands back the messages of the rungs when their time has come, until the broker is closed.
async fn expire(routing: Arc<Mutex<Routing>>, mut health: watch::Receiver<Health>) {
    let expiring = Arc::clone(&lock(&routing).expiring);
    loop {
        let next = lock(&routing).expire(Instant::now());
        let due = async {
            match next {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = health.wait_for(|health| *health == Health::Disconnected) => return,
            () = due => {}
            () = expiring.notified() => {}
        }
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn declare_base(&self) -> Result<(), BrokerError> {
        self.routing().declare_base();
        Ok(())
    }

    async fn declare_replies(&self, queues: u32) -> Result<(), BrokerError> {
        self.routing().declare_replies(queues);
        Ok(())
    }

    async fn declare_steps(&self, steps: &[(ActionName, Op)]) -> Result<(), BrokerError> {
        let mut routing = self.routing();
        routing.declare_base();
        for (action, op) in steps {
            routing.declare_step(action, *op);
        }
        Ok(())
    }

    async fn restore(&self, _nothing_ever_vanishes: &str) {}

    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Settled> {
        if self.is_closed() {
            return vec![Settled::Unknown; batch.len()];
        }
        let mut routing = self.routing();
        batch
            .into_iter()
            .map(|message| routing.publish(message))
            .collect()
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.subscribe(queue, prefetch, Access::Fair)
    }

    async fn consume_spare(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.subscribe(queue, prefetch, Access::Spare)
    }

    async fn consume_own(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.subscribe(queue, prefetch, Access::Own)
    }

    async fn depth(&self, queue: &str) -> Result<Option<Depth>, BrokerError> {
        Ok(self.routing().queue(queue).map(|queue| queue.depth()))
    }

    async fn inspect(&self, steps: &[(ActionName, Op)]) -> Result<Vec<Inspected>, BrokerError> {
        Ok(self.routing().inspect(steps))
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    async fn close(&self) {
        self.health.send_replace(Health::Disconnected);
        self.routing().queues().for_each(Queue::close);
    }
}

impl Drop for MemoryBroker {
    fn drop(&mut self) {
        self.health.send_replace(Health::Disconnected);
        self.routing().queues().for_each(Queue::close);
    }
}
