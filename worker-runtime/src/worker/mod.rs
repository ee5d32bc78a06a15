//! A worker process's one object: its operations, and their life from start to drain.

mod announcer;
mod control;
mod lane;
mod runner;
mod server;

pub use server::{Worker, WorkerError};
