//! The wire, version 1: how commands and replies look as messages.

pub mod child;
pub mod command;
pub mod replies;
pub mod signal;

mod error;
mod key;

pub use error::EnvelopeError;
pub use key::idempotency_key;
