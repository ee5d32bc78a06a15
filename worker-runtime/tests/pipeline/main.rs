//! The pipeline over the embedded engine: what comes in, what is answered, what is acknowledged.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bench;
mod handlers;
mod outside;
mod transactional;
