//! What cancelling a saga now, or a failure of one of its steps, would undo.
//!
//! There are no rules here: a copy of the saga is put through `decide`, and every command is
//! answered as well as it can be.

mod account;
mod ask;
mod outlook;
mod rehearsal;
mod stand_in;
#[cfg(test)]
mod tests;
mod wait;

pub use ask::{PlanError, plan};
pub use outlook::{Doubt, LISTED_MAX, LeftOut, NothingToUndo, Outlook, Remains, Undo, Why};
