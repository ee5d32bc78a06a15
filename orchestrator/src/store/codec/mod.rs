//! Between the core's types and what rows hold. Golden files pin every form.

mod error;
mod event;
mod saga;
mod snapshot;
mod step;
#[cfg(test)]
mod tests;
mod value;

pub use error::DecodeError;
pub use event::{decode_events, encode_events};
pub(in crate::store) use saga::decode_reference;
pub use saga::{SagaRow, decode_saga, encode_state};
pub use snapshot::{Snapshot, snapshot};
pub(in crate::store) use value::{
    KEPT_EVENTS_MAX, Named, decode_kept, decode_value_key, encode_value_key, encode_values,
};
