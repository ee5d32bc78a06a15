//! What a saga definition means once it is compiled.

mod accept;
mod model;
mod retry;

pub use accept::{Accepted, InputRefused, KEY_BYTES_MAX};
pub use model::{Compensation, Definition, DefinitionRef, Effect, OnFailure, Step, Timeouts};
pub use retry::{Delay, RUNGS, RetryPolicy};
