//! The pipeline over the embedded engine: what comes in, what is answered, what is acknowledged.
//! Where the ledger matters, over PostgreSQL too.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod announcements;
mod bench;
mod config;
mod fencing;
mod handlers;
mod limits;
mod outside;
mod reserved;
mod transactional;
mod without_effect;
mod world;
