//! The broker over RabbitMQ.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use saga_core::ids::{ActionName, Op};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use super::address::{ConnectFailure, Hosts, without_password};
use super::consumer::{NOT_FOUND, Subscription};
use super::convert;
use super::declare::{Declarer, connection};
use super::health::{HealthBoard, Side};
use super::inspect::inspect;
use super::publisher::Publisher;
use super::settings::RabbitSettings;
use super::supervisor::{Link, RPC_TIMEOUT, first_connection, rpc};
use crate::access::Access;
use crate::broker::{Broker, BrokerError, Consumer, Depth, Health, Settled};
use crate::inspection::Inspected;
use crate::message::Outgoing;

/// For what is under way when the broker is closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Quorum queues take no higher prefetch.
const PREFETCH_MAX: u16 = 2_000;

/// A RabbitMQ broker, of version 3.10 or newer.
///
/// It holds two connections, one to publish and one for everything else, because an alarm blocks
/// whatever publishes. Both reconnect for ever, walking the list of hosts. While there is no
/// connection, a publish waits for one up to the confirm timeout and then is
/// [`Unknown`](Settled::Unknown). While the broker blocks, a message that was already handed to it
/// waits as long as that lasts, because it will be taken in the end; one that was not is `Unknown`
/// after the confirm timeout.
#[derive(Debug)]
pub struct Rabbit {
    publisher: Publisher,
    consume: Link,
    declarer: Arc<Declarer>,
    board: Arc<HealthBoard>,
    drain: watch::Sender<bool>,
    disconnect: watch::Sender<bool>,
    /// Given to every task and dropped on closing, so that its end tells that they have ended.
    running: std::sync::Mutex<Option<mpsc::Sender<()>>>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Rabbit {
    /// Connects, and from then on stays connected.
    ///
    /// # Errors
    /// When no host could be connected to within the startup timeout, or at once when a person has
    /// to change something: a wrong password, a virtual host that does not exist, a bad URL.
    pub async fn connect(settings: RabbitSettings) -> Result<Self, BrokerError> {
        let shown: Vec<_> = settings
            .urls
            .iter()
            .map(|url| without_password(url))
            .collect();
        let failed = |source: ConnectFailure| BrokerError::Connect {
            hosts: shown.join(", "),
            source: Box::new(source),
        };
        let deadline = Instant::now() + settings.startup_timeout;
        let hosts = Hosts::parse(&settings).map_err(failed)?;
        let board = Arc::new(HealthBoard::new());
        let (drain, disconnect) = (watch::Sender::new(false), watch::Sender::new(false));
        let link = async |side| {
            let mut hosts = hosts.clone();
            let first = first_connection(&mut hosts, side, deadline)
                .await
                .map_err(failed)?;
            let closing = disconnect.subscribe();
            Ok::<_, BrokerError>(Link::start(side, first, hosts, Arc::clone(&board), closing))
        };
        let publish = link(Side::Publish).await?;
        let consume = link(Side::Consume).await?;
        let (running, ended) = mpsc::channel(1);
        let declarer = Arc::new(Declarer::new(
            settings.topology.clone(),
            settings.delivery_limit,
        ));
        tokio::spawn(restore_after_reconnect(
            consume.clone(),
            Arc::clone(&declarer),
        ));
        Ok(Self {
            publisher: Publisher::start(&settings, &publish, &drain.subscribe(), &running),
            consume,
            declarer,
            board,
            drain,
            disconnect,
            running: std::sync::Mutex::new(Some(running)),
            ended: Mutex::new(ended),
        })
    }

    fn running(&self) -> Option<mpsc::Sender<()>> {
        self.running
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    async fn subscribe(
        &self,
        queue: &str,
        prefetch: u16,
        access: Access,
    ) -> Result<Consumer, BrokerError> {
        let running = self.running().ok_or(BrokerError::Unavailable)?;
        let prefetch = prefetch.clamp(1, PREFETCH_MAX);
        let (deliveries, receiver) = mpsc::channel(prefetch.into());
        let (first, subscribed) = oneshot::channel();
        let subscription = Subscription {
            queue: queue.to_owned(),
            prefetch,
            access,
            deliveries,
            declarer: Arc::clone(&self.declarer),
            board: Arc::clone(&self.board),
            closing: self.drain.subscribe(),
        };
        tokio::spawn(subscription.run(self.consume.clone(), first, running));
        match timeout(RPC_TIMEOUT, subscribed).await {
            Ok(Ok(Err(error))) => Err(Self::queue_error(queue, error)),
            // Without a connection it goes on trying.
            Ok(Ok(Ok(())) | Err(_)) | Err(_) => Ok(Consumer::new(receiver)),
        }
    }

    fn queue_error(
        queue: &str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> BrokerError {
        BrokerError::Queue {
            queue: queue.to_owned(),
            source: Box::new(source),
        }
    }
}

/// Declares again, on every new connection, what was declared before.
async fn restore_after_reconnect(mut link: Link, declarer: Arc<Declarer>) {
    let mut generation = 1;
    while let Some(live) = link.newer(generation).await {
        generation = live.generation;
        drop(live);
        declarer.restore_all(&link).await;
    }
}

#[async_trait]
impl Broker for Rabbit {
    async fn declare_base(&self) -> Result<(), BrokerError> {
        self.declarer.base(&self.consume).await
    }

    async fn declare_replies(&self, queues: u32) -> Result<(), BrokerError> {
        self.declarer.replies(&self.consume, queues).await
    }

    async fn declare_steps(&self, steps: &[(ActionName, Op)]) -> Result<(), BrokerError> {
        self.declarer.steps(&self.consume, steps).await
    }

    async fn restore(&self, name: &str) {
        self.declarer.restore(&self.consume, name).await;
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Settled> {
        self.publisher.publish(batch).await
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.subscribe(queue, prefetch, Access::Fair).await
    }

    async fn consume_spare(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.subscribe(queue, prefetch, Access::Spare).await
    }

    async fn consume_own(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.subscribe(queue, prefetch, Access::Own).await
    }

    async fn depth(&self, queue: &str) -> Result<Option<Depth>, BrokerError> {
        let live = connection(&self.consume).await?;
        let channel = live.channel().await.map_err(|_| BrokerError::Unavailable)?;
        let options = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let look = channel.queue_declare(convert::name(queue), options, FieldTable::default());
        match rpc(look).await {
            Ok(found) => {
                let _closed = rpc(channel.close(200, "OK".into())).await;
                Ok(Some(Depth {
                    messages: found.message_count(),
                    consumers: found.consumer_count(),
                }))
            }
            Err(error) => {
                live.suspect();
                match error.code() {
                    Some(NOT_FOUND) => Ok(None),
                    Some(_) => Err(Self::queue_error(queue, error)),
                    None => Err(BrokerError::Unavailable),
                }
            }
        }
    }

    async fn inspect(&self, steps: &[(ActionName, Op)]) -> Result<Vec<Inspected>, BrokerError> {
        let live = connection(&self.consume).await?;
        inspect(&live, self.declarer.needed(steps).await).await
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.board.watch()
    }

    async fn close(&self) {
        self.drain.send_replace(true);
        self.running
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        // `None` once every task has dropped its end; what is still under way after the timeout
        // is redelivered, or unknown to whoever published it.
        let _ended = timeout(DRAIN_TIMEOUT, async {
            self.ended.lock().await.recv().await
        })
        .await;
        self.disconnect.send_replace(true);
        let mut health = self.board.watch();
        let gone = health.wait_for(|health| *health == Health::Disconnected);
        let _gone = timeout(RPC_TIMEOUT, gone).await;
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        self.drain.send_replace(true);
        self.disconnect.send_replace(true);
    }
}
