//! Errors as RFC 9457 problem documents with a stable code.

use axum::Json;
use axum::extract::rejection::{BytesRejection, QueryRejection, StringRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use saga_core::plan::PlanError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem_kind::Kind;
use super::router::BODY_BYTES_MAX;
use crate::catalog::CatalogError;
use crate::drain::DrainError;
use crate::engine::{OperateError, StartError};
use crate::reconcile::ReconcileError;
use crate::replay::ReplayError;
use crate::store::StoreError;
use crate::wiring::WiringError;

/// What went wrong, for a program and for a person.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
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
    /// When to come again, in whole seconds, as `Retry-After` says as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u16>,
}

/// One place where a body is wrong.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// JSON Pointer into the body.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl Problem {
    /// A problem of this kind.
    pub(super) fn new(kind: Kind, detail: impl Into<Box<str>>) -> Self {
        Self {
            title: kind.title().into(),
            status: kind.status().as_u16(),
            code: kind.code().into(),
            detail: detail.into(),
            errors: Box::default(),
            reason: None,
            obstacles: Box::default(),
            request_id: None,
            retry_after_seconds: None,
        }
    }

    /// A request that cannot be understood.
    pub fn bad_request(detail: impl Into<Box<str>>) -> Self {
        Self::new(Kind::BadRequest, detail)
    }

    /// A body that is larger than any may be.
    pub(super) fn too_large() -> Self {
        let detail = format!("the body has more than {BODY_BYTES_MAX} bytes");
        Self::new(Kind::TooLarge, detail)
    }

    /// Nothing is there.
    pub fn not_found(detail: impl Into<Box<str>>) -> Self {
        Self::new(Kind::NotFound, detail)
    }

    /// A definition with problems; `rendered` is what `amends validate` would print.
    pub(super) fn bad_definition(rendered: String) -> Self {
        Self::new(Kind::BadDefinition, rendered)
    }

    /// A body that could not be taken in.
    fn unread(status: StatusCode, said: String) -> Self {
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::too_large();
        }
        Self::bad_request(said)
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        Self::unread(rejection.status(), rejection.body_text())
    }
}

impl From<StringRejection> for Problem {
    fn from(rejection: StringRejection) -> Self {
        Self::unread(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
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
            | PlanError::TooLong(_) => Self::new(Kind::Refused, detail),
            PlanError::Lacks(_) | PlanError::Illegal(_) => Self::new(Kind::Internal, detail),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        tracing::error!(error = %crate::chain(error), "a request failed");
        match error {
            StoreError::Unavailable { .. } => Self::new(
                Kind::StoreUnavailable,
                "the database does not answer; try again",
            ),
            StoreError::Refused { .. } | StoreError::Corrupt { .. } => {
                Self::new(Kind::StoreError, crate::chain(error))
            }
        }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        let detail = crate::chain(&error);
        match error {
            CatalogError::UnknownName { .. } | CatalogError::UnknownVersion(_) => {
                Self::new(Kind::UnknownDefinition, detail)
            }
            CatalogError::Conflict(_) => Self::new(Kind::DefinitionConflict, detail),
            CatalogError::Retired { .. } | CatalogError::NothingToStart(_) => {
                Self::new(Kind::DefinitionRetired, detail)
            }
            CatalogError::OutlivesRetention { .. } => Self::new(Kind::OutlivesRetention, detail),
            CatalogError::Incompatible { .. } => Self::bad_definition(detail),
            CatalogError::Store(error) => error.into(),
            CatalogError::Broker(_) => Self::new(Kind::BrokerUnavailable, detail),
        }
    }
}

impl From<OperateError> for Problem {
    fn from(error: OperateError) -> Self {
        let detail = crate::chain(&error);
        match error {
            OperateError::NoSaga(_) => Self::not_found(detail),
            OperateError::MovedOn(_) => Self::new(Kind::Refused, detail),
            OperateError::Refused(refused) => Self {
                reason: Some(refused.as_str().into()),
                obstacles: refused
                    .obstacles()
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                ..Self::new(Kind::Refused, detail)
            },
            OperateError::Unstorable(_) => Self::new(Kind::Unstorable, detail),
            OperateError::ShuttingDown => Self::new(Kind::ShuttingDown, detail),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        let detail = crate::chain(&error);
        match error {
            ReplayError::NoLetter(_) => Self::not_found(detail),
            ReplayError::Handled { .. } => Self::new(Kind::LetterHandled, detail),
            ReplayError::MovedOn(_)
            | ReplayError::NoUse(_)
            | ReplayError::Operate(OperateError::MovedOn(_) | OperateError::Refused(_)) => {
                Self::new(Kind::SagaMovedOn, detail)
            }
            ReplayError::Unreadable(_) | ReplayError::OnlyDropped(_) => {
                Self::new(Kind::OnlyDropped, detail)
            }
            ReplayError::Refused(_) => Self::new(Kind::Refused, detail),
            ReplayError::Operate(error) => error.into(),
            ReplayError::Catalog(error) => error.into(),
            ReplayError::Store(error) => error.into(),
        }
    }
}

impl From<DrainError> for Problem {
    fn from(error: DrainError) -> Self {
        let detail = crate::chain(&error);
        match error {
            DrainError::NoWorker(_) => Self::not_found(detail),
            DrainError::Left(_) => Self::new(Kind::Refused, detail),
            DrainError::Unreachable(_) => Self::new(Kind::WorkerUnreachable, detail),
            DrainError::NotSent => Self::new(Kind::BrokerUnavailable, detail),
            DrainError::Store(error) => error.into(),
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
                Self {
                    errors,
                    ..Self::new(Kind::InvalidInput, detail)
                }
            }
            StartError::KeyMismatch { .. } => Self::new(Kind::KeyMismatch, detail),
            StartError::KeyTaken(_) => Self::new(Kind::KeyTaken, detail),
            StartError::Unstorable(_) => Self::new(Kind::UnstorableInput, detail),
            StartError::Overload(overload) => Self {
                retry_after_seconds: u16::try_from(overload.retry_after.as_secs()).ok(),
                ..Self::new(Kind::Overload, detail)
            },
            StartError::ShuttingDown => Self::new(Kind::ShuttingDown, detail),
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
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        // Whoever knows more of the request than a handler does adds it.
        response.extensions_mut().insert(self);
        response
    }
}
