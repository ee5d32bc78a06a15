//! What the demo's services did: the evidence that every effect took place once.

use deadpool_postgres::{Pool, PoolError};
use worker_runtime::Answer;
use worker_runtime::ledger::{LedgerTransaction, PostgresLedger};

use super::shelf::{Desk, Entry, Journal, Shelf, VOID};

/// The books of the demo's services: tables beside the ledger, or memory on the embedded engine.
/// Clones are the same books.
#[derive(Debug, Clone)]
pub struct Books {
    kept: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    Memory(Shelf),
    Postgres(Pool),
}

/// Why the books cannot be read or set up.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// No connection.
    #[error("reach the database of the demo's books")]
    Connect(#[from] PoolError),
    /// A statement.
    #[error("use the demo's books")]
    Statement(#[from] tokio_postgres::Error),
}

/// The books in sums. When every saga is over, what was charged and not refunded is what the
/// completed orders cost, and what was taken and not released is what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// Orders placed, less orders cancelled.
    pub orders: i64,
    /// Charges, less refunds, captures included.
    pub charges: i64,
    /// Cents charged, less cents refunded.
    pub cents: i64,
    /// Pieces taken from the stock, less pieces released.
    pub pieces: i64,
    /// Notifications sent and not cancelled.
    pub notifications: i64,
    /// Deliveries scheduled and not cancelled.
    pub deliveries: i64,
    /// Flights and hotels reserved and not cancelled.
    pub bookings: i64,
    /// Tickets issued.
    pub tickets: i64,
    /// What all other services did, less what they undid.
    pub services: i64,
}

impl Books {
    /// Books that end with the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            kept: Kept::Memory(Shelf::new()),
        }
    }

    /// Books in the ledger's database and schema; the tables are created when they are missing.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses.
    pub async fn in_postgres(ledger: &PostgresLedger) -> Result<Self, BooksError> {
        let pool = ledger.pool().clone();
        let mut client = pool.get().await?;
        let transaction = client.transaction().await?;
        // Two workers that start together would create the tables twice. On a busy machine the first may
        // take longer than any lock of normal work.
        transaction
            .batch_execute("SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = 0")
            .await?;
        transaction
            .execute("SELECT pg_advisory_xact_lock(hashtext('demo books'))", &[])
            .await?;
        transaction.batch_execute(include_str!("books.sql")).await?;
        transaction.commit().await?;
        drop(client);
        Ok(Self {
            kept: Kept::Postgres(pool),
        })
    }

    /// Adds an entry, in the transaction.
    pub(super) async fn enter(
        &self,
        transaction: &mut dyn LedgerTransaction,
        entry: Entry<'_>,
    ) -> Result<(), Answer> {
        if let (Kept::Memory(shelf), Some(memory)) = (&self.kept, transaction.memory()) {
            memory.on_rollback(shelf.enter(entry));
            return Ok(());
        }
        let client = transaction.postgres().ok_or_else(mismatched)?;
        let table = entry.journal.table();
        let sql = format!(
            "INSERT INTO {table} (saga_id, kind, reference, amount) VALUES ($1, $2, $3, $4)"
        );
        client
            .execute_typed(
                &sql,
                &[
                    (&entry.saga.0, tokio_postgres::types::Type::UUID),
                    (&entry.kind, tokio_postgres::types::Type::TEXT),
                    (&entry.reference, tokio_postgres::types::Type::TEXT),
                    (&entry.amount, tokio_postgres::types::Type::INT8),
                ],
            )
            .await
            .map(|_one| ())
            .map_err(|error| unavailable(&error))
    }

    /// Changes what is on hand of a product, in the transaction; false when there is not enough.
    pub(super) async fn move_stock(
        &self,
        transaction: &mut dyn LedgerTransaction,
        sku: &str,
        change: i64,
    ) -> Result<bool, Answer> {
        if let (Kept::Memory(shelf), Some(memory)) = (&self.kept, transaction.memory()) {
            let moved = shelf.move_stock(sku, change);
            let is_enough = moved.is_some();
            moved.into_iter().for_each(|undo| memory.on_rollback(undo));
            return Ok(is_enough);
        }
        let client = transaction.postgres().ok_or_else(mismatched)?;
        let sql = "WITH moved AS (
                       UPDATE demo_stock SET on_hand = on_hand + $2
                       WHERE sku = $1 AND on_hand + $2 >= 0 RETURNING sku)
                   SELECT EXISTS (SELECT FROM moved)
                       OR NOT EXISTS (SELECT FROM demo_stock WHERE sku = $1)";
        client
            .query_typed(
                sql,
                &[
                    (&sku, tokio_postgres::types::Type::TEXT),
                    (&change, tokio_postgres::types::Type::INT8),
                ],
            )
            .await
            .and_then(|rows| rows.first().map_or(Ok(false), |row| row.try_get(0)))
            .map_err(|error| unavailable(&error))
    }

    /// Records an act of a service outside under its key, unless there is a record; says which
    /// kind of record there is then.
    pub(super) async fn record(
        &self,
        desk: Desk,
        call: &worker_runtime::Call,
        kind: &'static str,
        reference: &str,
    ) -> Result<String, Answer> {
        let key = &call.idempotency_key;
        let pool = match &self.kept {
            Kept::Memory(shelf) => return Ok(shelf.record(desk, key, kind).to_owned()),
            Kept::Postgres(pool) => pool,
        };
        let client = pool.get().await.map_err(|error| unavailable(&error))?;
        let table = desk.table();
        let sql = format!(
            "INSERT INTO {table} AS d (key, saga_id, kind, reference) VALUES ($1, $2, $3, $4)
             ON CONFLICT (key) DO UPDATE SET calls = d.calls + 1 RETURNING kind"
        );
        let recorded = async {
            let statement = client.prepare_cached(&sql).await?;
            let row = client
                .query_one(&statement, &[key, &call.saga.0, &kind, &reference])
                .await?;
            row.try_get(0)
        };
        recorded
            .await
            .map_err(|error: tokio_postgres::Error| unavailable(&error))
    }

    /// The books in sums.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn balance(&self) -> Result<Balance, BooksError> {
        match &self.kept {
            Kept::Memory(shelf) => Ok(balance_in_memory(shelf)),
            Kept::Postgres(pool) => {
                let row = pool
                    .get()
                    .await?
                    .query_one(include_str!("balance.sql"), &[])
                    .await?;
                Ok(Balance {
                    orders: row.try_get("orders")?,
                    charges: row.try_get("charges")?,
                    cents: row.try_get("cents")?,
                    pieces: row.try_get("pieces")?,
                    notifications: row.try_get("notifications")?,
                    deliveries: row.try_get("deliveries")?,
                    bookings: row.try_get("bookings")?,
                    tickets: row.try_get("tickets")?,
                    services: row.try_get("services")?,
                })
            }
        }
    }
}

fn balance_in_memory(shelf: &Shelf) -> Balance {
    let (placed, cancelled) = (
        shelf.sum(Journal::Orders, "place"),
        shelf.sum(Journal::Orders, "cancel"),
    );
    let (charged, captured, refunded) = (
        shelf.sum(Journal::Charges, "charge"),
        shelf.sum(Journal::Charges, "capture"),
        shelf.sum(Journal::Charges, "refund"),
    );
    let (taken, released) = (
        shelf.sum(Journal::Stock, "take"),
        shelf.sum(Journal::Stock, "release"),
    );
    let records = |desk, kind| shelf.records(desk, kind);
    Balance {
        orders: placed.0 - cancelled.0,
        charges: charged.0 + captured.0 - refunded.0,
        cents: charged.1 + captured.1 - refunded.1,
        pieces: taken.1 - released.1,
        notifications: records(Desk::Notifications, "send")
            + records(Desk::Notifications, "confirm")
            - records(Desk::Notifications, "cancel"),
        deliveries: records(Desk::Deliveries, "schedule") - records(Desk::Deliveries, "cancel"),
        bookings: records(Desk::Bookings, "flight") + records(Desk::Bookings, "hotel")
            - records(Desk::Bookings, "cancel_flight")
            - records(Desk::Bookings, "cancel_hotel"),
        tickets: records(Desk::Bookings, "ticket"),
        services: records(Desk::Services, "do") - records(Desk::Services, "undo"),
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Answer {
    // What the database says is in the source; the error itself reads "db error".
    let why = orchestrator::chain(error);
    let message = format!("the books cannot be written: {why}");
    Answer::retry("books_unavailable", message)
}

fn mismatched() -> Answer {
    Answer::retry(
        "books_elsewhere",
        "the books and the ledger are kept in different places",
    )
}

/// Whether a record says that its key will never be acted on.
pub(super) fn is_void(kind: &str) -> bool {
    kind == VOID
}
