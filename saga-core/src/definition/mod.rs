//! What a saga definition means once it is compiled.

mod accept;
mod budget;
mod compare;
mod key_policy;
mod load;
mod model;
mod movable;
mod retry;

pub use accept::{Accepted, InputRefused, KEY_BYTES_MAX};
pub(crate) use budget::attempts_within;
pub use budget::{Budget, CallBudget, DELIVERIES_PER_ATTEMPT, REDELIVERIES_MAX, StepBudget};
pub use compare::{Change, compare};
pub use key_policy::{KeyConflict, KeyPolicy, KeyReuse, KeyVerdict};
pub use load::{Cost, ELEMENTS_ASSUMED, ENVELOPE_BYTES, EVENT_BYTES, Load, TEXT_BYTES_ASSUMED};
pub use model::{
    Call, Child, Compensation, Definition, DefinitionRef, Effect, Fallback, ForEach, OnFailure,
    OnTimeout, Plan, Step, StepKind, Timeouts, Wait,
};
pub use movable::{Obstacle, Position, movable};
pub use retry::{Delay, RUNGS, RetryPolicy};
