//! The ledger in PostgreSQL.

mod columns;
mod connect;
mod migrate;
mod notes;
mod rows;
mod settings;
mod table;
mod transaction;

pub use migrate::migrate;
pub use settings::PostgresSettings;
pub use table::PostgresLedger;
