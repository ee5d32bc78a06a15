//! The pipeline over the embedded engine: what comes in, what is answered, what is acknowledged.

mod bench;
mod handlers;
mod outside;
mod transactional;
