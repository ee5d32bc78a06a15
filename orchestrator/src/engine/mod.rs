//! The engine: gathers inputs, decides in memory, stores whole batches, and only then sends and
//! acknowledges.

mod cache;
mod closings;
mod commit;
mod fold;
mod group;
mod handle;
mod job;
mod key;
mod lane;
mod locked;
mod operate;
mod persist;
mod rivals;
#[cfg(test)]
mod tests;

pub use closings::Closings;
pub use handle::{Engine, StartError, StartRequest, Started};
pub use job::{Done, Inflight, Job};
pub(crate) use lane::BATCH_JOBS_MAX;
pub use lane::{Occurrence, Shared};
pub use operate::OperateError;
pub use persist::persist;
