//! `amends explain-code`: what a diagnostic means and what to do.

use saga_core::compiler::{Code, explain};

use crate::failure::{Failure, Kind, Outcome};
use crate::output;

/// Prints the whole story of a code.
pub fn explain_code(code: &str) -> Outcome {
    let code: Code = code.to_uppercase().parse().map_err(|_| {
        let message = format!("`{code}` is no code of amends");
        Failure::new(Kind::NotFound, message).help("codes read AM001, AM002, …")
    })?;
    let story = explain(code);
    output::text(&format!(
        "{}: {}\n\n{}\n",
        story.code, story.title, story.text
    ))
}
