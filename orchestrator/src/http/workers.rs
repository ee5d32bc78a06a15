//! The workers that have spoken of themselves.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use broker::envelope::worker::{Draining, Occasion, OperationInfo, RunningInfo};
use saga_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::Sent;
use super::operators::signed;
use super::problem::Problem;
use super::router::Api;
use crate::auth::Caller;
use crate::drain;
use crate::store::StoredWorker;

/// Whether a worker is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It has spoken lately.
    Alive,
    /// It takes nothing new, finishes what it has, and ends.
    Draining,
    /// Nothing was heard of it for too long.
    Gone,
    /// It has drained and taken its leave.
    Left,
}

impl Presence {
    /// The word in the API and the tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Draining => "draining",
            Self::Gone => "gone",
            Self::Left => "left",
        }
    }
}

/// One worker process. Those that are gone stay listed for an hour.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WorkerView {
    /// The id of this run of the process; replies and events carry it too.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Which build of the service it is.
    pub build: String,
    /// Whether it is there.
    pub status: Presence,
    /// When this run began, by the worker's clock.
    pub started_at: Timestamp,
    /// When it last spoke.
    pub last_heartbeat_at: Timestamp,
    /// What it can do, with its slots.
    pub operations: Vec<OperationInfo>,
    /// What has been running there for longer than a second, as of the last heartbeat.
    pub running: Vec<RunningInfo>,
    /// Since when and why it takes nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining: Option<Draining>,
}

/// Body of `POST /v1/workers/{worker}/drain`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainBody {
    /// Why; the worker tells it on.
    pub reason: String,
    /// Who asks; where callers are known, for whom they ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
}

pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<WorkerView>>, Problem> {
    Ok(Json(all(&api).await?))
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<WorkerView>, Problem> {
    let found = all(&api).await?.into_iter().find(|view| view.id == id);
    let missing = || {
        let detail = format!("no worker {id} has been heard of within the last hour");
        Problem::not_found(detail)
    };
    found.map(Json).ok_or_else(missing)
}

/// Tells a worker to drain. Whether it does shows in what it says of itself next.
pub(super) async fn drain(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Sent(body): Sent<DrainBody>,
) -> Result<(StatusCode, Json<WorkerView>), Problem> {
    let by = signed(&caller, &body.reason, body.who.as_deref())?;
    let told = drain::drain(&api.engine, &*api.broker, &id, by).await?;
    let now = api.engine.shared().store.now();
    Ok((StatusCode::ACCEPTED, Json(view(told, now))))
}

async fn all(api: &Api) -> Result<Vec<WorkerView>, Problem> {
    let store = &api.engine.shared().store;
    let workers = store.workers().await?;
    let now = store.now();
    Ok(workers.into_iter().map(|it| view(it, now)).collect())
}

fn view(worker: StoredWorker, now: Timestamp) -> WorkerView {
    let status = match (worker.announcement.announcement, worker.is_alive(now)) {
        (Occasion::Goodbye, _) => Presence::Left,
        (Occasion::Hello | Occasion::Heartbeat, true) if worker.serves(now) => Presence::Alive,
        (Occasion::Hello | Occasion::Heartbeat, true) => Presence::Draining,
        (Occasion::Hello | Occasion::Heartbeat, false) => Presence::Gone,
    };
    let said = worker.announcement;
    WorkerView {
        id: said.worker,
        name: said.name,
        build: said.build,
        status,
        started_at: said.started_at,
        last_heartbeat_at: worker.heartbeat_at,
        operations: said.operations,
        running: said.running,
        draining: said.draining,
    }
}
