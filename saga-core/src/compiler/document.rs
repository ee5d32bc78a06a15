//! A YAML file that is not a definition, read under the same rules and bounds.

use serde_json::Value;

use super::diagnostic::{Diagnostic, Report};
use super::parse;

/// Reads YAML, of which JSON is a part, as a JSON value.
///
/// # Errors
/// Everything that is wrong with it; with errors nothing is read.
pub fn read_document(source: &str) -> Result<Value, Vec<Diagnostic>> {
    let mut report = Report::new(source);
    match parse::parse(source, &mut report) {
        Some(root) if !report.has_errors() => Ok(root.to_json()),
        Some(_) | None => Err(report.finish()),
    }
}
