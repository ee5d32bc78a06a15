//! Starting sagas: one, or many in one request.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::Sent;
use super::problem::Problem;
use super::router::Api;
use super::view::{StartBody, StartedView};
use crate::engine::StartRequest;

/// Sagas that one request may start.
pub const STARTS_MAX: usize = 100;

/// Body of `POST /v1/sagas/batch`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchBody {
    /// What to start. Each is started, or refused, by itself; a business key makes one safe to
    /// repeat.
    #[schemars(length(min = 1, max = STARTS_MAX))]
    pub sagas: Vec<StartBody>,
}

/// Answer to `POST /v1/sagas/batch`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BatchView {
    /// What became of each, in the order of the request.
    pub sagas: Vec<BatchedView>,
}

/// What became of one of the sagas that a request was to start.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchedView {
    /// It is there.
    Started(StartedView),
    /// It was not started.
    Problem(Problem),
}

pub(super) async fn start(
    State(api): State<Api>,
    headers: HeaderMap,
    Sent(body): Sent<StartBody>,
) -> Result<(StatusCode, Json<StartedView>), Problem> {
    let repeat = headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok());
    let view = begin(&api, body, repeat).await?;
    let status = if view.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(view)))
}

/// Where none is let in, the answer is that of the first: whoever asks is to come again later.
pub(super) async fn start_many(
    State(api): State<Api>,
    Sent(BatchBody { sagas }): Sent<BatchBody>,
) -> Result<Json<BatchView>, Problem> {
    if sagas.is_empty() || sagas.len() > STARTS_MAX {
        let detail = format!(
            "`sagas` has {} items, and takes from 1 to {STARTS_MAX}",
            sagas.len()
        );
        return Err(Problem::bad_request(detail));
    }
    let started = join_all(sagas.into_iter().map(|body| begin(&api, body, None))).await;
    let later = StatusCode::TOO_MANY_REQUESTS.as_u16();
    let is_for_later =
        |one: &Result<_, Problem>| one.as_ref().is_err_and(|problem| problem.status == later);
    if started.iter().all(is_for_later)
        && let Some(Err(problem)) = started.first()
    {
        return Err(problem.clone());
    }
    let answer = |one| match one {
        Ok(view) => BatchedView::Started(view),
        Err(problem) => BatchedView::Problem(problem),
    };
    let sagas = started.into_iter().map(answer).collect();
    Ok(Json(BatchView { sagas }))
}

/// An idempotency key makes a start without a business key safe to repeat; with one, the business
/// key does so already.
async fn begin(api: &Api, body: StartBody, repeat: Option<&str>) -> Result<StartedView, Problem> {
    let shared = api.engine.shared();
    let definition = shared
        .catalog
        .resolve(&body.definition, body.version.as_ref())
        .await?;
    let key = match (body.key, &definition.key) {
        (None, None) => repeat.map(str::to_owned),
        (key, _) => key,
    };
    let request = StartRequest {
        definition,
        input: body.input,
        key,
        labels: body.labels,
    };
    let started = api.engine.offer(request).await?;
    Ok(StartedView {
        id: started.saga.to_string(),
        definition: started.definition.name.to_string(),
        version: started.definition.version.to_string(),
        created: started.created,
    })
}
