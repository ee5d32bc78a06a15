//! What rows say, and what errors mean.

use std::borrow::Cow;
use std::sync::Arc;

use deadpool_postgres::PoolError;
use saga_core::input::StepError;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Json;

use crate::ledger::entry::Stored;
use crate::ledger::error::LedgerError;

/// The result that a row holds; `None` while it is started.
pub(super) fn stored(row: &Row) -> Result<Option<Stored>, tokio_postgres::Error> {
    let state: &str = row.try_get("state")?;
    let result: Option<Value> = row.try_get("result")?;
    Ok(match state {
        "applied" => Some(Stored::Applied(result.map(Arc::new))),
        "rejected" => Some(Stored::Rejected(error_of(result.unwrap_or_default()))),
        "blocked" => Some(Stored::Blocked),
        _started => None,
    })
}

fn error_of(result: Value) -> StepError {
    serde_json::from_value(result).unwrap_or_else(|_| {
        StepError::new(
            "unreadable",
            "the ledger holds an error that this version cannot read",
        )
    })
}

/// The columns `state` and `result` of a result.
pub(super) fn columns(stored: &Stored) -> (&'static str, Option<Json<Cow<'_, Value>>>) {
    let (state, result) = match stored {
        Stored::Applied(output) => ("applied", output.as_deref().map(Cow::Borrowed)),
        Stored::Rejected(error) => ("rejected", Some(Cow::Owned(error_value(error)))),
        Stored::Blocked => ("blocked", None),
    };
    (state, result.map(Json))
}

pub(super) fn error_value(error: &StepError) -> Value {
    serde_json::to_value(error).unwrap_or_default()
}

/// Whether a statement gave up waiting for another's transaction.
pub(super) fn is_locked(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)
}

/// Sorts a statement's error into what may pass and what will not.
pub(super) fn failed(operation: &'static str) -> impl Fn(tokio_postgres::Error) -> LedgerError {
    move |error| {
        // Classes: 08 connection, 40 rollback, 53 resources, 55 not in state, 57 intervention,
        // 58 system. An error without a code never reached the server, or its answer was lost.
        let may_pass = error.code().is_none_or(|state| {
            ["08", "25006", "40", "53", "55", "57", "58"]
                .iter()
                .any(|class| state.code().starts_with(class))
        });
        let source = Box::new(error);
        if may_pass {
            LedgerError::Unavailable { operation, source }
        } else {
            LedgerError::Refused { operation, source }
        }
    }
}

/// Every failure to get a connection may pass.
pub(super) fn unreachable(operation: &'static str) -> impl Fn(PoolError) -> LedgerError {
    move |error| LedgerError::Unavailable {
        operation,
        source: Box::new(error),
    }
}
