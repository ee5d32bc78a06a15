//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use broker::broker::Broker;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use super::{
    dead_letters, definitions, differences, events, explain, export, health, moves, operators,
    plan, reconcile, sagas, selection, signals, wiring, workers,
};
use crate::engine::Engine;
use crate::orchestrator::Orchestrator;

/// Larger request bodies are refused, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What the handlers see.
#[derive(Debug, Clone)]
pub struct Api {
    pub(super) engine: Engine,
    pub(super) broker: Arc<dyn Broker>,
    /// A place for each connection that follows a saga.
    pub(super) followers: Arc<Semaphore>,
    pub(super) closing: CancellationToken,
}

impl Api {
    /// The API of a running orchestrator.
    #[must_use]
    pub fn of(orchestrator: &Orchestrator) -> Self {
        Self {
            engine: orchestrator.engine().clone(),
            broker: Arc::clone(orchestrator.broker()),
            followers: events::places(),
            closing: CancellationToken::new(),
        }
    }

    /// To be cancelled when the API closes: connections that follow a saga end then.
    #[must_use]
    pub const fn closing(&self) -> &CancellationToken {
        &self.closing
    }
}

/// Every path of the API. The engine ends only after the router is dropped.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/sagas", get(sagas::list).post(sagas::start))
        .route("/v1/sagas/{id}", get(sagas::show))
        .route("/v1/sagas/{id}/history", get(sagas::history))
        .route("/v1/sagas/{id}/explain", get(explain::show))
        .route("/v1/sagas/{id}/plan", get(plan::show))
        .route("/v1/sagas/{id}/export", get(export::show))
        .route("/v1/sagas/{id}/events", get(events::follow))
        .merge(verbs(&api))
        .route(
            "/v1/definitions",
            get(definitions::list).post(definitions::register),
        )
        .route("/v1/definitions/{name}/{version}", get(definitions::show))
        .route(
            "/v1/definitions/{name}/{version}/diff",
            post(differences::differ),
        )
        .route(
            "/v1/definitions/{name}/{version}/retire",
            post(definitions::retire),
        )
        .route(
            "/v1/definitions/{name}/{version}/unretire",
            post(definitions::unretire),
        )
        .merge(mending())
        .route("/v1/workers", get(workers::list))
        // The ids contain slashes.
        .route("/v1/workers/{*id}", get(workers::show))
        .route("/live", get(health::live))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(async || Problem::not_found("there is nothing at this path"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(api)
}

/// What changes one saga; with the filters of a listing, only while it is one of those.
fn verbs(api: &Api) -> Router<Api> {
    Router::new()
        .route("/v1/sagas/{id}/signal", post(signals::signal))
        .route("/v1/sagas/{id}/cancel", post(operators::cancel))
        .route("/v1/sagas/{id}/pause", post(operators::pause))
        .route("/v1/sagas/{id}/resume", post(operators::resume))
        .route("/v1/sagas/{id}/terminate", post(operators::terminate))
        .route("/v1/sagas/{id}/move", post(moves::move_one))
        .route("/v1/sagas/{id}/steps/{step}/retry", post(operators::retry))
        .route("/v1/sagas/{id}/steps/{step}/skip", post(operators::skip))
        .route(
            "/v1/sagas/{id}/steps/{step}/resolve",
            post(operators::resolve),
        )
        .route_layer(from_fn_with_state(api.clone(), selection::still_selected))
}

/// What was lost or given up, and what it all runs on.
fn mending() -> Router<Api> {
    Router::new()
        .route("/v1/dead-letters", get(dead_letters::list))
        .route("/v1/dead-letters/groups", get(dead_letters::groups))
        .route("/v1/dead-letters/{id}", get(dead_letters::show))
        .route("/v1/dead-letters/{id}/replay", post(dead_letters::replay))
        .route("/v1/dead-letters/{id}/drop", post(dead_letters::give_up))
        .route("/v1/reconcile", post(reconcile::run))
        .route("/v1/topology", get(wiring::topology))
        .route("/v1/topology/apply", post(wiring::apply))
        .route("/v1/queues", get(wiring::queues))
}
