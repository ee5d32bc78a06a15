//! Which path leads where.

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use broker::broker::Broker;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guard::{Post, guard};
use super::problem::Problem;
use super::problem_kind::Kind;
use super::routes::routes;
use super::{events, request_id, selection};
use crate::audit::Scribe;
use crate::auth::Gate;
use crate::engine::Engine;
use crate::orchestrator::Orchestrator;

/// Larger request bodies are refused, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What the handlers see. It is cloned several times for each request, and cheap to clone.
#[derive(Debug, Clone)]
pub struct Api(Arc<Seen>);

/// What there is in one [`Api`].
#[derive(Debug)]
pub struct Seen {
    pub(super) engine: Engine,
    pub(super) broker: Arc<dyn Broker>,
    /// A place for each connection that follows a saga.
    pub(super) followers: Arc<Semaphore>,
    pub(super) closing: CancellationToken,
    pub(super) gate: Arc<Gate>,
    pub(super) scribe: Scribe,
    /// Verbs that are under way, with or without somebody who waits for them.
    pub(super) verbs: TaskTracker,
    /// When the store was last asked what its gauges show.
    pub(super) counted: Mutex<Option<Instant>>,
}

impl Api {
    /// The API of a running orchestrator, for those whom the gate lets in.
    #[must_use]
    pub fn of(orchestrator: &Orchestrator, gate: Gate) -> Self {
        Self(Arc::new(Seen {
            engine: orchestrator.engine().clone(),
            broker: Arc::clone(orchestrator.broker()),
            followers: events::places(),
            closing: CancellationToken::new(),
            gate: Arc::new(gate),
            scribe: Scribe::start(Arc::clone(&orchestrator.engine().shared().store)),
            verbs: TaskTracker::new(),
            counted: Mutex::default(),
        }))
    }

    /// To be cancelled when the API closes: connections that follow a saga end then.
    #[must_use]
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Operators' verbs that are under way, to be waited for when the API has closed.
    #[must_use]
    pub fn verbs(&self) -> &TaskTracker {
        &self.verbs
    }
}

impl Deref for Api {
    type Target = Seen;

    fn deref(&self) -> &Seen {
        &self.0
    }
}

/// Every path of the API, each with its guard. The engine ends only after the router is dropped.
pub fn router(api: Api) -> Router {
    let paths = routes().into_iter();
    let paths = paths.fold(Router::new(), |router, route| {
        let post = Post {
            api: api.clone(),
            method: route.method.clone(),
            path: route.path,
            access: route.access,
            body: route.body,
            dry_runs: route.dry_runs,
        };
        // Nobody learns what the filters say of a saga before it is known who asks.
        let leads_to = if route.changes_a_saga() {
            let still = from_fn_with_state(api.clone(), selection::still_selected);
            route.handler.route_layer(still)
        } else {
            route.handler
        };
        let guard = from_fn_with_state(Arc::new(post), guard);
        router.route(route.path, leads_to.route_layer(guard))
    });
    paths
        .fallback(async || Problem::not_found("there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            let detail = "this path does not take that method";
            Problem::new(Kind::MethodNotAllowed, detail)
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(request_id::identify))
        .with_state(api)
}
