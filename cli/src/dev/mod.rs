//! Everything on one machine: an engine, an orchestrator, a worker, and a view of what happens.

mod demo;
mod example;
mod live;
mod parts;

pub use demo::{Summary, run_examples};
pub use live::follow;
pub use parts::Parts;
