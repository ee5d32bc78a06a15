//! Where the ledger's database is and how it is used.

use std::time::Duration;

use crate::ledger::limits::LEASE;

/// Where the ledger's database is and how it is used.
#[derive(Debug, Clone)]
pub struct PostgresSettings {
    /// `postgres://user@host:port/database`, several hosts allowed. `sslmode=require` verifies the
    /// server's certificate against the system's roots.
    pub url: String,
    /// The schema that the tables are in. Handlers' statements run with it as `search_path`.
    pub schema: String,
    /// Most connections for transactional handlers; each has one while it runs. A few more keep
    /// claims and results flowing.
    pub connections: usize,
    /// Connections beside them that only undoing uses, so that slow actions never keep it waiting.
    pub undo_connections: usize,
    /// How long a claim outlives the last sign of life of its worker.
    pub lease: Duration,
    /// The longest that one statement may run, a handler's included.
    pub statement_timeout: Duration,
    /// The longest that a handler's statement waits for a row that another has locked.
    pub lock_timeout: Duration,
    /// The longest that a handler may leave its transaction without a statement.
    pub idle_in_transaction_timeout: Duration,
}

impl PostgresSettings {
    /// The schema of a worker that was not told otherwise.
    pub const SCHEMA: &str = "amends_worker";

    /// The usual settings for this database.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            schema: Self::SCHEMA.to_owned(),
            connections: 16,
            undo_connections: 4,
            lease: LEASE,
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(60),
        }
    }
}
