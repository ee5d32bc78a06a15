//! The closed list of problems that the API answers with.

use axum::http::StatusCode;

/// What went wrong, for programs: a status, a code and a title that never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    BadRequest,
    BodyTooLarge,
    NotFound,
    MethodNotAllowed,
    UnknownDefinition,
    BadDefinition,
    DefinitionConflict,
    DefinitionRetired,
    InvalidInput,
    KeyMismatch,
    KeyTaken,
    UnstorableInput,
    Unstorable,
    Refused,
    LetterHandled,
    SagaMovedOn,
    OnlyDropped,
    TooMany,
    StoreUnavailable,
    BrokerUnavailable,
    ShuttingDown,
    StoreError,
    Internal,
}

impl Kind {
    /// Every kind, in the order in which the document lists them.
    pub(super) const ALL: [Self; 23] = [
        Self::BadRequest,
        Self::BodyTooLarge,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UnknownDefinition,
        Self::BadDefinition,
        Self::DefinitionConflict,
        Self::DefinitionRetired,
        Self::InvalidInput,
        Self::KeyMismatch,
        Self::KeyTaken,
        Self::UnstorableInput,
        Self::Unstorable,
        Self::Refused,
        Self::LetterHandled,
        Self::SagaMovedOn,
        Self::OnlyDropped,
        Self::TooMany,
        Self::StoreUnavailable,
        Self::BrokerUnavailable,
        Self::ShuttingDown,
        Self::StoreError,
        Self::Internal,
    ];

    pub(super) const fn status(self) -> StatusCode {
        self.parts().0
    }

    /// Stable.
    pub(super) const fn code(self) -> &'static str {
        self.parts().1
    }

    pub(super) const fn title(self) -> &'static str {
        self.parts().2
    }

    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as Is;
        match self {
            Self::BadRequest => (Is::BAD_REQUEST, "bad_request", "The request is wrong"),
            Self::BodyTooLarge => (
                Is::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body is too large",
            ),
            Self::NotFound => (Is::NOT_FOUND, "not_found", "Not found"),
            Self::MethodNotAllowed => (
                Is::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Method not allowed",
            ),
            Self::UnknownDefinition => (Is::NOT_FOUND, "unknown_definition", "Unknown definition"),
            Self::BadDefinition => (
                Is::UNPROCESSABLE_ENTITY,
                "bad_definition",
                "The definition does not compile",
            ),
            Self::DefinitionConflict => (
                Is::CONFLICT,
                "definition_conflict",
                "A registered version never changes",
            ),
            Self::DefinitionRetired => (
                Is::CONFLICT,
                "definition_retired",
                "The definition starts no new sagas",
            ),
            Self::InvalidInput => (
                Is::UNPROCESSABLE_ENTITY,
                "invalid_input",
                "The input does not match the definition",
            ),
            Self::KeyMismatch => (
                Is::UNPROCESSABLE_ENTITY,
                "key_mismatch",
                "Two business keys",
            ),
            Self::KeyTaken => (Is::CONFLICT, "key_taken", "Another saga has the key"),
            Self::UnstorableInput => (
                Is::UNPROCESSABLE_ENTITY,
                "unstorable_input",
                "The input cannot be stored",
            ),
            Self::Unstorable => (
                Is::UNPROCESSABLE_ENTITY,
                "unstorable",
                "The request cannot be stored",
            ),
            Self::Refused => (Is::CONFLICT, "refused", "That makes no sense now"),
            Self::LetterHandled => (Is::CONFLICT, "letter_handled", "Somebody was there before"),
            Self::SagaMovedOn => (Is::CONFLICT, "saga_moved_on", "The saga has moved on"),
            Self::OnlyDropped => (Is::CONFLICT, "only_dropped", "It can only be dropped"),
            Self::TooMany => (Is::TOO_MANY_REQUESTS, "too_many", "Too many at once"),
            Self::StoreUnavailable => (
                Is::SERVICE_UNAVAILABLE,
                "store_unavailable",
                "The store is away",
            ),
            Self::BrokerUnavailable => (
                Is::SERVICE_UNAVAILABLE,
                "broker_unavailable",
                "The broker is away",
            ),
            Self::ShuttingDown => (
                Is::SERVICE_UNAVAILABLE,
                "shutting_down",
                "The orchestrator is shutting down",
            ),
            Self::StoreError => (Is::INTERNAL_SERVER_ERROR, "store_error", "The store failed"),
            Self::Internal => (
                Is::INTERNAL_SERVER_ERROR,
                "internal",
                "The orchestrator failed",
            ),
        }
    }
}
