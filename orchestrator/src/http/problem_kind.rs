//! The closed list of problems that the API answers with.

use axum::http::StatusCode;

/// What went wrong, for programs: a status, a code and a title that never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    BadRequest,
    Unauthenticated,
    InvalidToken,
    Forbidden,
    ForeignOrigin,
    TooLarge,
    NotFound,
    MethodNotAllowed,
    UnknownDefinition,
    BadDefinition,
    DefinitionConflict,
    DefinitionRetired,
    OutlivesRetention,
    InvalidInput,
    KeyMismatch,
    KeyTaken,
    UnstorableInput,
    Unstorable,
    Refused,
    LetterHandled,
    SagaMovedOn,
    OnlyDropped,
    NotSelected,
    WorkerUnreachable,
    TooMany,
    Overload,
    StoreUnavailable,
    BrokerUnavailable,
    KeysUnavailable,
    ShuttingDown,
    StoreError,
    Internal,
}

impl Kind {
    /// Every kind, in the order in which the document lists them.
    pub(super) const ALL: [Self; 32] = [
        Self::BadRequest,
        Self::Unauthenticated,
        Self::InvalidToken,
        Self::Forbidden,
        Self::ForeignOrigin,
        Self::TooLarge,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UnknownDefinition,
        Self::BadDefinition,
        Self::DefinitionConflict,
        Self::DefinitionRetired,
        Self::OutlivesRetention,
        Self::InvalidInput,
        Self::KeyMismatch,
        Self::KeyTaken,
        Self::UnstorableInput,
        Self::Unstorable,
        Self::Refused,
        Self::LetterHandled,
        Self::SagaMovedOn,
        Self::OnlyDropped,
        Self::NotSelected,
        Self::WorkerUnreachable,
        Self::TooMany,
        Self::Overload,
        Self::StoreUnavailable,
        Self::BrokerUnavailable,
        Self::KeysUnavailable,
        Self::ShuttingDown,
        Self::StoreError,
        Self::Internal,
    ];

    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthenticated | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NotSelected => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound | Self::UnknownDefinition => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadDefinition
            | Self::InvalidInput
            | Self::KeyMismatch
            | Self::UnstorableInput
            | Self::Unstorable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::DefinitionConflict
            | Self::DefinitionRetired
            | Self::OutlivesRetention
            | Self::KeyTaken
            | Self::Refused
            | Self::LetterHandled
            | Self::SagaMovedOn
            | Self::OnlyDropped
            | Self::WorkerUnreachable => StatusCode::CONFLICT,
            Self::TooMany | Self::Overload => StatusCode::TOO_MANY_REQUESTS,
            Self::StoreUnavailable
            | Self::BrokerUnavailable
            | Self::KeysUnavailable
            | Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::StoreError | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Stable.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthenticated => "unauthenticated",
            Self::InvalidToken => "invalid_token",
            Self::Forbidden => "forbidden",
            Self::ForeignOrigin => "foreign_origin",
            Self::NotSelected => "not_selected",
            Self::KeysUnavailable => "keys_unavailable",
            Self::TooLarge => "too_large",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::UnknownDefinition => "unknown_definition",
            Self::BadDefinition => "bad_definition",
            Self::DefinitionConflict => "definition_conflict",
            Self::DefinitionRetired => "definition_retired",
            Self::OutlivesRetention => "outlives_retention",
            Self::InvalidInput => "invalid_input",
            Self::KeyMismatch => "key_mismatch",
            Self::KeyTaken => "key_taken",
            Self::UnstorableInput => "unstorable_input",
            Self::Unstorable => "unstorable",
            Self::Refused => "refused",
            Self::LetterHandled => "letter_handled",
            Self::SagaMovedOn => "saga_moved_on",
            Self::OnlyDropped => "only_dropped",
            Self::WorkerUnreachable => "worker_unreachable",
            Self::TooMany => "too_many",
            Self::Overload => "overload",
            Self::StoreUnavailable => "store_unavailable",
            Self::BrokerUnavailable => "broker_unavailable",
            Self::ShuttingDown => "shutting_down",
            Self::StoreError => "store_error",
            Self::Internal => "internal",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request is wrong",
            Self::Unauthenticated => "Nobody may do this unnamed",
            Self::InvalidToken => "The token does not hold",
            Self::Forbidden => "That takes another role",
            Self::ForeignOrigin => "The API is for this machine",
            Self::NotSelected => "Not one of those",
            Self::KeysUnavailable => "The identity provider is away",
            Self::TooLarge => "The body is too large",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::UnknownDefinition => "Unknown definition",
            Self::BadDefinition => "The definition does not compile",
            Self::DefinitionConflict => "A registered version never changes",
            Self::DefinitionRetired => "The definition starts no new sagas",
            Self::OutlivesRetention => "Its sagas would outlive what is kept",
            Self::InvalidInput => "The input does not match the definition",
            Self::KeyMismatch => "Two business keys",
            Self::KeyTaken => "Another saga has the key",
            Self::UnstorableInput => "The input cannot be stored",
            Self::Unstorable => "The request cannot be stored",
            Self::Refused => "That makes no sense now",
            Self::LetterHandled => "Somebody was there before",
            Self::SagaMovedOn => "The saga has moved on",
            Self::OnlyDropped => "It can only be dropped",
            Self::WorkerUnreachable => "The worker cannot be told",
            Self::TooMany => "Too many at once",
            Self::Overload => "More comes than is kept up with",
            Self::StoreUnavailable => "The store is away",
            Self::BrokerUnavailable => "The broker is away",
            Self::ShuttingDown => "The orchestrator is shutting down",
            Self::StoreError => "The store failed",
            Self::Internal => "The orchestrator failed",
        }
    }
}
