//! Keeps every saga's state machine in a store, and moves it.
//!
//! Store the decision in one transaction. Send only what is stored. Acknowledge only what is
//! committed.

pub mod store;
