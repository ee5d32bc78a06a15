//! The core's tests: transcripts and examples to read, properties to trust.

mod config;
mod definitions;
mod driver;
mod language_properties;
mod properties;
mod script;
mod teaching;
mod transcripts;
