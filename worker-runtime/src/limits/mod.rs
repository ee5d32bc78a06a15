//! What keeps an operation from being called: pure rules, and the gate that applies them.

mod breaker;
mod bucket;
mod gate;

pub use breaker::BreakerSettings;
pub use bucket::RateLimit;

pub(crate) use breaker::CallEnd;
pub(crate) use gate::{Gate, Permit};
