//! One suite over both ledgers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cases;
mod config;
mod memory;
mod postgres;
mod subject;
