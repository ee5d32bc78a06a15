//! The idempotency table: what this pool has begun, done, refused and fenced.

mod clock;
mod contract;
mod entry;
mod error;
mod key;
mod limits;
mod memory;
mod postgres;
mod proof;

pub use contract::{Begun, Ledger, LedgerTransaction};
pub use entry::{Ask, Barred, Barrier, Claim, Closing, Found, Note, Outcome, Recording, Stored};
pub use error::LedgerError;
pub use key::{Effect, LedgerKey, WorkerId};
pub use memory::{MemoryLedger, MemoryTransaction};
pub use postgres::{PostgresLedger, PostgresSettings, migrate};
pub use proof::Recorded;
