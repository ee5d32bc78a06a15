//! Keeps one connection alive for ever: each new one is a new generation, nothing is carried over.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::{Channel, Connection, Event};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tracing::{info, warn};

use super::address::{ConnectFailure, Hosts};
use super::health::{HealthBoard, Side};
use super::reconnect::Delays;
use crate::broker::Health;

/// For one request on a connection that should be quick, such as opening a channel.
pub(super) const RPC_TIMEOUT: Duration = Duration::from_secs(10);
/// For saying goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The library does not report every way in which a connection ends, so it is also looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One connection while it lives.
#[derive(Debug)]
pub(super) struct Live {
    /// Counts the connections of this link, from 1.
    pub(super) generation: u64,
    connection: Connection,
    blocked: watch::Sender<bool>,
    ended: watch::Sender<bool>,
    suspected: Notify,
    abandoned: Notify,
}

impl Live {
    /// Opens a channel.
    pub(super) async fn channel(&self) -> Result<Channel, Broken> {
        match timeout(RPC_TIMEOUT, self.connection.create_channel()).await {
            Ok(channel) => channel.map_err(Broken::from),
            Err(_) => Err(Broken::Silent),
        }
    }

    /// Something failed on it; the supervisor looks whether it still lives.
    pub(super) fn suspect(&self) {
        self.suspected.notify_one();
    }

    /// It cannot be trusted any more; the supervisor closes it.
    pub(super) fn abandon(&self) {
        self.abandoned.notify_one();
    }

    /// Whether the broker takes no messages on it.
    pub(super) fn blocked(&self) -> watch::Receiver<bool> {
        self.blocked.subscribe()
    }

    /// Set when the supervisor is done with it. A connection that is closed while the broker
    /// blocks would otherwise leave what waits on it waiting.
    pub(super) fn ended(&self) -> watch::Receiver<bool> {
        self.ended.subscribe()
    }

    async fn close(&self) {
        // A blocked connection writes nothing, not even this; then the socket is just dropped.
        let goodbye = self.connection.close(200, "OK".into());
        let _bye = timeout(CLOSE_TIMEOUT, goodbye).await;
    }
}

/// Why a request on a channel or connection failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Amqp(#[from] lapin::Error),
    #[error("no answer within {} s", RPC_TIMEOUT.as_secs())]
    Silent,
    #[error("the connection was closed")]
    Ended,
}

impl Broken {
    /// What the broker said, when it was the broker that refused.
    pub(super) fn reply_text(&self) -> String {
        match self {
            Self::Amqp(error) => match error.kind() {
                lapin::ErrorKind::ProtocolError(error) => error.get_message().to_string(),
                _ => error.to_string(),
            },
            Self::Silent | Self::Ended => self.to_string(),
        }
    }

    /// The broker's reply code, when it was the broker that refused.
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Self::Amqp(error) => match error.kind() {
                lapin::ErrorKind::ProtocolError(error) => Some(error.get_id()),
                _ => None,
            },
            Self::Silent | Self::Ended => None,
        }
    }
}

/// Runs one request with [`RPC_TIMEOUT`].
pub(super) async fn rpc<T>(request: impl Future<Output = lapin::Result<T>>) -> Result<T, Broken> {
    match timeout(RPC_TIMEOUT, request).await {
        Ok(answer) => answer.map_err(Broken::from),
        Err(_) => Err(Broken::Silent),
    }
}

/// Waits until the flag is set, or its owner is gone.
pub(super) async fn set(flag: &mut watch::Receiver<bool>) {
    let _owner_is_gone = flag.wait_for(|set| *set).await;
}

/// A connection that is always there or on its way.
#[derive(Debug, Clone)]
pub(super) struct Link {
    live: watch::Receiver<Option<Arc<Live>>>,
}

impl Link {
    /// Takes over a connection and replaces it whenever it is lost, until `closing` turns true.
    pub(super) fn start(
        side: Side,
        first: Connection,
        hosts: Hosts,
        board: Arc<HealthBoard>,
        closing: watch::Receiver<bool>,
    ) -> Self {
        let (sender, live) = watch::channel(None);
        let supervisor = Supervisor {
            side,
            hosts,
            board,
            live: sender,
            closing,
        };
        // The first generation is there before anybody asks.
        let first = supervisor.announce(first, 1);
        tokio::spawn(supervisor.run(first));
        Self { live }
    }

    /// The connection, once there is one; `None` when the broker is closed.
    pub(super) async fn live(&mut self) -> Option<Arc<Live>> {
        match self.live.wait_for(Option::is_some).await {
            Ok(live) => live.clone(),
            Err(_) => None,
        }
    }

    /// The first connection after that generation; `None` when the broker is closed.
    pub(super) async fn newer(&mut self, generation: u64) -> Option<Arc<Live>> {
        let is_newer = |live: &Option<Arc<Live>>| {
            live.as_ref()
                .is_some_and(|live| live.generation > generation)
        };
        match self.live.wait_for(is_newer).await {
            Ok(live) => live.clone(),
            Err(_) => None,
        }
    }
}

/// Connects for the first time: every host in turn until one answers or the time is up. Only when
/// none of them can ever work does it give up at once.
pub(super) async fn first_connection(
    hosts: &mut Hosts,
    side: Side,
    deadline: Instant,
) -> Result<Connection, ConnectFailure> {
    let mut delays = Delays::new();
    loop {
        let mut hopeless = true;
        let mut last = ConnectFailure::NoUrl;
        for _ in 0..hosts.len() {
            match hosts.connect(side.as_str()).await {
                Ok(connection) => return Ok(connection),
                Err(failure) => {
                    hopeless &= failure.is_permanent();
                    last = failure;
                }
            }
        }
        let delay = delays.next();
        if hopeless || Instant::now() + delay >= deadline {
            return Err(last);
        }
        sleep(delay).await;
    }
}

struct Supervisor {
    side: Side,
    hosts: Hosts,
    board: Arc<HealthBoard>,
    live: watch::Sender<Option<Arc<Live>>>,
    closing: watch::Receiver<bool>,
}

impl Supervisor {
    async fn run(mut self, first: Arc<Live>) {
        let mut live = first;
        loop {
            let closed = self.watch(&live).await;
            self.live.send_replace(None);
            self.board.set(self.side, Health::Disconnected);
            live.close().await;
            if closed {
                return;
            }
            let generation = live.generation + 1;
            warn!(
                connection = self.side.as_str(),
                generation, "connection lost, reconnecting"
            );
            drop(live);
            let mut closing = self.closing.clone();
            let connection = tokio::select! {
                connection = self.reconnect() => connection,
                () = set(&mut closing) => return,
            };
            live = self.announce(connection, generation);
            info!(connection = self.side.as_str(), generation, "connected");
        }
    }

    fn announce(&self, connection: Connection, generation: u64) -> Arc<Live> {
        let live = Arc::new(Live {
            generation,
            connection,
            blocked: watch::Sender::new(false),
            ended: watch::Sender::new(false),
            suspected: Notify::new(),
            abandoned: Notify::new(),
        });
        self.board.set(self.side, Health::Connected);
        self.live.send_replace(Some(Arc::clone(&live)));
        live
    }

    /// Returns when the connection is lost (false) or to be closed (true).
    async fn watch(&mut self, live: &Live) -> bool {
        let mut events = Box::pin(live.connection.events_listener());
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => {
                        warn!(connection = self.side.as_str(), reason, "the broker blocks");
                        live.blocked.send_replace(true);
                        self.board.set(self.side, Health::Blocked);
                    }
                    Some(Event::ConnectionUnblocked) => {
                        info!(connection = self.side.as_str(), "the broker takes messages again");
                        live.blocked.send_replace(false);
                        self.board.set(self.side, Health::Connected);
                    }
                    Some(_) => {}
                    None => return false,
                },
                () = live.suspected.notified() => {}
                _ = look.tick() => {}
                () = live.abandoned.notified() => return false,
                () = set(&mut self.closing) => return true,
            }
            if !live.connection.status().connected() {
                return false;
            }
        }
    }

    async fn reconnect(&mut self) -> Connection {
        let mut delays = Delays::new();
        loop {
            for _ in 0..self.hosts.len() {
                match self.hosts.connect(self.side.as_str()).await {
                    Ok(connection) => return connection,
                    Err(failure) => {
                        let error = &failure as &(dyn std::error::Error + 'static);
                        warn!(connection = self.side.as_str(), error, "connect failed");
                    }
                }
            }
            sleep(delays.next()).await;
        }
    }
}
