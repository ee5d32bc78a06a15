//! The broker of the embedded engine: the same semantics in one process, nothing on disk.

mod broker;
mod consumer;
mod queue;
mod routing;

pub use broker::{MemoryBroker, MemorySettings};
