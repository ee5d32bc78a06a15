//! Days as partitions: opened ahead, dropped when their sagas are over.

use saga_core::ids::SagaId;
use saga_core::time::Timestamp;
use tokio_postgres::Row;

use super::columns::{Time, counter};
use super::rows::read;
use super::session::Params;
use super::statements;
use super::store::PostgresStore;
use crate::store::{Day, DaySagas, Opened, STRAYS_MAX, StoreError, StoredDay};

/// Days that are opened in one go, at most; the others follow in the next.
const OPENED_AT_ONCE_MAX: i64 = 64;

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
    let params: Params<'_> = &[&Time(ended_before)];
    let rows = store
        .query("look at the days", statements::DAYS, params)
        .await?;
    rows.iter().map(stored_day).collect()
}

/// Deletes what is not in partitions, of at most `limit` sagas.
pub(super) async fn forget_sagas(
    store: &PostgresStore,
    day: &Day,
    ended_before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let params: Params<'_> = &[
        &day.first.0,
        &day.beyond.0,
        &Time(ended_before),
        &i64::from(limit),
    ];
    number(store, "forget sagas", statements::FORGET_SAGAS, params).await
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

fn stored_day(row: &Row) -> Result<StoredDay, StoreError> {
    let count = |column| read::<Option<i64>>(row, column, "a day").map(|it| it.map(counter));
    let sagas = match (count(4)?, count(5)?, count(6)?, count(7)?) {
        (Some(all), Some(open), Some(recent), Some(unsent)) => Some(DaySagas {
            all,
            open,
            recent,
            unsent,
        }),
        _ => None,
    };
    Ok(StoredDay {
        day: Day {
            name: read(row, 0, "a day")?,
            first: SagaId(read(row, 1, "a day")?),
            beyond: SagaId(read(row, 2, "a day")?),
        },
        bytes: counter(read(row, 3, "a day")?),
        sagas,
    })
}
