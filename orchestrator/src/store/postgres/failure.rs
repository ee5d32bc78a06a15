//! What a failed statement means for the work it carried.

use crate::store::StoreError;

use super::connect::chain;

/// A statement that did not succeed, sorted by what can be done about it.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was rolled back and may succeed unchanged: a deadlock, a lock timeout, a cancel.
    Transient(String),
    /// The connection is gone or no answer came: it may or may not have happened.
    Unknown(String),
    /// The data cannot be stored; without the offender the rest can.
    Data(String),
    /// The same statement will fail again.
    Refused(String),
    /// No connection could be made; nothing happened.
    Connect(StoreError),
}

impl Failure {
    /// Sorts an error by its SQLSTATE, if the server gave one.
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            let message = chain(error);
            // A parameter that cannot be encoded, or a row that cannot be decoded, never reaches
            // the server or arrives whole; everything else without a code is the connection.
            return if error.is_closed() || has_io_cause(error) {
                Self::Unknown(message)
            } else {
                Self::Refused(message)
            };
        };
        // Not the detail: it quotes the row, and rows hold what must not be in logs.
        let constraint = said
            .constraint()
            .map(|name| format!(", {name}"))
            .unwrap_or_default();
        let code = said.code().code();
        let message = format!("{} (SQLSTATE {code}{constraint})", said.message());
        match (code, code.get(..2).unwrap_or_default()) {
            _ if Self::is_of_the_session(error) => Self::Transient(message),
            // The server says goodbye; whether it did so before or after the commit is not said.
            ("57P01" | "57P02" | "57P05" | "25P03", _) | (_, "08") => Self::Unknown(message),
            ("55P03", _) | (_, "40" | "53" | "57") => Self::Transient(message),
            // 54 is what is too large for an index or a row.
            (_, "21" | "22" | "23" | "54") => Self::Data(message),
            _ => Self::Refused(message),
        }
    }

    /// Whether another connection would do: this one has plans from before a migration, or its
    /// server is no primary any more.
    pub(super) fn is_of_the_session(error: &tokio_postgres::Error) -> bool {
        let code = error.code().map(tokio_postgres::error::SqlState::code);
        matches!(code, Some("0A000" | "26000" | "25006"))
    }

    /// Whether the same work may be tried again, on another connection.
    pub(super) const fn is_worth_another_try(&self) -> bool {
        match self {
            Self::Transient(_) | Self::Unknown(_) => true,
            Self::Connect(error) => matches!(error, StoreError::Unavailable { .. }),
            Self::Data(_) | Self::Refused(_) => false,
        }
    }

    /// As the caller of the store sees it.
    pub(super) fn into_error(self, operation: &'static str) -> StoreError {
        match self {
            Self::Transient(message) | Self::Unknown(message) => StoreError::Unavailable {
                operation,
                source: message.into(),
            },
            Self::Data(message) | Self::Refused(message) => StoreError::Refused {
                operation,
                source: message.into(),
            },
            Self::Connect(error) => error,
        }
    }
}

fn has_io_cause(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}
