//! What the compiler found, for machines: JSON, and SARIF for code scanning.

use saga_core::compiler::{Code, Compiled, Diagnostic, Severity, explain};
use serde::Serialize;
use serde_json::{Value, json};

use crate::load::LoadView;

/// The problems of one file.
#[derive(Debug, Serialize)]
pub struct FileReport<'a> {
    file: &'a str,
    diagnostics: Vec<DiagnosticView<'a>>,
    /// Present when it was asked for and the definition compiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<LoadView>,
}

#[derive(Debug, Serialize)]
struct DiagnosticView<'a> {
    code: String,
    severity: &'static str,
    message: &'a str,
    line: usize,
    column: usize,
    help: String,
}

impl<'a> FileReport<'a> {
    /// The report of one file, with what a saga of it costs when that is wanted.
    pub fn new(compiled: &'a Compiled, with_load: bool) -> Self {
        let definition = compiled.definition.as_ref().filter(|_| with_load);
        Self {
            file: &compiled.file,
            diagnostics: compiled.diagnostics.iter().map(view).collect(),
            load: definition.map(LoadView::of),
        }
    }
}

fn view(diagnostic: &Diagnostic) -> DiagnosticView<'_> {
    DiagnosticView {
        code: diagnostic.code.to_string(),
        severity: diagnostic.severity.as_str(),
        message: &diagnostic.message,
        line: diagnostic.span.line,
        column: diagnostic.span.column,
        help: help(diagnostic),
    }
}

/// What to do; where the message says it all, where to read more.
fn help(diagnostic: &Diagnostic) -> String {
    match &diagnostic.help {
        Some(help) => help.clone(),
        None => format!("run `amends explain-code {}`", diagnostic.code),
    }
}

/// A SARIF 2.1.0 log of one run over these files; with each, the text that its spans point into.
pub fn sarif(files: &[(&Compiled, &str)]) -> Value {
    let mut codes: Vec<Code> = files
        .iter()
        .flat_map(|(compiled, _)| &compiled.diagnostics)
        .map(|diagnostic| diagnostic.code)
        .collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = files
        .iter()
        .flat_map(|(compiled, text)| {
            compiled
                .diagnostics
                .iter()
                .map(|diagnostic| result(diagnostic, &compiled.file, text, &codes))
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "amends",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    let story = explain(code);
    json!({
        "id": code.to_string(),
        "shortDescription": { "text": story.title },
        "fullDescription": { "text": story.text },
    })
}

fn result(diagnostic: &Diagnostic, file: &str, text: &str, codes: &[Code]) -> Value {
    let span = diagnostic.span;
    let marked = text.get(span.start..span.end).unwrap_or_default();
    let lines = marked.matches('\n').count();
    let last = marked.rsplit('\n').next().unwrap_or_default();
    let width = last.chars().count();
    // SARIF's end column is the one after the last character.
    let end_column = if lines == 0 {
        span.column + width
    } else {
        width + 1
    };
    json!({
        "ruleId": diagnostic.code.to_string(),
        "ruleIndex": codes.binary_search(&diagnostic.code).unwrap_or_default(),
        "level": match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": { "text": format!("{}; {}", diagnostic.message, help(diagnostic)) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(file) },
            "region": {
                "startLine": span.line,
                "startColumn": span.column,
                "endLine": span.line + lines,
                "endColumn": end_column,
            },
        } }],
    })
}

/// A path as a relative or absolute URI reference.
fn uri(file: &str) -> String {
    let mut uri = String::new();
    if file.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in file.trim_start_matches("./").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use saga_core::compiler::compile;
    use serde_json::json;

    use super::{sarif, uri};

    #[test]
    fn a_result_points_at_exactly_what_is_meant() {
        let source = "saga: s\nversion: 1.0.0\nsteps:\n  - id: a\n    actoin: x.y\n    \
                      no_effect: true\n";
        let compiled = compile("my sagas/s.yaml", source);
        let log = sarif(&[(&compiled, source)]);
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "AM012");
        assert_eq!(result["level"], "error");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "my%20sagas/s.yaml");
        let region = json!({ "startLine": 5, "startColumn": 5, "endLine": 5, "endColumn": 11 });
        assert_eq!(place["region"], region);
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array();
        let index = result["ruleIndex"]
            .as_u64()
            .map(|at| usize::try_from(at).unwrap_or(9));
        assert_eq!(
            rules.zip(index).map(|(rules, at)| &rules[at]["id"]),
            Some(&json!("AM012"))
        );
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("./a/b.yaml"), "a/b.yaml");
        assert_eq!(uri("/tmp/ü.yaml"), "file:///tmp/%C3%BC.yaml");
    }
}
