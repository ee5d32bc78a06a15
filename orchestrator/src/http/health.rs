//! Whether the process lives, whether it can work, and its metrics.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use broker::broker::Health;
use saga_core::saga::Status;
use serde_json::json;

use super::router::Api;

pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// 200 when both the store and the broker can be used, with the state of each either way.
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let store = api.engine.shared().store.ping().await;
    let broker = match *api.broker.health().borrow() {
        Health::Connected => "connected",
        Health::Blocked => "blocked: the broker has raised an alarm and takes no messages",
        Health::Disconnected => "disconnected",
    };
    let ready = store.is_ok() && broker == "connected";
    let store = store.map_or_else(|error| crate::chain(&error), |()| "connected".to_owned());
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(json!({ "ready": ready, "store": store, "broker": broker })),
    )
        .into_response()
}

pub(super) async fn metrics(State(api): State<Api>) -> Response {
    let shared = api.engine.shared();
    // Gauges that come from the store are as old as the last scrape when it does not answer.
    if let Ok(counts) = shared.store.open_counts().await {
        for status in Status::ALL {
            let count = counts
                .iter()
                .find(|(one, _)| *one == status)
                .map_or(0, |(_, count)| *count);
            let gauge = shared.metrics.open.with_label_values(&[status.as_str()]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
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
