//! Brings the ledger's schema up to date.

use tokio_postgres::Client;

use super::connect;
use super::rows::failed;
use super::settings::PostgresSettings;
use crate::ledger::error::LedgerError;

/// In order; a file that was released is never edited.
const MIGRATIONS: [(i32, &str, &str); 1] = [(
    1,
    "ledger",
    include_str!("../../../../migrations/worker/0001_ledger.sql"),
)];

/// "amends-w": one migration of worker schemas at a time per database.
const LOCK: i64 = i64::from_be_bytes(*b"amends-w");

/// Creates the schema if it is missing and runs the migrations that it has not seen, each in a
/// transaction of its own. Any number of processes may do so at once.
///
/// # Errors
/// When the database cannot be reached or refuses a statement.
pub async fn migrate(settings: &PostgresSettings) -> Result<(), LedgerError> {
    let (mut client, connection) = connect::config(settings, "")?
        .connect(connect::tls())
        .await
        .map_err(failed("migrate"))?;
    let connection = tokio::spawn(connection);
    let result = run(&mut client, &settings.schema)
        .await
        .map_err(failed("migrate"));
    drop(client);
    // The lock is the session's; it must be gone before the next step of the caller.
    let _closed = connection.await;
    result
}

async fn run(client: &mut Client, schema: &str) -> Result<(), tokio_postgres::Error> {
    // Another's migration may take longer than any lock of normal work.
    client
        .batch_execute("SET lock_timeout = '60s'; SET statement_timeout = 0")
        .await?;
    client
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await?;
    let schema = connect::quote(schema);
    client
        .batch_execute(&format!(
            "CREATE SCHEMA IF NOT EXISTS {schema};
             CREATE TABLE IF NOT EXISTS worker_migrations (
                 version    integer     PRIMARY KEY,
                 name       text        NOT NULL,
                 applied_at timestamptz NOT NULL DEFAULT now())"
        ))
        .await?;
    let row = client
        .query_one(
            "SELECT coalesce(max(version), 0) FROM worker_migrations",
            &[],
        )
        .await?;
    let applied: i32 = row.get(0);
    for (version, name, sql) in MIGRATIONS.iter().filter(|(version, ..)| *version > applied) {
        let transaction = client.transaction().await?;
        transaction.batch_execute(sql).await?;
        transaction
            .execute(
                "INSERT INTO worker_migrations (version, name) VALUES ($1, $2)",
                &[version, name],
            )
            .await?;
        transaction.commit().await?;
    }
    Ok(())
}
