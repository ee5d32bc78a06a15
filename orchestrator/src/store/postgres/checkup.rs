//! What `amends doctor` asks of the database, whether or not it has our schema.

use saga_core::time::Timestamp;
use tokio_postgres::Row;

use super::clock::local_micros;
use super::columns::{Time, counter};
use super::connect::Connector;
use super::failure::Failure;
use super::rows::read;
use super::settings::PostgresSettings;
use super::statements;
use super::store::PostgresStore;
use crate::store::StoreError;

const WHAT: &str = "the database's settings";

/// The database as it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkup {
    /// Its version, for people.
    pub version: String,
    /// Its version as a number: 150004 is 15.4.
    pub version_number: i32,
    /// `synchronous_commit`: with `off`, a crash of the server forgets what was confirmed.
    pub synchronous_commit: String,
    /// `fsync`: the same, and worse.
    pub fsync: String,
    /// `full_page_writes`.
    pub full_page_writes: String,
    /// Connections that it takes from ordinary users.
    pub connections_max: u32,
    /// Connections that there are, this one included.
    pub connections: u64,
    /// By how much its clock is ahead of this machine's, in microseconds, give or take half of
    /// `round_trip_micros`.
    pub ahead_micros: i64,
    /// How long the answer took.
    pub round_trip_micros: i64,
}

/// Asks the database about itself.
///
/// # Errors
/// It cannot be reached, or does not say.
pub async fn checkup(settings: &PostgresSettings) -> Result<Checkup, StoreError> {
    const OPERATION: &str = "ask the database about itself";
    let client = Connector::new(settings)?.dedicated("").await?;
    let asked = local_micros();
    let row = client
        .query_one(statements::CHECKUP, &[])
        .await
        .map_err(|error| Failure::of(&error).into_error(OPERATION))?;
    let answered = local_micros();
    read_checkup(&row, asked, answered)
}

fn read_checkup(row: &Row, asked: i64, answered: i64) -> Result<Checkup, StoreError> {
    let Time(clock) = read(row, 7, WHAT)?;
    let connections_max: i32 = read(row, 5, WHAT)?;
    let middle = Timestamp::from_micros(asked.midpoint(answered));
    Ok(Checkup {
        version: read(row, 0, WHAT)?,
        version_number: read(row, 1, WHAT)?,
        synchronous_commit: read(row, 2, WHAT)?,
        fsync: read(row, 3, WHAT)?,
        full_page_writes: read(row, 4, WHAT)?,
        connections_max: u32::try_from(connections_max).unwrap_or(0),
        connections: counter(read(row, 6, WHAT)?),
        ahead_micros: clock.as_micros().saturating_sub(middle.as_micros()),
        round_trip_micros: answered.saturating_sub(asked),
    })
}

impl PostgresStore {
    /// How many orchestrators have said lately that they live.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn orchestrators(&self) -> Result<u64, StoreError> {
        let rows = self
            .query("count orchestrators", statements::ALIVE_ORCHESTRATORS, &[])
            .await?;
        match rows.first() {
            Some(row) => Ok(counter(read(row, 0, "a count")?)),
            None => Ok(0),
        }
    }
}
