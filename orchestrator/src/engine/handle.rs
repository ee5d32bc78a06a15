//! The way in: every input goes to the lane of its saga.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use saga_core::definition::{Definition, DefinitionRef, InputRefused};
use saga_core::ids::SagaId;
use saga_core::input::{Input, Start};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::job::{Done, Job};
use super::lane::{Lane, Shared, Waiting};
use crate::admission::{Intake, Overload};
use crate::store::Committed;

/// Inputs that wait in one lane; more make the sender wait.
const LANE_JOBS_MAX: usize = 2048;

/// Hands inputs to the lanes.
#[derive(Debug, Clone)]
pub struct Engine {
    lanes: Arc<[Entrance]>,
    shared: Arc<Shared>,
}

/// The way into one lane.
#[derive(Debug)]
struct Entrance {
    jobs: mpsc::Sender<Waiting>,
    intake: Arc<Intake>,
}

impl Entrance {
    /// Inputs that wait.
    fn inputs(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }
}

/// What somebody wants to start.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// What to run.
    pub definition: Arc<Definition>,
    /// The payload.
    pub input: Value,
    /// Business key. Where the definition computes one, it must be the same.
    pub key: Option<String>,
    /// Labels, beside those of the definition.
    pub labels: BTreeMap<String, String>,
}

/// A saga that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Its identity.
    pub saga: SagaId,
    /// What it runs.
    pub definition: DefinitionRef,
    /// It is new; otherwise it had the same business key.
    pub created: bool,
}

/// Why a saga was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The input does not match the definition.
    #[error(transparent)]
    Input(#[from] InputRefused),
    /// The caller's key is not the one that the definition computes.
    #[error("the key `{given}` was given, but the definition computes `{computed}` from the input")]
    KeyMismatch {
        /// By the definition.
        computed: String,
        /// By the caller.
        given: String,
    },
    /// Another saga has, or had, the key, and the definition refuses a second one.
    #[error("saga {0} has this key, and the definition lets no other saga have it")]
    KeyTaken(SagaId),
    /// The store cannot hold the input.
    #[error("the input cannot be stored: {0}")]
    Unstorable(String),
    /// More comes than is kept up with.
    #[error(transparent)]
    Overload(#[from] Overload),
    /// The orchestrator is shutting down, or gave the request up; it may be repeated.
    #[error("the orchestrator is shutting down; start again with the same key")]
    ShuttingDown,
}

impl Engine {
    /// Starts `lanes` lanes. They end when every sender is gone and what they hold is done.
    #[must_use]
    pub fn run(
        shared: Arc<Shared>,
        lanes: usize,
        wait_target: Option<Duration>,
        tasks: &TaskTracker,
    ) -> Self {
        let lanes = (0..lanes.max(1))
            .map(|_| {
                let (jobs, receive) = mpsc::channel(LANE_JOBS_MAX);
                let intake = Arc::new(Intake::new(wait_target));
                tasks.spawn(Lane::new(Arc::clone(&shared), receive, Arc::clone(&intake)).run());
                Entrance { jobs, intake }
            })
            .collect();
        Self { lanes, shared }
    }

    /// What the lanes share.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Hands an input to its saga's lane; waits while that is full. An input that comes too late
    /// to be taken is dropped, which sends its delivery back to the queue.
    pub async fn submit(&self, job: Job) {
        let since = Instant::now();
        let waiting = Waiting { since, job };
        let _too_late = self.entrance(waiting.job.saga).jobs.send(waiting).await;
    }

    /// How long the oldest input of any lane has waited.
    #[must_use]
    pub fn wait(&self) -> Duration {
        let waits = self
            .lanes
            .iter()
            .map(|lane| lane.intake.wait(lane.inputs()));
        waits.max().unwrap_or_default()
    }

    /// Starts a saga, unless the engine does not keep up, and waits until it is on disk.
    pub async fn offer(&self, request: StartRequest) -> Result<Started, StartError> {
        let saga = self.shared.store.new_saga_id();
        if let Err(overload) = self.admit(saga) {
            let refused = &self.shared.metrics.starts_refused;
            refused
                .with_label_values(&[overload.pressure.as_str()])
                .inc();
            return Err(overload.into());
        }
        let (started, _proof) = self.begin(saga, request).await?;
        Ok(started)
    }

    /// Starts a saga, however long that takes, and waits until it is on disk.
    pub async fn start(&self, request: StartRequest) -> Result<Started, StartError> {
        let (started, _proof) = self.start_with_proof(request).await?;
        Ok(started)
    }

    /// The same, with the proof that it is on disk, for whoever has something to acknowledge. What
    /// limits them is how many deliveries they may hold.
    pub async fn start_with_proof(
        &self,
        request: StartRequest,
    ) -> Result<(Started, Committed), StartError> {
        self.begin(self.shared.store.new_saga_id(), request).await
    }

    fn admit(&self, saga: SagaId) -> Result<(), Overload> {
        let lane = self.entrance(saga);
        lane.intake
            .admit(lane.inputs(), self.shared.outbox.waiting())?;
        match &self.shared.open_sagas {
            Some(open) => open.admit(),
            None => Ok(()),
        }
    }

    fn entrance(&self, saga: SagaId) -> &Entrance {
        &self.lanes[lane_of(saga, self.lanes.len())]
    }

    async fn begin(
        &self,
        saga: SagaId,
        request: StartRequest,
    ) -> Result<(Started, Committed), StartError> {
        let accepted = request.definition.accept(&request.input)?;
        let key = match (accepted.key, request.key) {
            (Some(computed), Some(given)) if computed != given => {
                return Err(StartError::KeyMismatch { computed, given });
            }
            (computed, given) => computed.or(given),
        };
        let start = Start {
            key,
            labels: request.labels,
            input: Arc::new(request.input),
            parent: None,
        };
        let (tell, told) = oneshot::channel();
        let done = Done::Start(tell);
        let input = Input::Start(start);
        let definition = Some(request.definition);
        self.submit(Job {
            saga,
            definition,
            input,
            letter: None,
            done,
        })
        .await;
        told.await.unwrap_or(Err(StartError::ShuttingDown))
    }
}

/// A saga always has the same lane, out of so many.
///
/// It goes by the time in its id: what was started in the same millisecond stays together from one commit to
/// the next, where each half of it would cost nearly what the whole does. So do children and their parents.
fn lane_of(saga: SagaId, lanes: usize) -> usize {
    let [a, b, c, d, e, f, ..] = *saga.0.as_bytes();
    let millisecond = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    // Starts may come at regular times; multiplied by the golden ratio these are everywhere (Knuth, The Art of
    // Computer Programming, volume 3, section 6.4).
    let scattered = millisecond.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    usize::try_from(scattered).unwrap_or_default() % lanes
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn started_at(millisecond: u64, random: u8) -> SagaId {
        SagaId(uuid::Builder::from_unix_timestamp_millis(millisecond, &[random; 10]).into_uuid())
    }

    #[test]
    fn what_starts_together_shares_a_lane_and_lanes_share_what_starts() {
        let begin = 1_780_000_000_000;
        for lanes in 1..=4 {
            for period in [1, 2, 4, 10, 1000, 1024] {
                let mut found = vec![0; lanes];
                for start in 0..1000 {
                    let at = begin + start * period;
                    let lane = lane_of(started_at(at, 0), lanes);
                    assert_eq!(lane, lane_of(started_at(at, 0xff), lanes));
                    found[lane] += 1;
                }
                let least = 1000 / lanes * 8 / 10;
                assert!(
                    found.iter().all(|it| *it >= least),
                    "every {period} ms: {found:?}"
                );
            }
        }
    }

    #[test]
    fn any_id_has_a_lane() {
        for id in [Uuid::nil(), Uuid::max()] {
            assert!(lane_of(SagaId(id), 3) < 3);
        }
    }
}
