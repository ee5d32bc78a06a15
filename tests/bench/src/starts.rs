//! Starts that go on whatever comes between: refusals, and orchestrators that are not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hyper::StatusCode;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::api::{Answer, Api};
use crate::load::{Load, take};
use crate::workload::Workload;

/// Connections that start sagas.
const STARTERS: usize = 32;

/// Between two tries where the answer does not say how long to wait.
const PAUSE: Duration = Duration::from_millis(100);

/// A start that has not been accepted after this long will not be.
const GIVES_UP_AFTER: Duration = Duration::from_secs(120);

/// What became of the requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    accepted: AtomicU64,
    refused: AtomicU64,
    unanswered: AtomicU64,
}

impl Tally {
    /// Sagas that started.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Requests that were to be made later.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Requests without an answer: the connection broke, or was never made.
    pub(crate) fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }
}

/// Starts so many sagas as there is room. Where none is accepted any more, it ends with what has
/// been started.
pub(crate) async fn fill(
    load: &Load,
    workload: Workload,
    sagas: u64,
    room: &Arc<Semaphore>,
    tally: &Arc<Tally>,
) -> Result<()> {
    let left = Arc::new(AtomicU64::new(sagas));
    let mut starting: JoinSet<Result<()>> = JoinSet::new();
    for starter in 0..STARTERS {
        let (room, left, tally) = (Arc::clone(room), Arc::clone(&left), Arc::clone(tally));
        let (authority, numbers) = (load.authority(starter), load.numbers());
        starting.spawn(async move {
            let mut api = None;
            while take(&left) {
                room.acquire().await?.forget();
                let body = workload.body(numbers.fetch_add(1, Ordering::Relaxed));
                if !persist(&authority, &mut api, &body, &tally).await? {
                    return Ok(());
                }
            }
            Ok(())
        });
    }
    while let Some(ended) = starting.join_next().await {
        ended??;
    }
    Ok(())
}

/// Asks for one saga until it is there, and says whether it is. Its key makes asking again safe.
async fn persist(
    authority: &str,
    api: &mut Option<Api>,
    body: &str,
    tally: &Tally,
) -> Result<bool> {
    let until = Instant::now() + GIVES_UP_AFTER;
    loop {
        let (pause, error) = match ask(authority, api, body).await {
            Ok(Answer::Started(_)) => {
                tally.accepted.fetch_add(1, Ordering::Relaxed);
                return Ok(true);
            }
            Ok(Answer::Refused {
                status: StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE,
                retry_after,
                ..
            }) => {
                tally.refused.fetch_add(1, Ordering::Relaxed);
                (retry_after.map_or(PAUSE, Duration::from_secs), None)
            }
            Ok(Answer::Refused { status, said, .. }) => {
                bail!("a start was answered {status}: {said}")
            }
            Err(error) => {
                tally.unanswered.fetch_add(1, Ordering::Relaxed);
                *api = None;
                (PAUSE, Some(error))
            }
        };
        if Instant::now() + pause > until {
            return error.map_or(Ok(false), Err);
        }
        sleep(pause).await;
    }
}

async fn ask(authority: &str, api: &mut Option<Api>, body: &str) -> Result<Answer> {
    let api = match api {
        Some(api) => api,
        None => api.insert(Api::connect(authority).await?),
    };
    api.ask_to_start(body.to_owned()).await
}
