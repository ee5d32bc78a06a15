//! The core's tests: transcripts and examples to read, properties to trust.

mod config;
mod definitions;
mod diagnostics_page;
mod driver;
mod language_properties;
mod ledger;
mod lists;
mod pictures;
mod properties;
mod resend;
mod schemas;
mod script;
mod series;
mod teaching;
mod transcripts;
