//! Between the core's types and what rows hold. Golden files pin every form.

mod error;
mod event;
mod saga;
mod snapshot;
#[cfg(test)]
mod tests;
mod value;

pub(in crate::store) use event::{decode_events, encode_events};
pub(in crate::store) use saga::{SagaRow, decode_reference, decode_saga, encode_state};
pub use snapshot::{Snapshot, snapshot};
pub(in crate::store) use value::{decode_value_key, encode_value_key};
