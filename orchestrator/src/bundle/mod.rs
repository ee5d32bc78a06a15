//! Support bundles: everything that is known of one saga in one document, and what can be made of
//! it elsewhere.

mod content;
mod document;
mod redact;
mod replay;
#[cfg(test)]
mod tests;

pub use document::{
    BUNDLE_FORMAT, Bundle, BundledDefinition, BundledValue, EVENTS_MAX, VALUES_BYTES_MAX,
};
pub use replay::{Difference, Replay, ReplayError, ReplayedEvent, replay};

pub(crate) use document::collect;
