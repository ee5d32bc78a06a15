//! YAML to checked definition.

mod check_effects;
mod check_flow;
mod check_graph;
mod check_input;
mod check_lifetime;
mod check_limits;
mod check_operations;
mod code;
mod codes;
mod compile;
mod diagnostic;
mod document;
mod draft;
mod editor_schema;
mod fields;
mod interpolation;
mod lower;
mod lower_catalogue;
mod lower_failure;
mod lower_key;
mod lower_kind;
mod lower_step;
mod parse;
mod policy;
mod render;
mod suggest;
#[cfg(test)]
mod tests;
mod tree;

pub use check_limits::{BROKER_DELAY_MAX, CONSUMER_TIMEOUT};
pub use code::{Code, UnknownCode};
pub use codes::{Explained, explain};
pub use compile::{Compiled, MAX_LIFETIME_DEFAULT, compile, compile_against, compile_bytes};
pub use diagnostic::{DIAGNOSTICS_MAX, Diagnostic, EXPRESSIONS_MAX, Severity, Span};
pub use document::read_document;
pub use editor_schema::{catalogue_schema, saga_schema};
pub use fields::SPAN_MAX;
pub use lower::{NAME_BYTES_MAX, STEPS_MAX};
pub use lower_catalogue::{CompiledCatalogue, OPERATIONS_MAX, compile_catalogue};
pub use lower_kind::{PARALLEL_MAX, SIGNAL_NAME_BYTES_MAX};
pub use lower_step::PRIORITY_MAX;
pub use parse::{FILE_BYTES_MAX, NESTING_MAX, NODES_MAX};
pub use policy::{ATTEMPTS_MAX, COEFFICIENT_MAX};
pub use render::render;
pub use suggest::closest;
