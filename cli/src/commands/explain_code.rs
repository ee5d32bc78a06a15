//! `amends explain-code`: what a diagnostic means and what to do.

use saga_core::compiler::CODES;

use crate::failure::{Failure, Kind, Outcome};
use crate::output;

/// Prints the whole story of a code.
pub fn explain_code(code: &str) -> Outcome {
    let wanted = code.to_uppercase();
    let Some(entry) = CODES.iter().find(|entry| entry.code.to_string() == wanted) else {
        let message = format!("`{code}` is no code of amends");
        return Err(Failure::new(Kind::NotFound, message).help("codes read AM001, AM002, …"));
    };
    output::text(&format!("{}: {}\n\n{}\n", entry.code, entry.title, entry.explanation))
}
