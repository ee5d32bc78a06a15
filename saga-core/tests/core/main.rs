//! The state machine's tests: transcripts to read, properties to trust.

mod driver;
mod properties;
mod script;
mod transcripts;
