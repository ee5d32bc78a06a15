//! Why a saga does not move: what its own state tells, before queues and workers are asked.

mod cause;
mod causes;
#[cfg(test)]
mod tests;

pub use cause::Cause;
pub use causes::{CAUSES_MAX, causes};
