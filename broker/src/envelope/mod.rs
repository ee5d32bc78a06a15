//! The wire, version 1: how commands, replies and requests look as messages.

pub mod child;
pub mod command;
pub mod commands;
pub mod drain;
pub mod replies;
pub mod signal;
pub mod start;
pub mod stored;
pub mod worker;

mod address;
mod error;
mod id_text;
mod key;

pub use address::Address;
pub use error::EnvelopeError;
pub use key::idempotency_key;
