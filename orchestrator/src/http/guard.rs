//! What stands before every handler: who asks, whether they may, and what is written down of it.

use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::warn;

use super::access::Access;
use super::problem::Problem;
use super::problem_kind::Kind;
use super::route::Content;
use super::router::Api;
use super::subject::Subject;
use super::witness::{Asked, witnessed};
use crate::auth::{Caller, Role, is_loopback};

/// What a guard knows.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) api: Api,
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) body: Content,
    pub(super) dry_runs: bool,
}

/// Lets a request through to its handler, or not.
pub(super) async fn guard(
    State(post): State<Arc<Post>>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let (needed, verb) = match post.access {
        Access::Open => return next.run(request).await,
        Access::Metrics if post.api.gate.has_open_metrics() => return next.run(request).await,
        Access::Metrics => (Role::Viewer, None),
        Access::Look(role) => (role, None),
        Access::Change(role, verb) | Access::Audited(role, verb) => (role, Some(verb)),
    };
    let caller = match admit(&post.api, request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => return refuse(&post, problem),
    };
    let subject = match &params {
        Ok(params) => Subject::of(post.path, params),
        Err(rejection) => return Problem::bad_request(rejection.body_text()).into_response(),
    };
    if !caller.may(needed) {
        let role = caller.role();
        let name = caller.name(None);
        let detail = format!("this takes the role {needed}, and {name} has the role {role}");
        if let Some(verb) = verb {
            Asked::new(&post.api, &caller, verb, subject, &request)
                .denied(&detail)
                .await;
        }
        return refuse(&post, Problem::new(Kind::Forbidden, detail));
    }
    request.extensions_mut().insert(caller.clone());
    match post.access {
        Access::Open | Access::Metrics | Access::Look(_) | Access::Change(..) => {
            next.run(request).await
        }
        Access::Audited(_, verb) => {
            let asked = Asked::new(&post.api, &caller, verb, subject, &request);
            witnessed(asked, &post, request, next).await
        }
    }
}

async fn admit(api: &Api, headers: &HeaderMap) -> Result<Caller, Problem> {
    if api.gate.is_for_this_machine()
        && let Some(from) = foreign(headers)
    {
        let detail = format!(
            "nobody is asked who they are, so only requests to this machine and from it are taken, \
             and this one names `{from}`"
        );
        return Err(Problem::new(Kind::ForeignOrigin, detail));
    }
    let authorization = headers.get(header::AUTHORIZATION);
    let admitted = api.gate.admit(authorization.map(|it| it.as_bytes())).await;
    Ok(admitted?)
}

/// The host that a request names and is not this machine. A page from anywhere can make a browser
/// send requests here: it says so in `Origin`, or, when a name was made to point here, in `Host`.
fn foreign(headers: &HeaderMap) -> Option<String> {
    for name in [header::HOST, header::ORIGIN] {
        let Some(value) = headers.get(name) else {
            continue;
        };
        let text = String::from_utf8_lossy(value.as_bytes());
        let host = text.split_once("://").map_or(&*text, |(_, host)| host);
        let uri = host.parse::<axum::http::uri::Authority>();
        if !uri.is_ok_and(|authority| is_loopback(authority.host())) {
            return Some(text.into_owned());
        }
    }
    None
}

fn refuse(post: &Post, problem: Problem) -> Response {
    let metrics = &post.api.engine.shared().metrics;
    let (code, detail) = (&*problem.code, &*problem.detail);
    metrics.denied.with_label_values(&[code]).inc();
    warn!(method = %post.method, path = post.path, code, detail, "a request was not let in");
    problem.into_response()
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::new(Kind::Internal, "nobody has looked who asks"))
    }
}
