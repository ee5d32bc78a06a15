//! Days as partitions: opened ahead, dropped when their sagas are over.

use saga_core::ids::SagaId;
use saga_core::time::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::columns::{Time, counter};
use super::rows::read;
use super::session::Params;
use super::statements;
use super::store::PostgresStore;
use crate::store::day::first_saga_id;
use crate::store::{Day, DaySagas, Opened, STRAYS_MAX, StoreError, StoredDay};

/// Days that are opened in one go, at most; the others follow in the next.
const OPENED_AT_ONCE_MAX: i64 = 64;

/// Sagas that one statement counts: some ten milliseconds of work.
const COUNTED_AT_ONCE: u32 = 10_000;

/// Opens the days until then, and those of rows that have none.
pub(super) async fn open_days(
    store: &PostgresStore,
    until: Timestamp,
) -> Result<Opened, StoreError> {
    let params: Params<'_> = &[&Time(until), &OPENED_AT_ONCE_MAX];
    let rows = store
        .query(
            "look which days are to be opened",
            statements::DAYS_TO_OPEN,
            params,
        )
        .await?;
    let mut moved = 0;
    for row in &rows {
        let day: &str = read(row, 0, "a day")?;
        moved += number(store, "open a day", statements::OPEN_DAY, &[&day]).await?;
    }
    let most = i64::from(STRAYS_MAX);
    let left = number(store, "count strays", statements::STRAYS, &[&most]).await?;
    Ok(Opened { moved, left })
}

/// The days of which something is stored.
pub(super) async fn days(
    store: &PostgresStore,
    ended_before: Timestamp,
) -> Result<Vec<StoredDay>, StoreError> {
    let rows = store
        .query("look at the days", statements::DAYS, &[])
        .await?;
    let horizon = first_saga_id(ended_before);
    let mut days = Vec::with_capacity(rows.len());
    for row in &rows {
        let day = day(row)?;
        let sagas = if day.beyond <= horizon {
            Some(count(store, &day, ended_before, COUNTED_AT_ONCE).await?)
        } else {
            None
        };
        let bytes = counter(read(row, 3, "a day")?);
        days.push(StoredDay { day, bytes, sagas });
    }
    Ok(days)
}

/// How the sagas of a day stand, counted so many at once.
pub(super) async fn count(
    store: &PostgresStore,
    day: &Day,
    ended_before: Timestamp,
    at_once: u32,
) -> Result<DaySagas, StoreError> {
    let limit = i64::from(at_once);
    let params: Params<'_> = &[&day.first.0, &day.beyond.0, &limit];
    let sql = statements::COUNT_UNSENT;
    let mut sagas = DaySagas {
        unsent: number(store, "count messages of a day", sql, params).await?,
        ..DaySagas::default()
    };
    let mut after = None;
    loop {
        let from = first_after(day, after);
        let params: Params<'_> = &[&from, &day.beyond.0, &Time(ended_before), &limit];
        let sql = statements::COUNT_SAGAS;
        let rows = store.query("count sagas of a day", sql, params).await?;
        let Some(row) = rows.first() else {
            return Ok(sagas);
        };
        let column = |column| read::<i64>(row, column, "a count").map(counter);
        let counted = column(0)?;
        sagas.all += counted;
        sagas.open += column(1)?;
        sagas.recent += column(2)?;
        after = last(row, 3)?;
        if counted < u64::from(at_once) {
            return Ok(sagas);
        }
    }
}

/// Deletes what is not in partitions, of at most `limit` sagas.
pub(super) async fn forget_sagas(
    store: &PostgresStore,
    day: &Day,
    ended_before: Timestamp,
    after: Option<SagaId>,
    limit: u32,
) -> Result<Option<(u64, SagaId)>, StoreError> {
    let params: Params<'_> = &[
        &first_after(day, after),
        &day.beyond.0,
        &Time(ended_before),
        &i64::from(limit),
    ];
    let sql = statements::FORGET_SAGAS;
    let rows = store.query("forget sagas", sql, params).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let gone = counter(read(row, 0, "a count")?);
    Ok(last(row, 1)?.map(|last| (gone, last)))
}

/// The lowest id that is looked at next.
fn first_after(day: &Day, after: Option<SagaId>) -> Uuid {
    after.map_or(day.first.0, |SagaId(id)| {
        Uuid::from_u128(id.as_u128().saturating_add(1))
    })
}

/// The last saga that was looked at.
fn last(row: &Row, column: usize) -> Result<Option<SagaId>, StoreError> {
    let id: Option<Uuid> = read(row, column, "a saga")?;
    Ok(id.map(SagaId))
}

/// Drops a day's partitions, unless something needs them.
pub(super) async fn drop_day(store: &PostgresStore, day: &Day) -> Result<bool, StoreError> {
    let params: Params<'_> = &[&day.name, &day.first.0, &day.beyond.0];
    let rows = store
        .query("drop a day", statements::DROP_DAY, params)
        .await?;
    match rows.first() {
        Some(row) => read(row, 0, "a day"),
        None => Ok(false),
    }
}

/// The one number of a statement's one row.
async fn number(
    store: &PostgresStore,
    operation: &'static str,
    sql: &str,
    params: Params<'_>,
) -> Result<u64, StoreError> {
    let rows = store.query(operation, sql, params).await?;
    match rows.first() {
        Some(row) => Ok(counter(read(row, 0, "a count")?)),
        None => Ok(0),
    }
}

fn day(row: &Row) -> Result<Day, StoreError> {
    Ok(Day {
        name: read(row, 0, "a day")?,
        first: SagaId(read(row, 1, "a day")?),
        beyond: SagaId(read(row, 2, "a day")?),
    })
}
