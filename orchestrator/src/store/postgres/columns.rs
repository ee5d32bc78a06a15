//! Column types that the client library does not have: lossless times, JSON as text, counters.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use saga_core::time::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use super::failure::Failure;

/// Microseconds from the Unix epoch to 2000-01-01, where Postgres counts from.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// A `timestamptz`. Both sides count microseconds, so nothing is lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) Timestamp);

impl ToSql for Time {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_i64(self.0.as_micros().saturating_sub(POSTGRES_EPOCH));
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Time {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let since_2000 = i64::from_be_bytes(raw.try_into()?);
        Ok(Self(Timestamp::from_micros(
            since_2000.saturating_add(POSTGRES_EPOCH),
        )))
    }

    accepts!(TIMESTAMPTZ);
}

/// The text of a `json` or `jsonb` value.
#[derive(Debug, Clone)]
pub(super) struct Json(pub(super) String);

impl ToSql for Json {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if *ty == Type::JSONB {
            out.put_u8(JSONB_FORMAT);
        }
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    accepts!(JSON, JSONB);
    to_sql_checked!();
}

/// The one wire format that `jsonb` has.
const JSONB_FORMAT: u8 = 1;

/// The text of a `json` or `jsonb` value of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonRef<'a>(pub(super) &'a str);

impl<'a> FromSql<'a> for JsonRef<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let text = match raw.split_first() {
            Some((&JSONB_FORMAT, text)) if *ty == Type::JSONB => text,
            _ if *ty == Type::JSONB => return Err("unknown jsonb format".into()),
            _ => raw,
        };
        Ok(Self(std::str::from_utf8(text)?))
    }

    accepts!(JSON, JSONB);
}

/// A counter as a `bigint`. One that is too large becomes a value that the table's checks refuse.
pub(super) fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(-1)
}

/// A `bigint` as a counter.
pub(super) fn counter(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A small counter as an `integer`, see [`bigint`].
pub(super) fn integer(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(-1)
}

/// A column of a row.
pub(super) fn column<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, Failure> {
    row.try_get(index).map_err(|error| Failure::of(&error))
}
