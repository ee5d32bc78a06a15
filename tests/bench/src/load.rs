//! Load: as much as goes, at a rate, or one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures_util::future::try_join_all;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::api::Api;
use crate::requests::Requests;
use crate::workload::Workload;

/// How often the orchestrators are asked how many sagas have ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Of sagas at a steady rate, one in so many is waited for, to know how long it takes.
pub(crate) const WAITED_FOR: u64 = 20;

/// The same under full load, where waiting takes from what is measured.
const WAITED_FOR_UNDER_FULL_LOAD: u64 = 50;

/// When no saga has ended for this long, none will.
pub(crate) const STALLED_AFTER: Duration = Duration::from_secs(120);

/// How long one saga took, from when it was to be started to knowing of its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Since the load began.
    pub(crate) at: Duration,
    pub(crate) took: Duration,
}

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

    /// The same, with these orchestrators.
    pub(crate) fn toward(&self, authorities: Vec<String>) -> Self {
        Self {
            authorities,
            next: Arc::clone(&self.next),
        }
    }

    /// Keeps `open` sagas open until `sagas` have been started, and waits until all have ended.
    /// Returns how long the sampled ones took, from asking for the start to knowing of the end.
    pub(crate) async fn full(
        &self,
        (workload, requests): (Workload, Requests),
        sagas: u64,
        open: usize,
    ) -> Result<Vec<Duration>> {
        let at_once = usize::try_from(requests.at_once())?;
        let room = Arc::new(Semaphore::new(open));
        let samples = Arc::new(Mutex::new(Vec::new()));
        let left = Arc::new(AtomicU64::new(sagas));
        let mut apis = self.all().await?;
        // Before the first is started, so that none that ends is missed.
        let before = closed(workload, &mut apis).await?;
        let mut starting: JoinSet<Result<()>> = JoinSet::new();
        for number in 0..requests.connections() {
            let mut api = self.api(number).await?;
            let (room, left, samples) =
                (Arc::clone(&room), Arc::clone(&left), Arc::clone(&samples));
            let (next, authority) = (Arc::clone(&self.next), self.authority(number));
            starting.spawn(async move {
                let mut waiting = JoinSet::new();
                while take(&left) {
                    room.acquire().await?.forget();
                    let mut numbers = vec![next.fetch_add(1, Ordering::Relaxed)];
                    while numbers.len() < at_once
                        && let Ok(more) = room.try_acquire()
                        && take(&left)
                    {
                        more.forget();
                        numbers.push(next.fetch_add(1, Ordering::Relaxed));
                    }
                    let began = Instant::now();
                    let sagas = start(&mut api, workload, &numbers).await?;
                    for (number, saga) in numbers.into_iter().zip(sagas) {
                        if number.is_multiple_of(WAITED_FOR_UNDER_FULL_LOAD) {
                            let authority = authority.clone();
                            waiting.spawn(async move { wait(&authority, &saga, began).await });
                        }
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
        tokio::try_join!(watch((workload, sagas), &room, &mut apis, before), started)?;
        let samples = std::mem::take(&mut *samples.lock().await);
        Ok(samples)
    }

    /// Starts sagas at a steady rate, whatever becomes of them, and waits until all have ended.
    /// Returns how long one in [`WAITED_FOR`] took.
    pub(crate) async fn steady(
        &self,
        (workload, requests): (Workload, Requests),
        per_second: f64,
        lasting: Duration,
    ) -> Result<Vec<Sample>> {
        let (before, mut started) = (self.closed(workload).await?, 0);
        let pool = self.pool(requests.connections()).await?;
        let at_once = requests.at_once();
        let mut ticks = interval(Duration::from_secs_f64(f64::from(at_once) / per_second));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let first = Instant::now();
        let (mut running, mut samples) = (JoinSet::new(), Vec::new());
        while first.elapsed() < lasting {
            ticks.tick().await;
            started += u64::from(at_once);
            let numbers: Vec<u64> = (0..at_once).map(|_| self.number()).collect();
            running.spawn(started_at(workload, numbers, Arc::clone(&pool), first));
            while let Some(ended) = running.try_join_next() {
                let sampled: Result<Vec<Sample>> = ended?;
                samples.extend(sampled?);
            }
        }
        let rest = timeout(STALLED_AFTER, running.join_all())
            .await
            .context("the sagas do not end")?;
        let rest = rest.into_iter().collect::<Result<Vec<_>>>()?;
        samples.extend(rest.into_iter().flatten());
        self.ended(workload, started, before).await?;
        Ok(samples)
    }

    /// One saga after the other, each waited for.
    pub(crate) async fn one_at_a_time(
        &self,
        workload: Workload,
        sagas: usize,
    ) -> Result<Vec<Duration>> {
        let mut api = self.api(0).await?;
        let mut took = Vec::with_capacity(sagas);
        for _ in 0..sagas {
            let number = self.number();
            let began = Instant::now();
            let saga = api.start(workload.body(number)).await?;
            api.wait(&saga).await?;
            took.push(began.elapsed());
        }
        Ok(took)
    }

    /// Waits until so many sagas have ended since `before` had.
    pub(crate) async fn ended(&self, workload: Workload, sagas: u64, before: u64) -> Result<()> {
        let nobody_waits = Semaphore::new(0);
        let mut apis = self.all().await?;
        watch((workload, sagas), &nobody_waits, &mut apis, before).await
    }

    /// Sagas that have come to an end since the orchestrators started.
    pub(crate) async fn closed(&self, workload: Workload) -> Result<u64> {
        closed(workload, &mut self.all().await?).await
    }

    /// Where sagas get their numbers from, so that no two have the same key.
    pub(crate) fn numbers(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.next)
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Connections to start sagas with.
    async fn pool(&self, connections: usize) -> Result<Arc<Pool>> {
        let mut apis = Vec::new();
        for number in 0..connections {
            apis.push((self.api(number).await?, self.authority(number)));
        }
        Ok(Arc::new(Pool {
            free: Semaphore::new(connections),
            apis: Mutex::new(apis),
        }))
    }

    /// A connection to every orchestrator.
    async fn all(&self) -> Result<Vec<Api>> {
        let mut apis = Vec::new();
        for number in 0..self.authorities.len() {
            apis.push(self.api(number).await?);
        }
        Ok(apis)
    }

    async fn api(&self, number: usize) -> Result<Api> {
        Api::connect(&self.authority(number)).await
    }

    pub(crate) fn authority(&self, number: usize) -> String {
        self.authorities[number % self.authorities.len()].clone()
    }
}

/// Connections that are taken one by one and put back.
struct Pool {
    free: Semaphore,
    apis: Mutex<Vec<(Api, String)>>,
}

/// Starts sagas with one request, and waits for those that are to be waited for. Counted from now, when they
/// are to be started: what waits for a connection counts.
async fn started_at(
    workload: Workload,
    numbers: Vec<u64>,
    pool: Arc<Pool>,
    first: Instant,
) -> Result<Vec<Sample>> {
    let began = Instant::now();
    let permit = pool.free.acquire().await?;
    let (mut api, authority) = pool
        .apis
        .lock()
        .await
        .pop()
        .context("a connection for a permit")?;
    let sagas = start(&mut api, workload, &numbers).await?;
    pool.apis.lock().await.push((api, authority.clone()));
    drop(permit);
    let started = numbers.iter().zip(&sagas);
    let sampled = started.filter(|(number, _)| number.is_multiple_of(WAITED_FOR));
    let waiting = sampled.map(|(_, saga)| wait(&authority, saga, began));
    let took = try_join_all(waiting).await?;
    let at = began.duration_since(first);
    Ok(took.into_iter().map(|took| Sample { at, took }).collect())
}

/// Starts sagas with one request, and returns their ids in the same order.
async fn start(api: &mut Api, workload: Workload, numbers: &[u64]) -> Result<Vec<String>> {
    if let [number] = *numbers {
        return Ok(vec![api.start(workload.body(number)).await?]);
    }
    let bodies = numbers.iter().map(|number| workload.body(*number));
    api.start_many(bodies.collect()).await
}

/// Makes room for every saga that ends, until so many have.
async fn watch(
    (workload, sagas): (Workload, u64),
    room: &Semaphore,
    apis: &mut [Api],
    before: u64,
) -> Result<()> {
    let (mut counted, mut moved) = (0, Instant::now());
    while counted < sagas {
        sleep(LOOK_EVERY).await;
        let ended = closed(workload, apis).await? - before;
        if ended > counted {
            room.add_permits(usize::try_from(ended - counted)?);
            (counted, moved) = (ended, Instant::now());
        } else if moved.elapsed() > STALLED_AFTER {
            bail!("{counted} of {sagas} sagas have ended, and none for {STALLED_AFTER:?}");
        }
    }
    Ok(())
}

async fn closed(workload: Workload, apis: &mut [Api]) -> Result<u64> {
    let mut sum = 0;
    for api in apis {
        sum += api.closed(workload.definition()).await?;
    }
    Ok(sum)
}

pub(crate) async fn wait(authority: &str, saga: &str, began: Instant) -> Result<Duration> {
    Api::connect(authority).await?.wait(saga).await?;
    Ok(began.elapsed())
}

/// Takes one of those that are left to be started.
pub(crate) fn take(left: &AtomicU64) -> bool {
    let less = |left: u64| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
}
