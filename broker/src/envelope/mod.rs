//! The wire, version 1: how commands and replies look as messages.

pub mod command;
pub mod replies;

mod error;
mod key;

pub use error::EnvelopeError;
pub use key::idempotency_key;
