//! Writes down what is asked before it happens, and what became of it after.
//!
//! The two are rows of their own, and not part of the transaction that makes the change: what
//! changes sagas is one statement for many of them, and a chain through it would make every batch
//! wait for every other. So a verb that took effect was always asked on record. When its
//! orchestrator dies in between, the second row is missing, and the saga says what happened.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use saga_core::ids::SagaId;
use serde::Deserialize;
use tracing::{Instrument as _, Span, error};

use super::guard::Post;
use super::problem::Problem;
use super::problem_kind::Kind;
use super::request_id::RequestId;
use super::route::Content;
use super::router::Api;
use super::subject::{Sight, Subject};
use crate::audit::{AuditEntry, Phase};
use crate::auth::Caller;
use crate::store::StoreError;

/// What somebody asks.
pub(super) struct Asked {
    api: Api,
    caller: Caller,
    verb: &'static str,
    subject: Subject,
    request: String,
    said: Said,
}

/// What bodies of verbs have in common. Everything else is for the handler.
#[derive(Debug, Default, Deserialize)]
struct Said {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    who: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

/// In a response: what a verb did, where that is not one thing.
#[derive(Debug, Clone)]
pub(super) struct Summary(pub(super) Arc<str>);

/// In a response: the saga that a verb was for, where the request does not name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Concerned(pub(super) SagaId);

impl Asked {
    pub(super) fn new(
        api: &Api,
        caller: &Caller,
        verb: &'static str,
        subject: Subject,
        request: &Request,
    ) -> Self {
        let id = request.extensions().get::<RequestId>();
        Self {
            api: api.clone(),
            caller: caller.clone(),
            verb,
            subject,
            request: id.map(ToString::to_string).unwrap_or_default(),
            said: Said::default(),
        }
    }

    /// Writes down that they may not. They are refused in any case.
    pub(super) async fn denied(&self, why: &str) {
        let seen = self.subject.look(&self.api).await;
        let entry = AuditEntry {
            saga: seen.saga,
            detail: Some(why.to_owned()),
            ..self.entry(Phase::Denied)
        };
        self.write_if_possible(entry).await;
    }

    /// What the body says of it.
    fn read(&mut self, body: &[u8], content: Content) {
        match content {
            // The one verb whose body is text registers what that says.
            Content::Text(_) => {
                let source = std::str::from_utf8(body).ok();
                if let Some(subject) = source.and_then(Subject::of_source) {
                    self.subject = subject;
                }
            }
            // A body that cannot be read says nothing, and its handler refuses it.
            Content::Json(_)
            | Content::OptionalJson(_)
            | Content::Either(..)
            | Content::Events(_)
            | Content::Nothing => self.said = serde_json::from_slice(body).unwrap_or_default(),
        }
    }

    fn entry(&self, phase: Phase) -> AuditEntry {
        let claimed = self.said.who.as_deref();
        AuditEntry {
            at: self.api.engine.shared().store.now(),
            request: self.request.clone(),
            answers: None,
            phase,
            who: self.caller.name(claimed).to_owned(),
            on_behalf_of: self.caller.on_behalf_of(claimed).map(str::to_owned),
            role: self.caller.role().to_owned(),
            verb: self.verb.to_owned(),
            target: self.subject.target.clone(),
            saga: None,
            reason: self.said.reason.clone(),
            before: None,
            after: None,
            detail: None,
        }
    }

    /// Has it done, between two rows.
    async fn on_record(self, request: Request, next: Next) -> Result<Response, StoreError> {
        let Sight { saga, standing } = self.subject.look(&self.api).await;
        let entry = AuditEntry {
            saga,
            before: standing.clone(),
            ..self.entry(Phase::Asked)
        };
        let asked = self.api.scribe.write(entry).await?;
        failpoint::reached("orchestrator.verb_on_record");
        let response = next.run(request).await;
        failpoint::reached("orchestrator.verb_done");
        let (phase, detail) = outcome(&response);
        let concerned = response.extensions().get::<Concerned>();
        let after = self.subject.look(&self.api).await.standing;
        self.write_if_possible(AuditEntry {
            answers: Some(asked.seq),
            saga: saga.or(concerned.map(|Concerned(saga)| *saga)),
            before: standing,
            after,
            detail,
            ..self.entry(phase)
        })
        .await;
        Ok(response)
    }

    /// What has happened has happened, also where it cannot be written down.
    async fn write_if_possible(&self, entry: AuditEntry) {
        let (verb, target) = (self.verb, entry.target.clone());
        if let Err(error) = self.api.scribe.write(entry).await {
            let error = crate::chain(&error);
            error!(
                verb,
                target, error, "what became of a verb is not in the audit log"
            );
        }
    }
}

/// Handles a request on record, in a task of its own: a client that goes away must not take the
/// second row with it.
pub(super) async fn witnessed(
    mut asked: Asked,
    post: &Post,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let whole = Request::from_parts(parts.clone(), body);
    let body = match Bytes::from_request(whole, &asked.api).await {
        Ok(body) => body,
        Err(rejection) => return Problem::from(rejection).into_response(),
    };
    asked.read(&body, post.body);
    let request = Request::from_parts(parts, Body::from(body));
    if post.dry_runs && asked.said.dry_run {
        return next.run(request).await;
    }
    let verbs = asked.api.verbs.clone();
    let task = verbs.spawn(asked.on_record(request, next).instrument(Span::current()));
    match task.await {
        Ok(Ok(response)) => response,
        // Nothing was done.
        Ok(Err(error)) => Problem::from(error).into_response(),
        Err(_panicked) => {
            Problem::new(Kind::Internal, "the request could not be finished").into_response()
        }
    }
}

fn outcome(response: &Response) -> (Phase, Option<String>) {
    if let Some(problem) = response.extensions().get::<Problem>() {
        let said = format!("{}: {}", problem.code, problem.detail);
        let phase = if response.status().is_server_error() {
            Phase::Failed
        } else {
            Phase::Refused
        };
        return (phase, Some(said));
    }
    let summary = response.extensions().get::<Summary>();
    let summary = summary.map(|Summary(text)| text.as_ref().to_owned());
    let phase = if response.status().is_success() {
        Phase::Done
    } else {
        Phase::Failed
    };
    (phase, summary)
}
