//! A worker process's own small endpoint: whether it lives, whether it can work, its metrics.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tracing::{error, info};
use worker_runtime::Observer;

/// Answers until the process ends.
pub fn serve(listener: TcpListener, observer: Observer) -> JoinHandle<()> {
    let address = listener.local_addr().map(|it| it.to_string());
    info!(
        address = address.unwrap_or_default(),
        "the worker's endpoint is open"
    );
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router(observer)).await {
            error!(
                error = &error as &dyn std::error::Error,
                "the endpoint ended"
            );
        }
    })
}

fn router(observer: Observer) -> Router {
    Router::new()
        .route("/live", get(async || "ok\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(observer)
}

/// 200 when the worker can do its work, with the state of each part either way.
async fn ready(State(observer): State<Observer>) -> Response {
    let health = observer.health();
    let status = if health.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let word =
        |is_well: bool, well: &'static str, ill: &'static str| if is_well { well } else { ill };
    let body = json!({
        "ready": health.is_ready(),
        "worker": word(health.is_serving, "serving", "not serving"),
        "broker": word(health.is_broker_connected, "connected", "not taking messages"),
        "ledger": word(health.is_ledger_well, "well", "its last operation did not work"),
        "open_breakers": health.open_breakers,
    });
    (status, Json(body)).into_response()
}

async fn metrics(State(observer): State<Observer>) -> Response {
    match observer.metrics() {
        Ok(text) => {
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => {
            let why = orchestrator::chain(&error);
            (StatusCode::INTERNAL_SERVER_ERROR, why).into_response()
        }
    }
}
