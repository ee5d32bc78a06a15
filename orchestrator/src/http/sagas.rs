//! Listing and looking at sagas.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use saga_core::ids::SagaId;
use saga_core::saga::{Saga, Status};
use saga_core::values::Values;
use schemars::JsonSchema;
use serde::Deserialize;

use super::problem::Problem;
use super::router::Api;
use super::selection::SagaQuery;
use super::view::{EventView, PageView, SagaView};
use crate::explain;
use crate::store::PAGE_ROWS_MAX;

/// A caller may wait this long for a saga in one request, in seconds.
const WAIT_SECONDS_MAX: u64 = 60;

/// While waiting, the store is looked at this often: another orchestrator may move the saga.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn list(
    State(api): State<Api>,
    query: Result<Query<SagaQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(Problem::from)?;
    if query.stuck == Some(true) {
        return list_stuck(&api, query).await;
    }
    let page = explain::select(&api.engine, &*api.broker, &query.selection()?).await?;
    Ok(Json(PageView {
        sagas: page.sagas.into_iter().map(SagaView::from).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    })
    .into_response())
}

/// What is stuck, by cause. It is computed for all open sagas, so there is no page of it.
async fn list_stuck(api: &Api, query: SagaQuery) -> Result<Response, Problem> {
    if let Some(name) = query.paged() {
        let detail = format!(
            "`{name}` does not go with `stuck`; definition, version, label, since and letter_group \
             do"
        );
        return Err(Problem::bad_request(detail));
    }
    let filter = query.selection()?.filter;
    let report = explain::stuck(&api.engine, &*api.broker, &filter).await?;
    Ok(Json(report).into_response())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowQuery {
    /// Seconds to wait for the saga to end or rest, at most 60.
    wait: Option<u64>,
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
    query: Result<Query<ShowQuery>, QueryRejection>,
) -> Result<Json<SagaView>, Problem> {
    let Query(query) = query.map_err(Problem::from)?;
    let id = saga_id(&id)?;
    let seconds = query.wait.unwrap_or(0).min(WAIT_SECONDS_MAX);
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
    let shared = api.engine.shared();
    loop {
        let listening = shared.closings.listen(id);
        let saga = find(&api, id).await?;
        let left = until.saturating_duration_since(tokio::time::Instant::now());
        if rests(&saga) || left.is_zero() {
            return in_full(&api, &saga).await;
        }
        if let Some(saga) = listening.wait(left.min(LOOK_AGAIN_EVERY)).await
            && rests(&saga)
        {
            return in_full(&api, &saga).await;
        }
    }
}

/// The saga with its values.
async fn in_full(api: &Api, saga: &Saga) -> Result<Json<SagaView>, Problem> {
    let shared = api.engine.shared();
    let mut values = Values::default();
    for (key, value) in shared.store.values(saga.id).await? {
        values.insert(key, value);
    }
    let definition = shared.catalog.get(&saga.definition).await.ok();
    Ok(Json(SagaView::full(saga, definition.as_deref(), &values)))
}

/// Whether a saga moves no more by itself.
fn rests(saga: &Saga) -> bool {
    match saga.status() {
        Status::Running | Status::Compensating => false,
        Status::Paused
        | Status::Completed
        | Status::Compensated
        | Status::CompensationFailed
        | Status::Terminated => true,
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryQuery {
    /// Only events after the one with this number.
    after: Option<u64>,
    /// Events in the answer, 1000 without it.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    limit: Option<u32>,
}

pub(super) async fn history(
    State(api): State<Api>,
    Path(id): Path<String>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<Vec<EventView>>, Problem> {
    let Query(query) = query.map_err(Problem::from)?;
    let id = saga_id(&id)?;
    let limit = limited(query.limit, PAGE_ROWS_MAX)?;
    find(&api, id).await?;
    let store = &api.engine.shared().store;
    let events = store.history(id, query.after.unwrap_or(0), limit).await?;
    Ok(Json(events.into_iter().map(EventView::from).collect()))
}

/// The rows of a page.
pub(super) fn limited(asked: Option<u32>, usual: u32) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(usual);
    if (1..=PAGE_ROWS_MAX).contains(&limit) {
        return Ok(limit);
    }
    let detail = format!("limit {limit} is not between 1 and {PAGE_ROWS_MAX}");
    Err(Problem::bad_request(detail))
}

pub(super) fn saga_id(text: &str) -> Result<SagaId, Problem> {
    text.parse()
        .map_err(|_| Problem::bad_request(format!("`{text}` is not a saga id")))
}

pub(super) async fn find(api: &Api, id: SagaId) -> Result<Saga, Problem> {
    let (sagas, _) = api.engine.shared().store.load(&[id]).await?;
    let missing = || Problem::not_found(format!("there is no saga {id}"));
    sagas.into_iter().next().ok_or_else(missing)
}
