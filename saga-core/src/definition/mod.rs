//! What a saga definition means once it is compiled.

mod model;
mod retry;

pub use model::{Compensation, Definition, DefinitionRef, Effect, OnFailure, Step, Timeouts};
pub use retry::{Delay, RUNGS, RetryPolicy};
