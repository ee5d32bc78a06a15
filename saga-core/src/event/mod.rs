//! The facts that are stored. Replaying them reproduces the saga's state.

mod cause;
mod fact;

pub use cause::{PauseCause, UnwindCause};
pub use fact::{EVENT_SCHEMA, Event, EventKind};
