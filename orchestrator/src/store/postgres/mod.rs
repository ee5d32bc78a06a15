//! Sagas in Postgres.

mod arrays;
mod audit;
mod checkup;
mod clock;
mod clues;
mod columns;
mod commit;
mod commit_locked;
mod commit_statement;
mod connect;
mod day_query;
mod days;
mod definitions;
mod failure;
mod key_arrays;
mod letters;
mod outbox;
mod query;
mod reads;
mod reply_queues;
mod rows;
mod session;
mod settings;
mod statements;
mod store;
#[cfg(test)]
mod tests;
mod timers;
mod tls;
mod tokens;
mod unit_of_work;
mod values;
mod workers;

pub use checkup::{Checkup, checkup};
pub use connect::ConnectError;
pub use settings::{PostgresSettings, SCHEMA};
pub use store::PostgresStore;

pub(in crate::store) use connect::Connector;
