//! The embedded engine's ledger.

mod rows;
mod table;
mod transaction;

pub use table::MemoryLedger;
pub use transaction::MemoryTransaction;
