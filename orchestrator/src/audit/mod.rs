//! Who asked for what, why, and what became of it: rows that are chained by their hashes.

mod chain;
mod entry;
mod scribe;
#[cfg(test)]
mod tests;

pub use chain::{Anchor, AuditHash, BadAnchor, Broken, Chain};
pub use entry::{AuditEntry, AuditFilter, AuditPage, AuditRecord, Phase, Standing};
pub use scribe::Scribe;
