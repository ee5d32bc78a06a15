//! The transaction that holds an effect and its ledger row.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::Object;
use saga_core::delivery::{Verdict, on_undo};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::columns::number;
use super::rows::{columns, failed, is_locked, stored};
use super::table;
use crate::ledger::contract::{Begun, LedgerTransaction};
use crate::ledger::entry::{Ask, Barrier, Found, Stored};
use crate::ledger::error::LedgerError;
use crate::ledger::key::{LedgerKey, WorkerId};
use crate::ledger::memory::MemoryTransaction;
use crate::ledger::proof::Recorded;

const BEGIN: &str = include_str!("sql/begin.sql");
const FIND: &str = include_str!("sql/find.sql");
const FINISH: &str = include_str!("sql/finish.sql");

type SqlError = tokio_postgres::Error;

/// A transaction on a connection of the pool. The connection goes back only from a known state;
/// otherwise it is closed, and the server rolls back.
pub(super) struct PostgresTransaction {
    client: Option<Object>,
    tls: MakeRustlsConnect,
    key: LedgerKey,
}

pub(super) async fn begin(
    (client, tls): (Object, MakeRustlsConnect),
    lock_timeout: Duration,
    worker: &WorkerId,
    ask: &Ask,
    barrier: Option<&Barrier>,
) -> Result<Begun, LedgerError> {
    let mut transaction = PostgresTransaction {
        client: Some(client),
        tls,
        key: ask.key.clone(),
    };
    match transaction
        .take_key(lock_timeout, worker, ask, barrier)
        .await
    {
        Ok(None) => Ok(Begun::Open(Box::new(transaction))),
        Ok(Some(begun)) => {
            // What the barrier wrote is worth keeping: it fences the action.
            transaction
                .end("COMMIT")
                .await
                .map_err(failed("begin in"))?;
            Ok(begun)
        }
        Err(error) => {
            let _closed = transaction.end("ROLLBACK").await;
            if is_locked(&error) {
                return Ok(Begun::Found(Found::InProgress));
            }
            Err(failed("begin in")(error))
        }
    }
}

impl PostgresTransaction {
    /// Takes the key; `None` when that worked.
    async fn take_key(
        &self,
        lock_timeout: Duration,
        worker: &WorkerId,
        ask: &Ask,
        barrier: Option<&Barrier>,
    ) -> Result<Option<Begun>, SqlError> {
        let Some(client) = &self.client else {
            return Ok(None);
        };
        let begin = client.prepare_cached(BEGIN).await?;
        let key = KeyParameters::of(&ask.key);
        let attempt = number(ask.attempt);
        if let Some(barrier) = barrier {
            client.batch_execute("BEGIN").await?;
            let barred = table::bar(client, worker, std::slice::from_ref(barrier)).await?;
            let certified = barrier.output.is_some();
            let stopped = barred
                .into_iter()
                .find(|it| on_undo(it.standing, certified) != Verdict::Run);
            if let Some(barred) = stopped {
                return Ok(Some(Begun::Barred(barred)));
            }
        }
        let [saga, step, element, op, round] = key.parameters();
        let parameters = [saga, step, element, op, round, &attempt, &worker.as_str()];
        let opening = if barrier.is_some() { "SELECT" } else { "BEGIN" };
        let handing_over = format!(
            "SET LOCAL lock_timeout = {}; SAVEPOINT handler",
            lock_timeout.as_millis()
        );
        // One round trip: the three are on their way before the first is answered. After a failure
        // the rest fail too, so the first error is the one that tells.
        let (opened, taken, handed_over) = tokio::join!(
            client.batch_execute(opening),
            client.query(&begin, &parameters),
            client.batch_execute(&handing_over),
        );
        opened?;
        let taken = taken?;
        handed_over?;
        if !taken.is_empty() {
            return Ok(None);
        }
        let find = client.prepare_cached(FIND).await?;
        let row = client.query_opt(&find, &key.parameters()).await?;
        let result = row.as_ref().map(stored).transpose()?.flatten();
        let found = result.map_or(Found::InProgress, |stored| {
            Found::Stored(stored, Recorded::committed())
        });
        Ok(Some(Begun::Found(found)))
    }

    /// Ends the transaction and gives the connection back, or closes it when that fails.
    async fn end(&mut self, how: &str) -> Result<(), SqlError> {
        let Some(client) = self.client.take() else {
            return Ok(());
        };
        let ended = client.batch_execute(how).await;
        if ended.is_err() {
            drop(Object::take(client));
        }
        ended
    }

    async fn finish(&self, result: &Stored) -> Result<u64, SqlError> {
        let Some(client) = &self.client else {
            return Ok(0);
        };
        let finish = client.prepare_cached(FINISH).await?;
        if !matches!(result, Stored::Applied(_)) {
            client
                .batch_execute("ROLLBACK TO SAVEPOINT handler")
                .await?;
        }
        let key = KeyParameters::of(&self.key);
        let (state, value) = columns(result);
        let [saga, step, element, op, round] = key.parameters();
        client
            .execute(&finish, &[saga, step, element, op, round, &state, &value])
            .await
    }
}

/// The key as the single-row statements take it.
struct KeyParameters<'a> {
    saga: &'a uuid::Uuid,
    step: &'a str,
    element: i32,
    op: &'static str,
    round: i32,
}

impl<'a> KeyParameters<'a> {
    fn of(key: &'a LedgerKey) -> Self {
        Self {
            saga: &key.saga.0,
            step: key.work.step.as_str(),
            element: number(key.work.element),
            op: key.effect.op().as_str(),
            round: number(key.round),
        }
    }

    fn parameters(&self) -> [&(dyn ToSql + Sync); 5] {
        [self.saga, &self.step, &self.element, &self.op, &self.round]
    }
}

#[async_trait]
impl LedgerTransaction for PostgresTransaction {
    fn postgres(&self) -> Option<&tokio_postgres::Client> {
        self.client.as_ref().map(|client| &***client)
    }

    fn memory(&mut self) -> Option<&mut MemoryTransaction> {
        None
    }

    async fn commit(mut self: Box<Self>, result: &Stored) -> Result<Recorded, LedgerError> {
        // The server answers COMMIT in a failed transaction without an error. So a statement goes
        // first that cannot succeed in one: it must find the row that this transaction inserted.
        match self.finish(result).await {
            Ok(1) => {}
            Ok(_gone) => {
                let _closed = self.end("ROLLBACK").await;
                return Err(LedgerError::Spoiled);
            }
            Err(error) => {
                let _closed = self.end("ROLLBACK").await;
                let is_spoiled = error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION);
                return Err(if is_spoiled {
                    LedgerError::Spoiled
                } else {
                    failed("commit")(error)
                });
            }
        }
        self.end("COMMIT").await.map_err(failed("commit"))?;
        Ok(Recorded::committed())
    }

    async fn roll_back(mut self: Box<Self>) -> Recorded {
        let _closed = self.end("ROLLBACK").await;
        Recorded::committed()
    }

    async fn abandon(mut self: Box<Self>) -> Recorded {
        if let Some(client) = self.client.take() {
            // Whatever still runs is told to stop. When that arrives is unknown, so nobody else
            // may have the connection.
            let _sent = client.cancel_token().cancel_query(self.tls.clone()).await;
            drop(Object::take(client));
        }
        Recorded::committed()
    }
}

impl Drop for PostgresTransaction {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

impl fmt::Debug for PostgresTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresTransaction")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
