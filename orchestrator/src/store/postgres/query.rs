//! Running statements on a connection of the pool.

use std::time::Duration;

use tokio_postgres::Row;

use super::clock::local_micros;
use super::columns::{Time, column};
use super::failure::Failure;
use super::session::{Params, Session};
use super::store::PostgresStore;
use crate::store::StoreError;

/// Waits before the tries after the first one, for statements that may be repeated.
const RETRY_DELAYS: [Duration; 3] = [
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_millis(500),
];

impl PostgresStore {
    /// A connection of the pool.
    pub(super) async fn session(&self) -> Result<Session, Failure> {
        Session::borrow(&self.pool, &self.connector, self.answer_timeout).await
    }

    /// Runs a statement once.
    pub(super) async fn try_query(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Failure> {
        self.session().await?.query(sql, params).await
    }

    /// Runs a statement that may be repeated.
    pub(in crate::store) async fn query(
        &self,
        operation: &'static str,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut delays = RETRY_DELAYS.iter();
        loop {
            let failure = match self.try_query(sql, params).await {
                Ok(rows) => return Ok(rows),
                Err(failure) => failure,
            };
            match delays.next() {
                Some(delay) if failure.is_worth_another_try() => {
                    tracing::debug!(operation, ?failure, "a statement is tried again");
                    tokio::time::sleep(*delay).await;
                }
                Some(_) | None => return Err(failure.into_error(operation)),
            }
        }
    }

    /// Runs a statement once that returns the database's clock, and learns from it.
    pub(super) async fn query_clock(
        &self,
        operation: &'static str,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Option<Row>, StoreError> {
        let refused = |failure: Failure| failure.into_error(operation);
        let mut session = self.session().await.map_err(refused)?;
        let asked = local_micros();
        let rows = session.query(sql, params).await.map_err(refused)?;
        let answered = local_micros();
        let row = rows.into_iter().next();
        if let Some(row) = &row {
            let Time(at) = column(row, 0).map_err(refused)?;
            self.clock.observe(asked, at, answered);
        }
        Ok(row)
    }
}
