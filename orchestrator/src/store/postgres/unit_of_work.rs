//! A transaction that commits only when every one of its statements succeeded.

use tokio_postgres::Row;

use super::failure::Failure;
use super::session::{Params, Session};

/// An open transaction.
///
/// Postgres answers `COMMIT` of a failed transaction with a rollback that looks like success to
/// the client, so the unit of work remembers: after a failure it only rolls back.
pub(super) struct UnitOfWork<'a> {
    session: &'a mut Session,
    failed: bool,
}

impl<'a> UnitOfWork<'a> {
    /// Opens a transaction. Dropping the unit of work without committing it closes the connection.
    pub(super) async fn begin(session: &'a mut Session) -> Result<Self, Failure> {
        session.set_in_transaction(true);
        session.batch("BEGIN").await?;
        Ok(Self {
            session,
            failed: false,
        })
    }

    /// Runs a statement inside it.
    pub(super) async fn query(
        &mut self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Failure> {
        let answer = self.session.query(sql, params).await;
        self.failed |= answer.is_err();
        answer
    }

    /// Runs statements without parameters inside it.
    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), Failure> {
        let answer = self.session.batch(sql).await;
        self.failed |= answer.is_err();
        answer
    }

    /// Commits, unless a statement has failed.
    pub(super) async fn commit(self) -> Result<(), Failure> {
        if self.failed {
            self.rollback().await;
            return Err(Failure::Refused(
                "a statement of this transaction failed, so it was rolled back".to_owned(),
            ));
        }
        self.session.batch("COMMIT").await?;
        self.session.set_in_transaction(false);
        Ok(())
    }

    /// Undoes everything. When even that fails, the connection is closed.
    pub(super) async fn rollback(self) {
        if self.session.batch("ROLLBACK").await.is_ok() {
            self.session.set_in_transaction(false);
        }
    }
}
