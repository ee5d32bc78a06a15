//! A surge: starts at a fixed rate, whatever is answered, and nothing asked again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use hyper::StatusCode;
use tokio::task::JoinSet;
use tokio::time::{Instant as Moment, sleep_until};

use crate::api::{Answer, Api};
use crate::load::{Load, WAITED_FOR, wait};
use crate::statistics::wide;
use crate::workload::Workload;

/// Connections: so many requests may wait for their answers. Where starts are queued and not refused,
/// that slows the surge down.
const CONNECTIONS: usize = 512;

/// What a surge was answered.
#[derive(Debug, Default)]
pub(crate) struct Surge {
    pub(crate) asked: u64,
    pub(crate) accepted: u64,
    /// Answers 429.
    pub(crate) refused: u64,
    /// Of those, how many said when to come again, by the seconds that they said.
    pub(crate) retry_after: BTreeMap<u64, u64>,
    /// Other answers.
    pub(crate) others: BTreeMap<u16, u64>,
    /// How long refusals took.
    pub(crate) refusing: Vec<Duration>,
    /// How long accepted sagas took, one in [`WAITED_FOR`] of them, from asking to knowing of the end.
    pub(crate) took: Vec<Duration>,
    pub(crate) seconds: f64,
}

impl Surge {
    fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.accepted += other.accepted;
        self.refused += other.refused;
        for (seconds, count) in other.retry_after {
            *self.retry_after.entry(seconds).or_default() += count;
        }
        for (status, count) in other.others {
            *self.others.entry(status).or_default() += count;
        }
        self.refusing.extend(other.refusing);
        self.took.extend(other.took);
        self.seconds = self.seconds.max(other.seconds);
    }
}

/// Asks for sagas at this rate, and waits for those of the accepted that are waited for.
pub(crate) async fn surge(
    load: &Load,
    workload: Workload,
    per_second: f64,
    lasting: Duration,
) -> Result<Surge> {
    let mut asking: JoinSet<Result<Surge>> = JoinSet::new();
    let turns = Arc::new(AtomicU64::new(0));
    let mut apis = Vec::new();
    for connection in 0..CONNECTIONS {
        let authority = load.authority(connection);
        apis.push((Api::connect(&authority).await?, authority));
    }
    let first = Instant::now();
    for (api, authority) in apis {
        let (turns, numbers) = (Arc::clone(&turns), load.numbers());
        asking.spawn(async move {
            let mut asker = Asker {
                api,
                authority,
                found: Surge::default(),
                waiting: JoinSet::new(),
            };
            loop {
                let turn = turns.fetch_add(1, Ordering::Relaxed);
                let due = Duration::from_secs_f64(wide(turn) / per_second);
                if due > lasting || first.elapsed() > lasting {
                    break;
                }
                sleep_until(Moment::from_std(first + due)).await;
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                asker.ask(workload.body(number), number).await?;
            }
            asker.found.seconds = first.elapsed().as_secs_f64();
            asker.done().await
        });
    }
    let mut surge = Surge::default();
    while let Some(ended) = asking.join_next().await {
        surge.add(ended??);
    }
    Ok(surge)
}

/// One connection's part.
struct Asker {
    api: Api,
    authority: String,
    found: Surge,
    waiting: JoinSet<Result<Duration>>,
}

impl Asker {
    async fn ask(&mut self, body: String, number: u64) -> Result<()> {
        let began = Instant::now();
        let answer = self.api.ask_to_start(body).await?;
        self.found.asked += 1;
        match answer {
            Answer::Started(saga) => {
                self.found.accepted += 1;
                if number.is_multiple_of(WAITED_FOR) {
                    let authority = self.authority.clone();
                    self.waiting
                        .spawn(async move { wait(&authority, &saga, began).await });
                }
            }
            Answer::Refused {
                status: StatusCode::TOO_MANY_REQUESTS,
                retry_after,
                ..
            } => {
                self.found.refused += 1;
                self.found.refusing.push(began.elapsed());
                if let Some(seconds) = retry_after {
                    *self.found.retry_after.entry(seconds).or_default() += 1;
                }
            }
            Answer::Refused { status, .. } => {
                *self.found.others.entry(status.as_u16()).or_default() += 1;
            }
        }
        Ok(())
    }

    async fn done(mut self) -> Result<Surge> {
        while let Some(ended) = self.waiting.join_next().await {
            self.found.took.push(ended??);
        }
        Ok(self.found)
    }
}
