//! Tells the orchestrators that this worker lives, what it can do and what it is doing.
//!
//! An idle worker says a word a minute. One in which something runs for longer than a second says
//! so every few seconds; that is how the orchestrators know that a command was started.

use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, Health, Settled};
use broker::envelope::worker::{self, Announcement, Draining, Occasion};
use broker::topology::Topology;
use saga_core::time::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::server::Worker;
use crate::ledger::WorkerId;
use crate::operation::Lane;
use crate::running::Running;

/// A worker in which nothing happens says this often that it lives.
const BEAT_EVERY: Duration = Duration::from_secs(60);

/// What has run for this long is told.
const LONG: Duration = Duration::from_secs(1);

/// While something runs that long, it is told this often.
const LONG_BEAT_EVERY: Duration = Duration::from_secs(5);

/// While something runs, this is how often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An announcement that was not confirmed is made again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// There is at least this much between two announcements, however much happens.
const PAUSE: Duration = Duration::from_secs(1);

/// No announcement is worth a longer wait.
const SAY_WITHIN: Duration = Duration::from_secs(10);

/// What a worker announces, and how.
pub(super) struct Announcer {
    broker: Arc<dyn Broker>,
    topology: Topology,
    worker: WorkerId,
    name: String,
    build: String,
    started_at: Timestamp,
    lanes: Vec<Arc<Lane>>,
    running: Running,
    /// A breaker has changed.
    news: Arc<Notify>,
    speaks_when_idle: bool,
    /// Set once the worker takes nothing new.
    draining: watch::Receiver<Option<Draining>>,
    seq: u64,
}

impl Announcer {
    /// An announcer of a run that begins now.
    pub(super) fn new(
        worker: &Worker,
        id: &WorkerId,
        lanes: Vec<Arc<Lane>>,
        running: Running,
        (news, draining): (Arc<Notify>, watch::Receiver<Option<Draining>>),
    ) -> Self {
        Self {
            broker: Arc::clone(&worker.broker),
            topology: worker.topology.clone(),
            worker: id.clone(),
            name: worker.name.clone(),
            build: worker.build.clone(),
            started_at: worker.ledger.now(),
            lanes,
            running,
            news,
            speaks_when_idle: worker.speaks_when_idle,
            draining,
            seq: 0,
        }
    }

    /// Announces until stopped; hands itself back for the last word.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Self {
        let mut health = self.broker.health();
        let mut occasion = Some(Occasion::Hello);
        let mut said_at: Option<Instant> = None;
        let mut draining = self.draining.clone();
        loop {
            let is_connected = *health.borrow_and_update() == Health::Connected;
            let since = said_at.map_or(Duration::MAX, |said_at| said_at.elapsed());
            if is_connected && let Some(due) = occasion {
                let said = async {
                    sleep(PAUSE.saturating_sub(since)).await;
                    self.say(due).await
                };
                let said = tokio::select! {
                    biased;
                    said = said => said,
                    () = stop.cancelled() => return self,
                };
                if said {
                    (occasion, said_at) = (None, Some(Instant::now()));
                }
            }
            let since = said_at.map_or(Duration::ZERO, |said_at| said_at.elapsed());
            let pause = match occasion {
                Some(_) => Some(AGAIN_AFTER),
                None => self
                    .speaks_when_idle
                    .then(|| BEAT_EVERY.saturating_sub(since)),
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return self,
                changed = health.changed() => match changed {
                    // Whoever was away from the broker may be taken for dead by now.
                    Ok(()) if !is_connected => occasion = Some(Occasion::Hello),
                    Ok(()) => {}
                    Err(_closed) => return self,
                },
                () = after(pause) => occasion = occasion.or(Some(Occasion::Heartbeat)),
                Ok(()) = draining.changed() => occasion = occasion.or(Some(Occasion::Heartbeat)),
                () = self.news.notified() => occasion = occasion.or(Some(Occasion::Heartbeat)),
                () = self.long_calls(said_at) => {
                    occasion = occasion.or(Some(Occasion::Heartbeat));
                }
            }
        }
    }

    /// The last word, once nothing runs any more.
    pub(super) async fn goodbye(mut self) {
        self.say(Occasion::Goodbye).await;
    }

    /// Waits until something has run for long, and was not told just now.
    async fn long_calls(&self, said_at: Option<Instant>) {
        let mut count = self.running.count();
        while count.wait_for(|count| *count > 0).await.is_ok() {
            sleep(LOOK_EVERY).await;
            let is_told = said_at.is_some_and(|it| it.elapsed() < LONG_BEAT_EVERY);
            if !is_told && self.running.any_for(LONG) {
                return;
            }
        }
        std::future::pending().await
    }

    /// Whether the broker has confirmed it.
    async fn say(&mut self, occasion: Occasion) -> bool {
        self.seq += 1;
        let announcement = Announcement {
            announcement: occasion,
            worker: self.worker.to_string(),
            seq: self.seq,
            name: self.name.clone(),
            build: self.build.clone(),
            started_at: self.started_at,
            operations: self.lanes.iter().map(|lane| lane.info()).collect(),
            running: self.running.report(LONG),
            draining: self.draining.borrow().clone(),
        };
        let message = worker::encode(&self.topology, &announcement);
        let settled = timeout(SAY_WITHIN, self.broker.publish(vec![message])).await;
        match settled.as_deref().unwrap_or_default().first() {
            Some(Settled::Confirmed) => true,
            Some(Settled::Unroutable) => {
                tracing::warn!(
                    queue = self.topology.requests_queue(),
                    "no queue takes this worker's announcements; is its orchestrator set up?"
                );
                false
            }
            Some(Settled::Refused | Settled::Unknown) | None => {
                tracing::debug!(?occasion, "an announcement was not confirmed");
                false
            }
        }
    }
}

/// Waits; for ever without a time.
async fn after(pause: Option<Duration>) {
    match pause {
        Some(pause) => sleep(pause).await,
        None => std::future::pending().await,
    }
}
