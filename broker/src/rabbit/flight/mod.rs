//! From sent to settled.

mod messages;
#[cfg(test)]
mod tests;

pub(super) use messages::{Confirm, Flight, Sent, Slot};
