//! The ledger over the table `step_ledger`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{Object, Pool};
use saga_core::delivery::Standing;
use saga_core::time::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::columns::{KeyColumns, by_key, number};
use super::connect;
use super::notes;
use super::rows::{columns, error_value, failed, is_locked, stored, unreachable};
use super::settings::PostgresSettings;
use super::transaction;
use crate::ledger::clock::system_time;
use crate::ledger::contract::{Begun, Ledger};
use crate::ledger::entry::{Ask, Barred, Barrier, Claim, Closing, Found, Note, Outcome, Recording};
use crate::ledger::error::LedgerError;
use crate::ledger::key::{Effect, LedgerKey, WorkerId};
use crate::ledger::proof::Recorded;

const CLAIM: &str = include_str!("sql/claim.sql");
const RECORD: &str = include_str!("sql/record.sql");
pub(super) const BAR: &str = include_str!("sql/bar.sql");
const RENEW: &str = include_str!("sql/renew.sql");
const LEAVE: &str = include_str!("sql/leave.sql");

/// One each for claiming, barring, recording, noting and settling.
const RECORD_CONNECTIONS: usize = 5;

type SqlError = tokio_postgres::Error;

/// The ledger in PostgreSQL. Its database is the one that transactional handlers work in.
#[derive(Clone)]
pub struct PostgresLedger {
    /// For claims and results, which never wait behind handlers.
    records: Pool,
    /// For handlers that act.
    pool: Pool,
    /// For handlers that undo.
    undo_pool: Pool,
    tls: MakeRustlsConnect,
    lease: Duration,
    lock_timeout: Duration,
}

impl PostgresLedger {
    /// A ledger on this database. Connections are made when they are needed; run
    /// [`migrate`](super::migrate()) first.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(settings: &PostgresSettings) -> Result<Self, LedgerError> {
        let tls = connect::tls();
        Ok(Self {
            records: connect::pool(settings, RECORD_CONNECTIONS, tls.clone(), connect::RECORDS)?,
            pool: connect::pool(settings, settings.connections, tls.clone(), "")?,
            undo_pool: connect::pool(settings, settings.undo_connections, tls.clone(), "")?,
            tls,
            lease: settings.lease,
            lock_timeout: settings.lock_timeout,
        })
    }

    /// The handlers' pool, for one that works outside a transaction of the ledger.
    #[must_use]
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    async fn connection(&self, operation: &'static str) -> Result<Object, LedgerError> {
        self.records.get().await.map_err(unreachable(operation))
    }

    /// Claims, or settles, the keys as one statement.
    async fn ask(
        &self,
        worker: &WorkerId,
        fresh: &'static str,
        asks: &[Ask],
    ) -> Result<Result<Vec<Found>, SqlError>, LedgerError> {
        let client = self.connection("claim from").await?;
        let keys = KeyColumns::of(asks.iter().map(|ask| &ask.key));
        let attempts: Vec<i32> = asks.iter().map(|ask| number(ask.attempt)).collect();
        let lease = self.lease.as_secs_f64();
        let parameters: [&(dyn ToSql + Sync); 9] = [
            &worker.as_str(),
            &lease,
            &fresh,
            &keys.sagas,
            &keys.steps,
            &keys.elements,
            &keys.ops,
            &keys.rounds,
            &attempts,
        ];
        let found = async {
            let statement = client.prepare_cached(CLAIM).await?;
            let rows = by_key(client.query(&statement, &parameters).await?)?;
            asks.iter()
                .map(|ask| found(&ask.key, rows.get(&ask.key)))
                .collect()
        };
        Ok(found.await)
    }

    /// A batch, or its members one by one when one of them is held up by an open transaction.
    async fn ask_all(
        &self,
        worker: &WorkerId,
        fresh: &'static str,
        asks: &[Ask],
    ) -> Result<Vec<Found>, LedgerError> {
        match self.ask(worker, fresh, asks).await? {
            Ok(found) => return Ok(found),
            Err(error) if !is_locked(&error) => return Err(failed("claim from")(error)),
            Err(_locked) if asks.len() == 1 => return Ok(vec![Found::InProgress]),
            Err(_locked) => {}
        }
        let mut all = Vec::with_capacity(asks.len());
        for ask in asks {
            match self.ask(worker, fresh, std::slice::from_ref(ask)).await? {
                Ok(found) => all.extend(found),
                Err(error) if is_locked(&error) => all.push(Found::InProgress),
                Err(error) => return Err(failed("claim from")(error)),
            }
        }
        Ok(all)
    }

    async fn bar_one(
        &self,
        worker: &WorkerId,
        barriers: &[Barrier],
    ) -> Result<Vec<Barred>, LedgerError> {
        let client = self.connection("bar").await?;
        match bar(&client, worker, barriers).await {
            Ok(barred) => Ok(barred),
            Err(error) if is_locked(&error) && barriers.len() == 1 => Ok(vec![Barred {
                standing: Standing::InProgress,
                recorded: Recorded::committed(),
            }]),
            Err(error) => Err(failed("bar")(error)),
        }
    }
}

fn found(key: &LedgerKey, row: Option<&Row>) -> Result<Found, SqlError> {
    // Every key that was asked for has a row by now; a missing one is as good as busy.
    let Some(row) = row else {
        return Ok(Found::InProgress);
    };
    if let Some(stored) = stored(row)? {
        return Ok(Found::Stored(stored, Recorded::committed()));
    }
    let claim = Claim {
        key: key.clone(),
        epoch: row.try_get("claim_epoch")?,
    };
    Ok(match (row.try_get("is_ours")?, claim.epoch) {
        (false, _) => Found::InProgress,
        (true, 1) => Found::Fresh(claim),
        (true, _) => Found::Interrupted(claim),
    })
}

pub(super) async fn bar(
    client: &deadpool_postgres::ClientWrapper,
    worker: &WorkerId,
    barriers: &[Barrier],
) -> Result<Vec<Barred>, SqlError> {
    let keys = KeyColumns::of(barriers.iter().map(|it| &it.action));
    let attempts: Vec<i32> = barriers.iter().map(|it| number(it.attempt)).collect();
    let outputs: Vec<Option<&Value>> = barriers.iter().map(|it| it.output.as_deref()).collect();
    let parameters: [&(dyn ToSql + Sync); 7] = [
        &worker.as_str(),
        &keys.sagas,
        &keys.steps,
        &keys.elements,
        &keys.rounds,
        &attempts,
        &outputs,
    ];
    let statement = client.prepare_cached(BAR).await?;
    let rows = by_key(client.query(&statement, &parameters).await?)?;
    let standing = |row: &Row| -> Result<Standing, SqlError> {
        Ok(match (row.try_get("state")?, row.try_get("is_over")?) {
            ("applied", _) => Standing::Applied,
            ("rejected", _) => Standing::Rejected,
            ("blocked", _) => Standing::Blocked,
            (_started, true) => Standing::Interrupted,
            (_started, false) => Standing::InProgress,
        })
    };
    barriers
        .iter()
        .map(|barrier| {
            let standing = rows
                .get(&barrier.action)
                .map_or(Ok(Standing::InProgress), standing)?;
            Ok(Barred {
                standing,
                recorded: Recorded::committed(),
            })
        })
        .collect()
}

impl fmt::Debug for PostgresLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresLedger")
            .field("pool", &self.pool.status())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Ledger for PostgresLedger {
    async fn claim(&self, worker: &WorkerId, asks: &[Ask]) -> Result<Vec<Found>, LedgerError> {
        self.ask_all(worker, "started", asks).await
    }

    async fn close(
        &self,
        worker: &WorkerId,
        closings: &[Closing],
    ) -> Result<Vec<Recording>, LedgerError> {
        let client = self.connection("record in").await?;
        let keys = KeyColumns::of(closings.iter().map(|it| &it.claim.key));
        let epochs: Vec<i64> = closings.iter().map(|it| it.claim.epoch).collect();
        let (states, results): (Vec<&str>, Vec<_>) =
            closings.iter().map(|it| outcome(&it.outcome)).unzip();
        let parameters: [&(dyn ToSql + Sync); 9] = [
            &worker.as_str(),
            &keys.sagas,
            &keys.steps,
            &keys.elements,
            &keys.ops,
            &keys.rounds,
            &epochs,
            &states,
            &results,
        ];
        let recorded = async {
            let statement = client.prepare_cached(RECORD).await?;
            let rows = by_key(client.query(&statement, &parameters).await?)?;
            closings
                .iter()
                .map(|it| recording(rows.get(&it.claim.key)))
                .collect::<Result<_, _>>()
        };
        recorded.await.map_err(failed("record in"))
    }

    async fn note(&self, worker: &WorkerId, notes: &[Note]) -> Result<Vec<Recording>, LedgerError> {
        let client = self.connection("note in").await?;
        let noted = notes::note(&client, worker, notes).await;
        noted.map_err(failed("note in"))
    }

    async fn settle(&self, worker: &WorkerId, ask: &Ask) -> Result<Found, LedgerError> {
        let found = self
            .ask_all(worker, "blocked", std::slice::from_ref(ask))
            .await?;
        Ok(found.into_iter().next().unwrap_or(Found::InProgress))
    }

    async fn bar(
        &self,
        worker: &WorkerId,
        barriers: &[Barrier],
    ) -> Result<Vec<Barred>, LedgerError> {
        let client = self.connection("bar").await?;
        match bar(&client, worker, barriers).await {
            Ok(barred) => return Ok(barred),
            Err(error) if is_locked(&error) => {}
            Err(error) => return Err(failed("bar")(error)),
        }
        drop(client);
        let mut all = Vec::with_capacity(barriers.len());
        for barrier in barriers {
            all.extend(self.bar_one(worker, std::slice::from_ref(barrier)).await?);
        }
        Ok(all)
    }

    async fn begin(
        &self,
        worker: &WorkerId,
        ask: &Ask,
        barrier: Option<&Barrier>,
    ) -> Result<Begun, LedgerError> {
        let pool = match ask.key.effect {
            Effect::Action => &self.pool,
            Effect::Compensate => &self.undo_pool,
        };
        let client = pool.get().await.map_err(unreachable("begin in"))?;
        transaction::begin(
            (client, self.tls.clone()),
            self.lock_timeout,
            worker,
            ask,
            barrier,
        )
        .await
    }

    fn now(&self) -> Timestamp {
        system_time()
    }

    fn lease(&self) -> Duration {
        self.lease
    }

    async fn renew(&self, worker: &WorkerId) -> Result<(), LedgerError> {
        let client = self.connection("renew the lease in").await?;
        let lease = self.lease.as_secs_f64();
        let renewed = async {
            let statement = client.prepare_cached(RENEW).await?;
            client
                .execute(&statement, &[&worker.as_str(), &lease])
                .await
        };
        renewed
            .await
            .map(|_one| ())
            .map_err(failed("renew the lease in"))
    }

    async fn leave(&self, worker: &WorkerId) -> Result<(), LedgerError> {
        let client = self.connection("leave").await?;
        let left = client.execute(LEAVE, &[&worker.as_str()]).await;
        left.map(|_rows| ()).map_err(failed("leave"))
    }
}

fn outcome(outcome: &Outcome) -> (&'static str, Option<Json<Cow<'_, Value>>>) {
    match outcome {
        Outcome::Settled(stored) => columns(stored),
        Outcome::Released(error) => ("started", Some(Json(Cow::Owned(error_value(error))))),
    }
}

fn recording(row: Option<&Row>) -> Result<Recording, SqlError> {
    let Some(row) = row else {
        return Ok(Recording::Fenced(None, Recorded::committed()));
    };
    if row.try_get("is_ours")? {
        return Ok(Recording::Recorded(Recorded::committed()));
    }
    Ok(Recording::Fenced(stored(row)?, Recorded::committed()))
}
