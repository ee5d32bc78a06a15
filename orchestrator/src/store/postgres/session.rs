//! One borrowed connection that is never handed on in an unknown state.

use std::time::Duration;

use deadpool_postgres::{Object, Pool, PoolError};
use tokio::time::error::Elapsed;
use tokio_postgres::types::ToSql;
use tokio_postgres::{CancelToken, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connect::Connector;
use super::failure::Failure;

/// Statements that a connection keeps prepared, at most: all of the store's, with the forms of the
/// commit that occur, and those about sagas of one day for some days.
pub(super) const PREPARED_MAX: usize = 256;

/// How long asking the server to stop a statement may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// The parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection of the pool. When a statement gets no answer in time, or its caller goes away
/// before, the server is asked to stop it and the connection is closed instead of going back.
pub(super) struct Session {
    object: Option<Object>,
    cancel: CancelToken,
    tls: MakeRustlsConnect,
    answer_timeout: Duration,
    /// What the server is doing is not known: an answer is outstanding, or a transaction is open.
    dirty: bool,
}

impl Session {
    /// Borrows a connection.
    pub(super) async fn borrow(
        pool: &Pool,
        connector: &Connector,
        answer_timeout: Duration,
    ) -> Result<Self, Failure> {
        let object = pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => Failure::Connect(connector.explain(&error)),
            PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => Failure::Transient(
                "every connection of the pool is in use; is the database slow?".to_owned(),
            ),
            PoolError::Timeout(_) => Failure::Connect(connector.explain_timeout()),
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Failure::Refused(error.to_string())
            }
        })?;
        let cancel = object.cancel_token();
        let tls = connector.tls.clone();
        Ok(Self {
            object: Some(object),
            cancel,
            tls,
            answer_timeout,
            dirty: false,
        })
    }

    /// Runs a statement that is prepared once per connection, and returns its rows.
    pub(super) async fn query(
        &mut self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Failure> {
        let was_dirty = std::mem::replace(&mut self.dirty, true);
        let object = self.object.as_ref().ok_or_else(given_up)?;
        let running = async {
            if object.statement_cache.size() >= PREPARED_MAX {
                object.statement_cache.clear();
            }
            let statement = object.prepare_cached(sql).await?;
            object.query(&statement, params).await
        };
        let answer = tokio::time::timeout(self.answer_timeout, running).await;
        self.settle(was_dirty, answer)
    }

    /// Runs statements without parameters.
    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), Failure> {
        let was_dirty = std::mem::replace(&mut self.dirty, true);
        let object = self.object.as_ref().ok_or_else(given_up)?;
        let answer = tokio::time::timeout(self.answer_timeout, object.batch_execute(sql)).await;
        self.settle(was_dirty, answer)
    }

    /// Says that a transaction is open, so that the connection must not go back to the pool.
    pub(super) const fn set_in_transaction(&mut self, open: bool) {
        self.dirty = open;
    }

    fn settle<T>(
        &mut self,
        was_dirty: bool,
        answer: Result<Result<T, tokio_postgres::Error>, Elapsed>,
    ) -> Result<T, Failure> {
        let Ok(answer) = answer else {
            self.give_up();
            return Err(Failure::Unknown(format!(
                "no answer within {:?}",
                self.answer_timeout
            )));
        };
        self.dirty = was_dirty;
        answer.map_err(|error| {
            if Failure::is_of_the_session(&error) {
                self.give_up();
            }
            Failure::of(&error)
        })
    }

    fn give_up(&mut self) {
        let Some(object) = self.object.take() else {
            return;
        };
        drop(Object::take(object));
        let (cancel, tls) = (self.cancel.clone(), self.tls.clone());
        // Without a runtime the process is ending, and the server notices the closed socket.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(CANCEL_TIMEOUT, cancel.cancel_query(tls)).await;
            });
        }
    }
}

fn given_up() -> Failure {
    Failure::Refused("this connection has been given up".to_owned())
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.dirty {
            self.give_up();
        }
    }
}
