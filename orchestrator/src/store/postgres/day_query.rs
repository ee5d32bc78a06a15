//! Statements about events and values, which are partitioned by day.
//!
//! The hot path's plans are made without their parameters, and such a plan locks and opens every
//! partition each time, needed or not. So the bounds of a day are in the text: the planner leaves
//! all other days out once and for all. Values of several days are asked for day by day.

use std::collections::BTreeMap;

use saga_core::ids::SagaId;
use tokio_postgres::Row;

use super::session::Params;
use super::store::PostgresStore;
use crate::store::StoreError;
use crate::store::day::ids_of_day;

/// The lowest and the highest id of a day.
pub(super) type DayIds = (SagaId, SagaId);

/// Runs a statement that may be repeated about sagas of one day. The parameters that follow the
/// given ones are the bounds of that day.
pub(super) async fn query(
    store: &PostgresStore,
    operation: &'static str,
    sql: &str,
    (first, last): DayIds,
    params: Params<'_>,
) -> Result<Vec<Row>, StoreError> {
    let mut sql = sql.to_owned();
    for (place, bound) in (params.len() + 1..).zip([first, last]) {
        sql = sql.replace(&format!("${place}::uuid"), &format!("'{}'::uuid", bound.0));
    }
    store.query(operation, &sql, params).await
}

/// The same things by the day on which their saga started.
pub(super) fn by_day<T>(
    things: impl IntoIterator<Item = T>,
    saga: impl Fn(&T) -> SagaId,
) -> BTreeMap<DayIds, Vec<T>> {
    let mut days: BTreeMap<DayIds, Vec<T>> = BTreeMap::new();
    for thing in things {
        let day = ids_of_day(saga(&thing));
        days.entry(day).or_default().push(thing);
    }
    days
}
