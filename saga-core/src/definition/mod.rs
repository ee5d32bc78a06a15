//! What a saga definition means once it is compiled.

mod accept;
mod key_policy;
mod model;
mod retry;

pub use accept::{Accepted, InputRefused, KEY_BYTES_MAX};
pub use key_policy::{KeyConflict, KeyPolicy, KeyReuse, KeyVerdict};
pub use model::{
    Call, Child, Compensation, Definition, DefinitionRef, Effect, Fallback, ForEach, OnFailure,
    OnTimeout, Plan, Step, StepKind, Timeouts, Wait,
};
pub use retry::{Delay, RUNGS, RetryPolicy};
