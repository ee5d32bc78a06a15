//! Errors as RFC 9457 problem documents with a stable code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use saga_core::plan::PlanError;
use serde::{Deserialize, Serialize};

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
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable, for programs.
    pub code: String,
    /// This occurrence, and what to do.
    pub detail: String,
    /// Where a body is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Everything that stands against a move.
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    pub obstacles: Box<[String]>,
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
    fn new(status: StatusCode, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            title: title.to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            obstacles: Box::default(),
        }
    }

    /// A request that cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "The request is wrong",
            detail,
        )
    }

    /// Nothing is there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    /// A bug.
    pub(super) fn internal(detail: impl Into<String>) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "internal", "The orchestrator failed", detail)
    }

    /// There are too many of these already.
    pub(super) fn too_many(detail: impl Into<String>) -> Self {
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
        let mut response = (status, Json(self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}
