//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use broker::broker::Broker;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::events;
use super::problem::Problem;
use super::problem_kind::Kind;
use super::routes::routes;
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
    let router = routes().into_iter().fold(Router::new(), |router, route| {
        router.route(route.path, route.handler)
    });
    router
        .fallback(async || Problem::not_found("there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                Kind::MethodNotAllowed,
                "this path does not take that method",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(api)
}
