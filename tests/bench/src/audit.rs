//! What the databases say of a run: how many steps in how long, and whether the books balance.

use anyhow::{Result, bail};
use tokio_postgres::Client;

use crate::workload::Workload;

/// A run as the database has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) sagas: f64,
    pub(crate) steps: f64,
    /// From the first accepted start to the last end.
    pub(crate) seconds: f64,
    /// From start to end, of all sagas together.
    pub(crate) saga_seconds: f64,
}

/// Counters of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counters {
    pub(crate) transactions: f64,
    /// Times that the log was forced to disk.
    pub(crate) log_syncs: f64,
    pub(crate) log_bytes: f64,
}

/// The newest saga, to tell what a run adds.
pub(crate) async fn newest(database: &Client) -> Result<String> {
    let row = database
        .query_one(include_str!("sql/newest.sql"), &[])
        .await?;
    Ok(row.get(0))
}

/// What was added of this workload after the saga `after`.
///
/// # Errors
/// When the books do not balance: every saga has completed with its steps, every call has one row in
/// the ledger, and nothing is dead.
pub(crate) async fn run_after(database: &Client, after: &str, workload: Workload) -> Result<Run> {
    let row = database
        .query_one(
            include_str!("sql/run.sql"),
            &[&after, &workload.definition()],
        )
        .await?;
    let (sagas, steps, seconds): (f64, f64, f64) = (row.get(0), row.get(1), row.get(2));
    let (open, ledger, letters): (f64, f64, f64) = (row.get(3), row.get(4), row.get(5));
    let run = Run {
        sagas,
        steps,
        seconds,
        saga_seconds: row.get(6),
    };
    let balanced = same(steps, sagas * workload.steps())
        && same(ledger, sagas * workload.calls())
        && same(open, 0.0);
    if sagas < 1.0 || !balanced || !same(letters, 0.0) {
        bail!(
            "the books do not balance: {sagas} sagas, {open} of them open, {steps} steps succeeded, \
             {ledger} rows in the ledger, {letters} dead letters"
        );
    }
    Ok(run)
}

/// The settings that durability depends on are on.
pub(crate) async fn check_durability(database: &Client) -> Result<()> {
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let row = database.query_one(&format!("SHOW {setting}"), &[]).await?;
        let value: String = row.get(0);
        if value != "on" {
            bail!("PostgreSQL runs with {setting} = {value}: that would measure something else");
        }
    }
    Ok(())
}

/// The server's counters now.
pub(crate) async fn counters(database: &Client) -> Result<Counters> {
    let row = database
        .query_one(include_str!("sql/counters.sql"), &[])
        .await?;
    Ok(Counters {
        transactions: row.get(0),
        log_syncs: row.get(1),
        log_bytes: row.get(2),
    })
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < 0.5
}
