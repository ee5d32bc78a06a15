//! Confirmed publishing: one task owns each channel, because confirms on a shared one are credited
//! to the wrong message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::{error, warn};

use super::convert;
use super::flight::{Confirm, Flight, Sent};
use super::outbound::{Job, Outbound};
use super::reconnect::Delays;
use super::settings::RabbitSettings;
use super::supervisor::{Broken, Link, Live, rpc, set};
use crate::broker::Settled;
use crate::message::Outgoing;

/// Calls of `publish` that wait to be looked at by one channel's task.
const JOBS_MAX: usize = 64;

/// The publishing channels.
#[derive(Debug)]
pub(super) struct Publisher {
    channels: Vec<mpsc::Sender<Job>>,
    next: AtomicUsize,
    confirm_timeout: Duration,
}

impl Publisher {
    /// Starts the tasks. Each holds `running` until it has ended.
    pub(super) fn start(
        settings: &RabbitSettings,
        link: &Link,
        closing: &watch::Receiver<bool>,
        running: &mpsc::Sender<()>,
    ) -> Self {
        let start = |_| {
            let (sender, jobs) = mpsc::channel(JOBS_MAX);
            let task = Task {
                jobs,
                outbound: Outbound::default(),
                flight: Flight::default(),
                open: true,
                events_exchange: settings.topology.events_exchange(),
                window: settings.publish_window.max(1),
                confirm_timeout: settings.confirm_timeout,
                closing: closing.clone(),
            };
            tokio::spawn(task.run(link.clone(), running.clone()));
            sender
        };
        Self {
            channels: (0..settings.publish_channels.max(1)).map(start).collect(),
            next: AtomicUsize::new(0),
            confirm_timeout: settings.confirm_timeout,
        }
    }

    /// Publishes a batch on one of the channels.
    pub(super) async fn publish(&self, messages: Vec<Outgoing>) -> Vec<Settled> {
        let count = messages.len();
        let unknown = || vec![Settled::Unknown; count];
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.channels.len();
        let (done, settled) = oneshot::channel();
        let expires = Instant::now() + self.confirm_timeout;
        let handed_over = self.channels[turn].send(Job {
            messages,
            expires,
            done,
        });
        match timeout_at(expires, handed_over).await {
            Ok(Ok(())) => settled.await.unwrap_or_else(|_| unknown()),
            Ok(Err(_)) | Err(_) => unknown(),
        }
    }
}

struct Task {
    jobs: mpsc::Receiver<Job>,
    outbound: Outbound,
    flight: Flight,
    /// More jobs may come.
    open: bool,
    /// Its messages are for whoever wants them, and it is fine when nobody does.
    events_exchange: String,
    window: usize,
    confirm_timeout: Duration,
    closing: watch::Receiver<bool>,
}

/// Why a session on one channel ended.
enum End {
    /// Nobody can publish any more and nothing is under way.
    Done,
    /// The channel broke.
    Broken(Broken),
    /// A confirm is overdue.
    Overdue,
}

impl Task {
    async fn run(mut self, mut link: Link, _running: mpsc::Sender<()>) {
        let mut delays = Delays::new();
        while let Some(live) = self.connection(&mut link).await {
            let began = Instant::now();
            match self.session(&live).await {
                End::Done => return,
                End::Overdue => {
                    warn!(timeout = ?self.confirm_timeout, "no confirm in time, reconnecting");
                    self.abort(None);
                    live.abandon();
                }
                End::Broken(error) => {
                    let missing = missing_exchange(&error);
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "publishing channel lost"
                    );
                    self.abort(missing.as_deref());
                    live.suspect();
                }
            }
            if began.elapsed() > self.confirm_timeout {
                delays.reset();
            }
            drop(live);
            sleep(delays.next()).await;
        }
        self.outbound.give_up();
    }

    fn abort(&mut self, missing_exchange: Option<&str>) {
        for (slot, fate) in self.flight.abort(missing_exchange) {
            self.outbound.settle(slot, fate);
        }
    }

    /// Waits for a connection; meanwhile jobs queue up and expire. `None` when all is over.
    async fn connection(&mut self, link: &mut Link) -> Option<Arc<Live>> {
        loop {
            let (idle, room) = (self.outbound.len() == 0, self.outbound.len() < self.window);
            if idle && !self.open {
                return None;
            }
            let expires = self.outbound.expires();
            tokio::select! {
                biased;
                () = set(&mut self.closing), if idle => return None,
                live = link.live() => return live,
                job = self.jobs.recv(), if self.open && room => self.accept(job),
                () = at(expires) => self.outbound.expire(Instant::now()),
            }
        }
    }

    fn accept(&mut self, job: Option<Job>) {
        match job {
            Some(job) => self.outbound.add(job),
            None => self.open = false,
        }
    }

    async fn session(&mut self, live: &Live) -> End {
        let channel = match open(live).await {
            Ok(channel) => channel,
            Err(error) => return End::Broken(error),
        };
        let (mut blocked, mut ended) = (live.blocked(), live.ended());
        let mut blocks = false;
        let mut confirms = FuturesUnordered::new();
        // The broker reads nothing while it blocks, so that time does not count.
        let mut count_from = Instant::now();
        let mut closed = false;
        loop {
            // Looked at before every send: a job may be at hand before the change is.
            if std::mem::replace(&mut blocks, *blocked.borrow_and_update()) != blocks {
                count_from = Instant::now();
            }
            while !blocks && self.flight.len() < self.window {
                let Some((number, ready)) = self.launch() else {
                    break;
                };
                let mandatory = ready.exchange.as_str() != self.events_exchange;
                confirms.push(publish(&channel, number, ready, mandatory));
            }
            if !self.open && self.flight.len() == 0 && self.outbound.len() == 0 {
                return End::Done;
            }
            let room = self.open && self.outbound.len() < self.window;
            let overdue = self
                .flight
                .oldest()
                .filter(|_| !blocks)
                .map(|at| at.max(count_from) + self.confirm_timeout);
            let expires = self.outbound.expires();
            tokio::select! {
                biased;
                Some(first) = confirms.next(), if !confirms.is_empty() => {
                    if let Err(error) = self.confirmed(first, &mut confirms) {
                        return End::Broken(error.into());
                    }
                }
                job = self.jobs.recv(), if room => self.accept(job),
                Ok(()) = blocked.changed() => {}
                () = set(&mut ended) => return End::Broken(Broken::Ended),
                () = at(overdue) => return End::Overdue,
                () = at(expires) => self.outbound.expire(Instant::now()),
                () = set(&mut self.closing), if !closed => {
                    // What callers have handed over is still sent; nothing new comes in.
                    self.jobs.close();
                    closed = true;
                }
            }
        }
    }

    /// The next message that can be sent at all.
    fn launch(&mut self) -> Option<(u64, convert::Ready)> {
        loop {
            let waiting = self.outbound.take()?;
            let message_id = waiting.message.properties.message_id.clone();
            let exchange = waiting.message.properties.exchange.clone();
            let slot = waiting.slot;
            match convert::outgoing(waiting.message) {
                Ok(ready) => {
                    let sent = Sent {
                        slot,
                        message_id,
                        exchange,
                        at: Instant::now(),
                    };
                    return Some((self.flight.launch(sent), ready));
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    error!(message.id = message_id, error, "a message cannot be sent");
                    self.outbound.settle(slot, Settled::Refused);
                }
            }
        }
    }

    /// Takes every confirm there is, see [`Flight::settle`].
    fn confirmed<F: Future<Output = Verdict>>(
        &mut self,
        first: Verdict,
        confirms: &mut FuturesUnordered<F>,
    ) -> lapin::Result<()> {
        let mut verdicts = vec![first];
        drain(confirms, &mut verdicts);
        let mut failed = Ok(());
        let mut known = Vec::with_capacity(verdicts.len());
        for (number, confirmation) in verdicts {
            let (ack, returned) = match confirmation {
                Ok(Confirmation::Ack(returned)) => (true, returned),
                Ok(Confirmation::Nack(returned)) => (false, returned),
                Ok(Confirmation::NotRequested) => continue,
                Err(error) => {
                    failed = Err(error);
                    continue;
                }
            };
            let returned = returned.map(|message| {
                let id = message.delivery.properties.message_id().as_ref();
                id.map(|id| id.as_str().to_owned()).unwrap_or_default()
            });
            known.push(Confirm {
                number,
                ack,
                returned,
            });
        }
        for (slot, fate) in self.flight.settle(known) {
            self.outbound.settle(slot, fate);
        }
        failed
    }
}

/// Number of a message and what its confirm said.
type Verdict = (u64, lapin::Result<Confirmation>);

async fn open(live: &Live) -> Result<Channel, Broken> {
    let channel = live.channel().await?;
    rpc(channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

/// Sends one message and waits for its confirm. The first poll queues its frames, so messages go
/// out in the order in which these futures are first polled, and none waits for the socket.
async fn publish(
    channel: &Channel,
    number: u64,
    ready: convert::Ready,
    mandatory: bool,
) -> Verdict {
    let options = BasicPublishOptions {
        mandatory,
        immediate: false,
    };
    let convert::Ready {
        exchange,
        routing_key,
        properties,
        body,
    } = ready;
    let sent = channel
        .basic_publish(exchange, routing_key, options, &body, properties)
        .await;
    match sent {
        Ok(confirm) => (number, confirm.await),
        Err(error) => (number, Err(error)),
    }
}

/// Takes everything that has completed. A set of futures may stop early and ask to be polled
/// again; nothing that has completed may be left behind, so it is.
fn drain<F: Future<Output = Verdict>>(confirms: &mut FuturesUnordered<F>, into: &mut Vec<Verdict>) {
    struct Again(AtomicBool);
    impl Wake for Again {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Release);
        }
    }
    let again = Arc::new(Again(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&again));
    let mut context = Context::from_waker(&waker);
    loop {
        match confirms.poll_next_unpin(&mut context) {
            Poll::Ready(Some(verdict)) => into.push(verdict),
            Poll::Ready(None) => return,
            Poll::Pending if again.0.swap(false, Ordering::AcqRel) => {}
            Poll::Pending => return,
        }
    }
}

/// The exchange that the broker closed the channel over, when that was the reason.
fn missing_exchange(error: &Broken) -> Option<String> {
    const NOT_FOUND: u16 = 404;
    if error.code() != Some(NOT_FOUND) {
        return None;
    }
    let said = error.to_string();
    let (_, rest) = said.split_once("no exchange '")?;
    rest.split_once('\'').map(|(name, _)| name.to_owned())
}

/// Sleeps until then, or for ever.
async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}
