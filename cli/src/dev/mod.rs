//! Everything on one machine: an engine, an orchestrator, a worker, and a view of what happens.

mod example;
mod live;
mod parts;

pub use example::{Summary, run_examples};
pub use live::follow;
pub use parts::Parts;
