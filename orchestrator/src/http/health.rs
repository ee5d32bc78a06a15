//! Whether the process lives, whether it can work, and its metrics.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use saga_core::saga::Status;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::router::Api;
use crate::dependencies::Trouble;
use crate::engine::Shared;

/// A store that takes longer counts as away: whoever asks wants to know it now.
const STORE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Gauges that the store is asked for are at most this old, while it answers.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Whether the orchestrator can work, and what keeps it from working.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadyView {
    /// Everything it needs can be used.
    pub ready: bool,
    /// The database.
    pub store: DependencyView,
    /// The message broker.
    pub broker: DependencyView,
}

/// One thing that the orchestrator needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DependencyView {
    /// It can be used.
    pub ok: bool,
    /// What is wrong and since when, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

impl DependencyView {
    const fn of(trouble: Option<Trouble>) -> Self {
        Self {
            ok: trouble.is_none(),
            trouble,
        }
    }
}

pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// 200 when both the store and the broker can be used, with the state of each either way.
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let shared = api.engine.shared();
    ask_store(shared).await;
    let health = *api.broker.health().borrow();
    shared.dependencies.broker_is(health, shared.store.now());
    let (store, broker) = (shared.dependencies.store(), shared.dependencies.broker());
    let view = ReadyView {
        ready: store.is_none() && broker.is_none(),
        store: DependencyView::of(store),
        broker: DependencyView::of(broker),
    };
    let status = if view.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(view)).into_response()
}

/// Asks the store whether it answers, and notes what it says.
async fn ask_store(shared: &Shared) {
    match tokio::time::timeout(STORE_ANSWERS_WITHIN, shared.store.ping()).await {
        Ok(Ok(())) => shared.dependencies.store_answers(),
        Ok(Err(error)) => shared
            .dependencies
            .store_fails(crate::chain(&error), shared.store.now()),
        Err(_) => {
            let problem = format!(
                "no answer within {} s; is every connection of the pool in use?",
                STORE_ANSWERS_WITHIN.as_secs()
            );
            shared.dependencies.store_fails(problem, shared.store.now());
        }
    }
}

pub(super) async fn metrics(State(api): State<Api>) -> Response {
    let shared = api.engine.shared();
    let health = *api.broker.health().borrow();
    shared.metrics.broker_health(health);
    shared.metrics.pool(shared.store.pool());
    let wait = api.engine.wait();
    shared.metrics.lane_wait_seconds.set(wait.as_secs_f64());
    // Gauges that come from the store are as old as the last scrape when it does not answer.
    let _store_is_away = tokio::time::timeout(STORE_ANSWERS_WITHIN, gauges(&api)).await;
    match shared.metrics.encode() {
        Ok(text) => (
            [(
                header::CONTENT_TYPE,
                "text/plain; version=0.0.4; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Counting costs the store something, so it is asked once in a while, however many scrape.
async fn gauges(api: &Api) {
    let mut counted = api.counted.lock().await;
    if counted.is_some_and(|at| at.elapsed() < COUNT_EVERY) {
        return;
    }
    let shared = api.engine.shared();
    if let Ok((rows, oldest)) = shared.store.outbox_backlog().await {
        shared
            .metrics
            .outbox_rows
            .set(i64::try_from(rows).unwrap_or(i64::MAX));
        let age = oldest.map_or(0, |at| shared.store.now().since(at).as_secs());
        shared
            .metrics
            .outbox_oldest_seconds
            .set(i64::try_from(age).unwrap_or(i64::MAX));
    }
    if let Ok(counts) = shared.store.open_counts().await {
        for status in Status::ALL {
            let count = counts
                .iter()
                .find(|(one, _)| *one == status)
                .map_or(0, |(_, count)| *count);
            let gauge = shared.metrics.open.with_label_values(&[status.as_str()]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        *counted = Some(Instant::now());
    }
}
