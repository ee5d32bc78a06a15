//! Load: as much as goes, at a rate, or one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::api::Api;

/// Connections that start sagas.
const STARTERS: usize = 32;

/// How often the orchestrators are asked how many sagas have ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Of sagas under load, one in so many is waited for, to know how long it takes.
const WAITED_FOR: u64 = 20;

/// Sagas that do not end in this time never will.
const ENDED_WITHIN: Duration = Duration::from_secs(120);

/// Starts sagas that no other run has the keys of.
#[derive(Debug)]
pub(crate) struct Load {
    authorities: Vec<String>,
    next: Arc<AtomicU64>,
}

impl Load {
    pub(crate) fn new(authorities: Vec<String>) -> Self {
        Self {
            authorities,
            next: Arc::default(),
        }
    }

    /// Keeps `open` sagas open until `sagas` have been started, and waits until all have ended.
    /// Returns how long the sampled ones took, from asking for the start to knowing of the end.
    pub(crate) async fn full(&self, sagas: u64, open: usize) -> Result<Vec<Duration>> {
        let room = Arc::new(Semaphore::new(open));
        let samples = Arc::new(Mutex::new(Vec::new()));
        let left = Arc::new(AtomicU64::new(sagas));
        let mut apis = Vec::new();
        for number in 0..self.authorities.len() {
            apis.push(self.api(number).await?);
        }
        // Before the first is started, so that none that ends is missed.
        let before = closed(&mut apis).await?;
        let mut starting: JoinSet<Result<()>> = JoinSet::new();
        for number in 0..STARTERS {
            let mut api = self.api(number).await?;
            let (room, left, samples) =
                (Arc::clone(&room), Arc::clone(&left), Arc::clone(&samples));
            let (next, authority) = (Arc::clone(&self.next), self.authority(number));
            starting.spawn(async move {
                let mut waiting = JoinSet::new();
                while take(&left) {
                    room.acquire().await?.forget();
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let began = Instant::now();
                    let saga = api.start(body(number)).await?;
                    if number.is_multiple_of(WAITED_FOR) {
                        let authority = authority.clone();
                        waiting.spawn(async move { wait(&authority, &saga, began).await });
                    }
                }
                let took = waiting.join_all().await;
                samples
                    .lock()
                    .await
                    .extend(took.into_iter().collect::<Result<Vec<_>>>()?);
                Ok(())
            });
        }
        // A starter that fails is heard of at once, not when the others have waited in vain.
        let started = async {
            while let Some(ended) = starting.join_next().await {
                ended??;
            }
            Ok(())
        };
        let all = async { tokio::try_join!(watch(sagas, &room, &mut apis, before), started) };
        timeout(ENDED_WITHIN, all)
            .await
            .context("the sagas do not end")??;
        let samples = std::mem::take(&mut *samples.lock().await);
        Ok(samples)
    }

    /// Starts sagas at a steady rate, whatever becomes of them, and waits for
    /// one in [`WAITED_FOR`].
    pub(crate) async fn steady(&self, per_second: f64, lasting: Duration) -> Result<Vec<Duration>> {
        let apis = Arc::new(Semaphore::new(STARTERS));
        let mut pool = Vec::new();
        for number in 0..STARTERS {
            pool.push(self.api(number).await?);
        }
        let pool = Arc::new(Mutex::new(pool));
        let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let until = Instant::now() + lasting;
        let mut running = JoinSet::new();
        while Instant::now() < until {
            ticks.tick().await;
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let (apis, pool) = (Arc::clone(&apis), Arc::clone(&pool));
            let authority = self.authority(usize::try_from(number).unwrap_or(0));
            // From when it was to be started: what waits for a connection counts.
            let began = Instant::now();
            running.spawn(async move {
                let permit = apis.acquire_owned().await?;
                let mut api = pool
                    .lock()
                    .await
                    .pop()
                    .context("a connection for a permit")?;
                let saga = api.start(body(number)).await?;
                pool.lock().await.push(api);
                drop(permit);
                if !number.is_multiple_of(WAITED_FOR) {
                    return Ok(None);
                }
                wait(&authority, &saga, began).await.map(Some)
            });
        }
        let all = timeout(ENDED_WITHIN, running.join_all()).await?;
        let took = all.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(took.into_iter().flatten().collect())
    }

    /// One saga after the other, each waited for.
    pub(crate) async fn one_at_a_time(&self, sagas: usize) -> Result<Vec<Duration>> {
        let mut api = self.api(0).await?;
        let mut took = Vec::with_capacity(sagas);
        for _ in 0..sagas {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let began = Instant::now();
            let saga = api.start(body(number)).await?;
            api.wait(&saga).await?;
            took.push(began.elapsed());
        }
        Ok(took)
    }

    async fn api(&self, number: usize) -> Result<Api> {
        Api::connect(&self.authority(number)).await
    }

    fn authority(&self, number: usize) -> String {
        self.authorities[number % self.authorities.len()].clone()
    }
}

/// Makes room for every saga that ends, until so many have.
async fn watch(sagas: u64, room: &Semaphore, apis: &mut [Api], before: u64) -> Result<()> {
    let mut counted = 0;
    while counted < sagas {
        sleep(LOOK_EVERY).await;
        let ended = closed(apis).await? - before;
        room.add_permits(usize::try_from(ended - counted)?);
        counted = ended;
    }
    Ok(())
}

async fn closed(apis: &mut [Api]) -> Result<u64> {
    let mut sum = 0;
    for api in apis {
        sum += api.closed().await?;
    }
    Ok(sum)
}

async fn wait(authority: &str, saga: &str, began: Instant) -> Result<Duration> {
    Api::connect(authority).await?.wait(saga).await?;
    Ok(began.elapsed())
}

/// Takes one of those that are left to be started.
fn take(left: &AtomicU64) -> bool {
    let less = |left: u64| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
}

/// A request to start a saga with an input that is unlike all others.
pub(crate) fn body(number: impl std::fmt::Display) -> String {
    serde_json::json!({
        "definition": "four-steps",
        "input": {
            "orderId": format!("b-{number}"),
            "customer": format!("Customer {number}"),
            "plan": "yearly",
            "currency": "EUR",
        },
    })
    .to_string()
}
