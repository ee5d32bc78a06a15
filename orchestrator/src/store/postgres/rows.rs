//! What rows mean.

use std::sync::Arc;

use broker::envelope::stored;
use broker::message::Outgoing;
use bytes::Bytes;
use saga_core::event::Event;
use saga_core::ids::{MessageId, SagaId};
use saga_core::operator::By;
use saga_core::saga::{Saga, Status};
use saga_core::values::ValueKey;
use serde_json::Value;
use tokio_postgres::Row;

use super::columns::{JsonRef, Time, column, counter};
use super::failure::Failure;
use crate::store::codec::{self, SagaRow};
use crate::store::{OutboxMessage, Retirement, SagaSummary, StoreError, StoredDefinition};

/// A saga with its control state: `load`, or `list` with states.
pub(super) fn saga(row: &Row) -> Result<Saga, StoreError> {
    let id = SagaId(read(row, 0, "a saga")?);
    let what = || format!("saga {id}");
    let JsonRef(labels) = read(row, 5, "a saga")?;
    let Time(started_at) = read(row, 6, "a saga")?;
    let ended_at: Option<Time> = read(row, 7, "a saga")?;
    let JsonRef(state) = read(row, 8, "a saga")?;
    let columns = SagaRow {
        id,
        version: counter(read(row, 1, "a saga")?),
        definition: read(row, 2, "a saga")?,
        definition_version: read(row, 3, "a saga")?,
        key: read(row, 4, "a saga")?,
        labels,
        started_at,
        ended_at: ended_at.map(|Time(at)| at),
        state,
    };
    codec::decode_saga(&columns).map_err(|error| StoreError::Corrupt {
        what: what(),
        source: Box::new(error),
    })
}

/// One line of `list`.
pub(super) fn summary(row: &Row) -> Result<SagaSummary, StoreError> {
    let id = SagaId(read(row, 0, "a saga")?);
    let (name, version): (&str, &str) = (read(row, 2, "a saga")?, read(row, 3, "a saga")?);
    let Time(started_at) = read(row, 6, "a saga")?;
    let ended_at: Option<Time> = read(row, 7, "a saga")?;
    Ok(SagaSummary {
        id,
        definition: codec::decode_reference(name, version)
            .map_err(|error| corrupt(format!("saga {id}"), error))?,
        key: read(row, 4, "a saga")?,
        status: status(read(row, 9, "a saga")?)?,
        started_at,
        ended_at: ended_at.map(|Time(at)| at),
    })
}

/// A value from its step, element and text, in the columns from `first` on.
pub(super) fn value(row: &Row, first: usize) -> Result<(ValueKey, Arc<Value>), StoreError> {
    let step: &str = read(row, first, "a value")?;
    let element: i32 = read(row, first + 1, "a value")?;
    let JsonRef(text) = read(row, first + 2, "a value")?;
    let value = serde_json::from_str(text)
        .map_err(|error| corrupt(format!("value {step}[{element}]"), error))?;
    let element = u32::try_from(element).unwrap_or(0);
    Ok((codec::decode_value_key(step, element), Arc::new(value)))
}

/// Events that were decided together, from this column on: `history`, `read_back`.
pub(super) fn events(row: &Row, from: usize) -> Result<Vec<Event>, StoreError> {
    let first = counter(read(row, from, "an event")?);
    let schema = u16::try_from(read::<i16>(row, from + 1, "an event")?).unwrap_or(u16::MAX);
    let Time(at) = read(row, from + 2, "an event")?;
    let JsonRef(data) = read(row, from + 3, "an event")?;
    codec::decode_events(first, schema, at, data)
        .map_err(|error| corrupt(format!("event {first}"), error))
}

/// A message of the outbox.
pub(super) fn outbox_message(row: &Row) -> Result<OutboxMessage, StoreError> {
    let saga = SagaId(read(row, 0, "an outbox row")?);
    let id = MessageId {
        saga,
        seq: counter(read(row, 1, "an outbox row")?),
    };
    let properties: &str = read(row, 2, "an outbox row")?;
    let body: &[u8] = read(row, 3, "an outbox row")?;
    let properties =
        stored::read(properties, id).map_err(|error| corrupt(format!("outbox row {id}"), error))?;
    Ok(OutboxMessage {
        id,
        message: Outgoing {
            properties,
            body: Bytes::copy_from_slice(body),
        },
    })
}

/// A definition.
pub(super) fn definition(row: &Row) -> Result<StoredDefinition, StoreError> {
    let what = "a definition";
    let (name, version): (&str, &str) = (read(row, 0, what)?, read(row, 1, what)?);
    let Time(registered_at) = read(row, 4, what)?;
    Ok(StoredDefinition {
        reference: codec::decode_reference(name, version)
            .map_err(|error| corrupt(format!("definition {name} {version}"), error))?,
        digest: read(row, 2, what)?,
        source: read(row, 3, what)?,
        registered_at,
        retired: retirement(row)?,
    })
}

/// The retirement of a definition, from columns that are all null without one.
fn retirement(row: &Row) -> Result<Option<Retirement>, StoreError> {
    let what = "a retirement";
    let at: Option<Time> = read(row, 5, what)?;
    let Some(Time(at)) = at else { return Ok(None) };
    let by = By {
        who: read(row, 6, what)?,
        reason: read(row, 7, what)?,
    };
    Ok(Some(Retirement { at, by }))
}

/// A status from its word.
pub(super) fn status(word: &str) -> Result<Status, StoreError> {
    word.parse().map_err(|message: String| StoreError::Corrupt {
        what: "a saga's status".to_owned(),
        source: message.into(),
    })
}

/// A column.
pub(super) fn read<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    index: usize,
    what: &str,
) -> Result<T, StoreError> {
    column(row, index).map_err(|failure| match failure {
        Failure::Transient(message)
        | Failure::Unknown(message)
        | Failure::Data(message)
        | Failure::Refused(message) => StoreError::Corrupt {
            what: what.to_owned(),
            source: message.into(),
        },
        Failure::Connect(error) => error,
    })
}

pub(super) fn corrupt(
    what: String,
    error: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::Corrupt {
        what,
        source: Box::new(error),
    }
}
