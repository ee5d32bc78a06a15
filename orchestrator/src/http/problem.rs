//! Errors as RFC 9457 problem documents with a stable code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use saga_core::plan::PlanError;
use serde::{Deserialize, Serialize};

use super::router::BODY_BYTES_MAX;
use crate::catalog::CatalogError;
use crate::engine::{OperateError, StartError};
use crate::reconcile::ReconcileError;
use crate::replay::ReplayError;
use crate::store::StoreError;
use crate::wiring::WiringError;

/// What went wrong, for a program and for a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Problem {
    /// The kind of problem in a few words; the same for every occurrence.
    pub title: Box<str>,
    /// The HTTP status.
    pub status: u16,
    /// Stable, for programs.
    pub code: Box<str>,
    /// This occurrence, and what to do.
    pub detail: Box<str>,
    /// Where a body is wrong.
    #[serde(default, skip_serializing_if = "<[FieldError]>::is_empty")]
    pub errors: Box<[FieldError]>,
    /// Why an operator's verb was refused, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
    /// Everything that stands against a move.
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    pub obstacles: Box<[String]>,
    /// The request, as logs and the audit log name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Box<str>>,
}

/// One place where a body is wrong.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON Pointer into the body.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        code: &str,
        title: &str,
        detail: impl Into<Box<str>>,
    ) -> Self {
        Self {
            title: title.into(),
            status: status.as_u16(),
            code: code.into(),
            detail: detail.into(),
            errors: Box::default(),
            reason: None,
            obstacles: Box::default(),
            request_id: None,
        }
    }

    /// A request that cannot be understood.
    pub fn bad_request(detail: impl Into<Box<str>>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "The request is wrong",
            detail,
        )
    }

    /// A body that did not arrive whole, or is too large.
    pub(super) fn bad_body(status: StatusCode, said: String) -> Self {
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::too_large();
        }
        Self::bad_request(said)
    }

    /// A body that is larger than any may be.
    pub(super) fn too_large() -> Self {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        let detail = format!("the body has more than {BODY_BYTES_MAX} bytes");
        Self::new(status, "too_large", "The body is too large", detail)
    }

    /// Nothing is there.
    pub fn not_found(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    /// The saga is not one of those that the caller means.
    pub(super) fn not_selected(detail: impl Into<Box<str>>) -> Self {
        let (status, title) = (StatusCode::PRECONDITION_FAILED, "Not one of those");
        Self::new(status, "not_selected", title, detail)
    }

    /// A bug.
    pub(super) fn internal(detail: impl Into<Box<str>>) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "internal", "The orchestrator failed", detail)
    }

    /// There are too many of these already.
    pub(super) fn too_many(detail: impl Into<Box<str>>) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "too_many", "Too many at once", detail)
    }

    pub(super) fn method_not_allowed() -> Self {
        let detail = "this path does not take that method";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Method not allowed",
            detail,
        )
    }

    /// A definition with problems; `rendered` is what `amends validate` would print.
    pub(super) fn bad_definition(rendered: String) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(
            status,
            "bad_definition",
            "The definition does not compile",
            rendered,
        )
    }
}

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        let detail = crate::chain(&error);
        match error {
            PlanError::UnknownStep(_) => Self::not_found(detail),
            PlanError::Refused(_)
            | PlanError::Over { .. }
            | PlanError::TurningBack
            | PlanError::CannotFail(_)
            | PlanError::NotReached { .. }
            | PlanError::TooLong(_) => {
                let title = "That makes no sense now";
                Self::new(StatusCode::CONFLICT, "refused", title, detail)
            }
            PlanError::Lacks(_) | PlanError::Illegal(_) => Self::internal(detail),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %crate::chain(&error), "a request failed");
        match error {
            StoreError::Unavailable { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store_unavailable",
                "The store is away",
                "the database does not answer; try again",
            ),
            StoreError::Refused { .. } | StoreError::Corrupt { .. } => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "store_error",
                "The store failed",
                crate::chain(&error),
            ),
        }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        let detail = crate::chain(&error);
        match error {
            CatalogError::UnknownName { .. } | CatalogError::UnknownVersion(_) => Self::new(
                StatusCode::NOT_FOUND,
                "unknown_definition",
                "Unknown definition",
                detail,
            ),
            CatalogError::Conflict(_) => {
                let title = "A registered version never changes";
                Self::new(StatusCode::CONFLICT, "definition_conflict", title, detail)
            }
            CatalogError::Retired { .. } | CatalogError::NothingToStart(_) => {
                let title = "The definition starts no new sagas";
                Self::new(StatusCode::CONFLICT, "definition_retired", title, detail)
            }
            CatalogError::OutlivesRetention { .. } => {
                let title = "Its sagas would outlive what is kept";
                Self::new(StatusCode::CONFLICT, "outlives_retention", title, detail)
            }
            CatalogError::Incompatible { .. } => Self::bad_definition(detail),
            CatalogError::Store(error) => error.into(),
            CatalogError::Broker(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "broker_unavailable",
                "The broker is away",
                detail,
            ),
        }
    }
}

impl From<OperateError> for Problem {
    fn from(error: OperateError) -> Self {
        let detail = crate::chain(&error);
        match error {
            OperateError::NoSaga(_) => Self::not_found(detail),
            OperateError::MovedOn(_) => {
                let title = "That makes no sense now";
                Self::new(StatusCode::CONFLICT, "refused", title, detail)
            }
            OperateError::Refused(refused) => {
                let title = "That makes no sense now";
                Self {
                    reason: Some(refused.as_str().into()),
                    obstacles: refused
                        .obstacles()
                        .iter()
                        .map(ToString::to_string)
                        .collect(),
                    ..Self::new(StatusCode::CONFLICT, "refused", title, detail)
                }
            }
            OperateError::Unstorable(_) => {
                let title = "The request cannot be stored";
                Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "unstorable",
                    title,
                    detail,
                )
            }
            OperateError::ShuttingDown => {
                let title = "The orchestrator is shutting down";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "shutting_down", title, detail)
            }
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        let detail = crate::chain(&error);
        let refused = |code, title| Self::new(StatusCode::CONFLICT, code, title, detail.clone());
        match error {
            ReplayError::NoLetter(_) => Self::not_found(detail),
            ReplayError::Handled { .. } => refused("letter_handled", "Somebody was there before"),
            ReplayError::MovedOn(_)
            | ReplayError::NoUse(_)
            | ReplayError::Operate(OperateError::MovedOn(_) | OperateError::Refused(_)) => {
                refused("saga_moved_on", "The saga has moved on")
            }
            ReplayError::Unreadable(_) | ReplayError::OnlyDropped(_) => {
                refused("only_dropped", "It can only be dropped")
            }
            ReplayError::Refused(_) => refused("refused", "That makes no sense now"),
            ReplayError::Operate(error) => error.into(),
            ReplayError::Catalog(error) => error.into(),
            ReplayError::Store(error) => error.into(),
        }
    }
}

impl From<WiringError> for Problem {
    fn from(error: WiringError) -> Self {
        match error {
            WiringError::Catalog(error) => error.into(),
            WiringError::Store(error) => error.into(),
            WiringError::Broker(error) => CatalogError::from(error).into(),
        }
    }
}

impl From<ReconcileError> for Problem {
    fn from(error: ReconcileError) -> Self {
        match error {
            ReconcileError::Store(error) => error.into(),
            ReconcileError::Broker(error) => CatalogError::from(error).into(),
            ReconcileError::Catalog(error) => error.into(),
        }
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        let detail = crate::chain(&error);
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        match error {
            StartError::Input(refused) => {
                let errors = refused
                    .violations
                    .into_iter()
                    .map(|violation| FieldError {
                        pointer: format!("/input{}", violation.pointer),
                        message: violation.message,
                    })
                    .collect();
                let title = "The input does not match the definition";
                Self {
                    errors,
                    ..Self::new(unprocessable, "invalid_input", title, detail)
                }
            }
            StartError::KeyMismatch { .. } => {
                Self::new(unprocessable, "key_mismatch", "Two business keys", detail)
            }
            StartError::KeyTaken(_) => {
                let title = "Another saga has the key";
                Self::new(StatusCode::CONFLICT, "key_taken", title, detail)
            }
            StartError::Unstorable(_) => Self::new(
                unprocessable,
                "unstorable_input",
                "The input cannot be stored",
                detail,
            ),
            StartError::ShuttingDown => {
                let title = "The orchestrator is shutting down";
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "shutting_down",
                    title,
                    detail,
                )
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(challenge) = self.challenge() {
            let challenge = HeaderValue::from_static(challenge);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        // Whoever knows more of the request than a handler does adds it.
        response.extensions_mut().insert(self);
        response
    }
}
