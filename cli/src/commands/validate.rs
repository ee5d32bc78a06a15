//! `amends validate`: every problem of every file at once.

use saga_core::compiler::{self, Diagnostic, Severity};
use serde::Serialize;

use crate::args::{Format, ValidateArgs};
use crate::config::Settings;
use crate::failure::{Failure, Outcome};
use crate::{output, sources};

/// The problems of one file.
#[derive(Debug, Serialize)]
struct FileReport<'a> {
    file: &'a str,
    diagnostics: Vec<DiagnosticView<'a>>,
}

#[derive(Debug, Serialize)]
struct DiagnosticView<'a> {
    code: String,
    severity: &'static str,
    message: &'a str,
    line: usize,
    column: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

/// Checks the files and prints what is wrong with them.
pub fn validate(args: &ValidateArgs) -> Outcome {
    let mut broken = 0;
    let mut wrong_files = 0;
    for source in sources::read(&args.files)? {
        let compiled = compiler::compile(&source.file, &source.text);
        let errors = compiled
            .diagnostics
            .iter()
            .filter(|one| is_error(one))
            .count();
        broken += errors;
        wrong_files += usize::from(errors > 0);
        if args.output == Format::Table {
            let rendered = compiler::render(
                &compiled.diagnostics,
                &source.file,
                &source.text,
                Settings::colour(),
            );
            output::text(&rendered)?;
            if let Some(definition) = &compiled.definition {
                let steps = definition.steps.len();
                output::text(&format!(
                    "{}: {}, {steps} steps, ok\n",
                    source.file, definition.reference
                ))?;
            }
        } else {
            let diagnostics = compiled.diagnostics.iter().map(view).collect();
            output::json(
                Format::Jsonl,
                &FileReport {
                    file: &source.file,
                    diagnostics,
                },
            )?;
        }
    }
    if broken == 0 {
        return Ok(());
    }
    let message = format!(
        "{broken} errors in {wrong_files} of {} files",
        args.files.len()
    );
    Err(Failure::error(message).help("`amends explain-code AM012` tells the whole story of a code"))
}

fn is_error(diagnostic: &Diagnostic) -> bool {
    matches!(diagnostic.severity, Severity::Error)
}

fn view(diagnostic: &Diagnostic) -> DiagnosticView<'_> {
    DiagnosticView {
        code: diagnostic.code.to_string(),
        severity: if is_error(diagnostic) {
            "error"
        } else {
            "warning"
        },
        message: &diagnostic.message,
        line: diagnostic.span.line,
        column: diagnostic.span.column,
        help: diagnostic.help.as_deref(),
    }
}
