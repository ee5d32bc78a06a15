//! How to reach the database, and how long to wait for it.

use std::time::Duration;

use uuid::Uuid;

use super::connect::Connector;

/// Connections that a store keeps unless told otherwise. The hot path needs two or three; the rest
/// is for the API.
pub(super) const POOL_SIZE: usize = 8;

/// A statement that runs longer is ended by the server.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// A statement that waits longer for a lock is ended by the server.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// A transaction whose client says nothing for longer is ended by the server.
pub(super) const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);

/// A statement without an answer for longer is given up, and its connection with it. Longer than
/// the server's own limit, which gives the better message.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(35);

/// Longest wait for a connection to be made, and for one of the pool to become free.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The schema that holds the tables unless told otherwise.
pub const SCHEMA: &str = "amends";

/// How to reach the database.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database?sslmode=require`.
    pub url: String,
    /// The schema that holds the tables: letters, digits and `_`.
    pub schema: String,
    /// Connections at most.
    pub pool_size: usize,
    /// Who owns the outbox rows that this store writes.
    pub owner: Uuid,
    /// How long to wait for an answer.
    pub answer_timeout: Duration,
}

impl PostgresSettings {
    /// The usual settings for this URL and owner.
    #[must_use]
    pub fn new(url: &str, owner: Uuid) -> Self {
        Self {
            url: url.to_owned(),
            schema: SCHEMA.to_owned(),
            pool_size: POOL_SIZE,
            owner,
            answer_timeout: ANSWER_TIMEOUT,
        }
    }

    /// What is wrong with the URL or the schema's name, in a sentence without the password. No host
    /// is asked.
    #[must_use]
    pub fn wrong_url(&self) -> Option<String> {
        let wrong = Connector::read(self).err();
        wrong.map(|error| error.to_string())
    }
}

// The URL holds a password, and settings end up in logs.
impl std::fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("schema", &self.schema)
            .field("pool_size", &self.pool_size)
            .field("owner", &self.owner)
            .field("answer_timeout", &self.answer_timeout)
            .finish_non_exhaustive()
    }
}
