//! Every path of the API: what it leads to, which role it takes, and what the audit log calls it.
//!
//! The router is made of this table and of nothing else, so there is no way past it.

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodRouter, get, post};

use super::router::Api;
use super::{
    audit, dead_letters, definitions, differences, events, explain, export, health, moves,
    operators, plan, reconcile, sagas, signals, wiring, workers,
};
use crate::auth::Role::{self, Admin, Operator, Viewer};

/// One path and method.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) leads_to: MethodRouter<Api>,
}

impl Route {
    /// It changes one saga; with the filters of a listing, only while it is one of those.
    pub(super) fn changes_a_saga(&self) -> bool {
        let changes = match self.access {
            Access::Change(..) | Access::Audited(..) => true,
            Access::Open | Access::Metrics | Access::Look(_) => false,
        };
        changes && self.path.starts_with("/v1/sagas/{id}/")
    }
}

/// Who may go there, and what is written down of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody, always: whether the process lives says nothing of sagas.
    Open,
    /// Viewers, or anybody where the settings say so.
    Metrics,
    /// Whoever has the role. Nothing changes.
    Look(Role),
    /// Whoever has the role. What changes is an event of its saga, and there are too many for a log
    /// that is one chain; the name is for those who were denied.
    Change(Role, &'static str),
    /// Whoever has the role; the audit log says who did it.
    Audited(Role, &'static str),
}

/// What a path takes, for documents and tests.
#[derive(Debug, Clone)]
pub struct Permission {
    /// The method.
    pub method: Method,
    /// The path, with names in braces.
    pub path: &'static str,
    /// The role that it takes; none where anybody may.
    pub role: Option<Role>,
    /// What it is called where it changes something.
    pub verb: Option<&'static str>,
    /// The audit log has it.
    pub audited: bool,
}

/// What every path of the API takes.
#[must_use]
pub fn permissions() -> Vec<Permission> {
    let permission = |route: Route| {
        let (role, verb, audited) = match route.access {
            Access::Open => (None, None, false),
            Access::Metrics => (Some(Viewer), None, false),
            Access::Look(role) => (Some(role), None, false),
            Access::Change(role, verb) => (Some(role), Some(verb), false),
            Access::Audited(role, verb) => (Some(role), Some(verb), true),
        };
        Permission {
            method: route.method,
            path: route.path,
            role,
            verb,
            audited,
        }
    };
    table().into_iter().map(permission).collect()
}

/// The table.
#[expect(clippy::too_many_lines, reason = "every path, in one list")]
pub(super) fn table() -> Vec<Route> {
    vec![
        route(Access::Open, "/live", get(health::live)),
        route(Access::Open, "/ready", get(health::ready)),
        route(Access::Metrics, "/metrics", get(health::metrics)),
        look("/v1/sagas", sagas::list),
        change("/v1/sagas", "saga.start", sagas::start),
        look("/v1/sagas/{id}", sagas::show),
        look("/v1/sagas/{id}/history", sagas::history),
        look("/v1/sagas/{id}/explain", explain::show),
        look("/v1/sagas/{id}/plan", plan::show),
        look("/v1/sagas/{id}/export", export::show),
        look("/v1/sagas/{id}/events", events::follow),
        change("/v1/sagas/{id}/signal", "saga.signal", signals::signal),
        operator("/v1/sagas/{id}/cancel", "saga.cancel", operators::cancel),
        operator("/v1/sagas/{id}/pause", "saga.pause", operators::pause),
        operator("/v1/sagas/{id}/resume", "saga.resume", operators::resume),
        admin(
            "/v1/sagas/{id}/terminate",
            "saga.terminate",
            operators::terminate,
        ),
        admin("/v1/sagas/{id}/move", "saga.move", moves::move_one),
        operator(
            "/v1/sagas/{id}/steps/{step}/retry",
            "step.retry",
            operators::retry,
        ),
        operator(
            "/v1/sagas/{id}/steps/{step}/skip",
            "step.skip",
            operators::skip,
        ),
        operator(
            "/v1/sagas/{id}/steps/{step}/resolve",
            "step.resolve",
            operators::resolve,
        ),
        look("/v1/definitions", definitions::list),
        admin(
            "/v1/definitions",
            "definition.register",
            definitions::register,
        ),
        look("/v1/definitions/{name}/{version}", definitions::show),
        // A definition that is not registered comes in the body; nothing is done with it.
        route_of(
            Method::POST,
            Access::Look(Viewer),
            "/v1/definitions/{name}/{version}/diff",
            post(differences::differ),
        ),
        admin(
            "/v1/definitions/{name}/{version}/retire",
            "definition.retire",
            definitions::retire,
        ),
        admin(
            "/v1/definitions/{name}/{version}/unretire",
            "definition.unretire",
            definitions::unretire,
        ),
        look("/v1/dead-letters", dead_letters::list),
        look("/v1/dead-letters/groups", dead_letters::groups),
        look("/v1/dead-letters/{id}", dead_letters::show),
        operator(
            "/v1/dead-letters/{id}/replay",
            "letter.replay",
            dead_letters::replay,
        ),
        admin(
            "/v1/dead-letters/{id}/drop",
            "letter.drop",
            dead_letters::give_up,
        ),
        operator("/v1/reconcile", "reconcile", reconcile::run),
        look("/v1/topology", wiring::topology),
        admin("/v1/topology/apply", "topology.apply", wiring::apply),
        look("/v1/queues", wiring::queues),
        look("/v1/workers", workers::list),
        // The ids contain slashes.
        look("/v1/workers/{*id}", workers::show),
        look("/v1/audit", audit::list),
        look("/v1/audit/chain", audit::chain),
    ]
}

/// For viewers.
fn look<H: Handler<T, Api>, T: 'static>(path: &'static str, handler: H) -> Route {
    route(Access::Look(Viewer), path, get(handler))
}

/// For operators; too frequent for the audit log.
fn change<H: Handler<T, Api>, T: 'static>(
    path: &'static str,
    verb: &'static str,
    handler: H,
) -> Route {
    let access = Access::Change(Operator, verb);
    route_of(Method::POST, access, path, post(handler))
}

/// For operators.
fn operator<H: Handler<T, Api>, T: 'static>(
    path: &'static str,
    verb: &'static str,
    handler: H,
) -> Route {
    let access = Access::Audited(Operator, verb);
    route_of(Method::POST, access, path, post(handler))
}

/// For admins.
fn admin<H: Handler<T, Api>, T: 'static>(
    path: &'static str,
    verb: &'static str,
    handler: H,
) -> Route {
    let access = Access::Audited(Admin, verb);
    route_of(Method::POST, access, path, post(handler))
}

fn route(access: Access, path: &'static str, leads_to: MethodRouter<Api>) -> Route {
    route_of(Method::GET, access, path, leads_to)
}

const fn route_of(
    method: Method,
    access: Access,
    path: &'static str,
    leads_to: MethodRouter<Api>,
) -> Route {
    Route {
        method,
        path,
        access,
        leads_to,
    }
}
