//! One suite over both ledgers.

mod cases;
mod config;
mod memory;
mod postgres;
mod subject;
