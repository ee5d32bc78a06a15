//! The input of a call against what its operation takes.
//!
//! Parts that are written out are checked like any value; of an expression only the type can be
//! known, and only where both schemas say it.

use serde_json::Value;

use super::check_operations::{Call, Scope};
use super::code::Code;
use super::diagnostic::{Report, Span};
use super::interpolation::Use;
use super::suggest::closest;
use super::tree::{Content, Entry, Node};
use crate::catalogue::Shape;
use crate::expression::ReferenceRoot;
use crate::schema::Schema;

/// Reports where the input of a call cannot be what the operation takes.
pub(super) fn check(
    call: &Call<'_>,
    wanted: Shape<'_>,
    scope: &Scope<'_>,
    uses: &[&Use],
    report: &mut Report<'_>,
) {
    let mut input = Input {
        action: call
            .action
            .value
            .scalar()
            .map_or("", |scalar| scalar.text.as_str()),
        scope,
        uses,
        report,
    };
    let at = call.action.value.span;
    match call.input {
        Some(node) => input.value(node, wanted, "input", at),
        // Without an input the operation gets an empty object.
        None => input.mapping(&[], wanted, "input", at),
    }
}

struct Input<'c, 'd, 'r, 's> {
    action: &'c str,
    scope: &'c Scope<'d>,
    uses: &'c [&'c Use],
    report: &'r mut Report<'s>,
}

impl Input<'_, '_, '_, '_> {
    /// `owner` is where to point when something is missing.
    fn value(&mut self, node: &Node, wanted: Shape<'_>, path: &str, owner: Span) {
        if self.report.is_full() {
            return;
        }
        match &node.content {
            Content::Scalar(scalar) if scalar.text.contains("${") => {
                self.expression(node, &scalar.text, wanted, path);
            }
            Content::Scalar(_) => self.literal(node, wanted, path),
            Content::List(nodes) => {
                if self.has_type(&["array"], node.span, wanted, path)
                    && let Some(items) = wanted.items()
                {
                    for (index, node) in nodes.iter().enumerate() {
                        self.value(node, items, &format!("{path}[{index}]"), node.span);
                    }
                }
            }
            Content::Mapping(entries) => {
                if self.has_type(&["object"], node.span, wanted, path) {
                    self.mapping(entries, wanted, path, owner);
                }
            }
        }
    }

    fn mapping(&mut self, entries: &[Entry], wanted: Shape<'_>, path: &str, owner: Span) {
        for name in wanted.required() {
            if entries.iter().all(|entry| entry.key != name) {
                let action = self.action;
                let message = format!("`{action}` needs `{path}.{name}`, which is not there");
                let help = format!("add `{name}` to the input; the catalogue requires it");
                self.report
                    .error_with(Code::OperationInput, owner, message, help);
            }
        }
        let Some(properties) = wanted.properties() else {
            return;
        };
        for entry in entries {
            if let Some(schema) = properties.get(&entry.key) {
                let path = format!("{path}.{}", entry.key);
                self.value(&entry.value, Shape(schema), &path, entry.key_span);
            } else if wanted.is_closed() && !self.report.is_full() {
                let names: Vec<&str> = properties.keys().map(String::as_str).collect();
                let free = names
                    .iter()
                    .copied()
                    .filter(|name| entries.iter().all(|entry| entry.key != *name));
                let help = match closest(&entry.key, free) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None if names.is_empty() => "it takes no fields".to_owned(),
                    None => format!("it takes {}", names.join(", ")),
                };
                let action = self.action;
                let message = format!("`{action}` takes no `{path}.{}`", entry.key);
                self.report
                    .error_with(Code::OperationInput, entry.key_span, message, help);
            }
        }
    }

    fn literal(&mut self, node: &Node, wanted: Shape<'_>, path: &str) {
        // A reference inside the schema leads out of the part that is looked at.
        if wanted.0.get("$ref").is_some() {
            return;
        }
        let Ok(schema) = Schema::compile(wanted.0.clone()) else {
            return;
        };
        for violation in schema.check(&node.to_json()) {
            let message = format!("`{path}` of `{}`: {}", self.action, violation.message);
            let help = "the catalogue says what the operation takes";
            self.report
                .error_with(Code::OperationInput, node.span, message, help);
        }
    }

    fn expression(&mut self, node: &Node, text: &str, wanted: Shape<'_>, path: &str) {
        let inner = text
            .strip_prefix("${")
            .and_then(|text| text.strip_suffix('}'))
            .map(str::trim);
        let used = inner.and_then(|inner| {
            self.uses
                .iter()
                .find(|used| !used.reference.tested && used.reference.text() == inner)
        });
        let whole = inner.is_some_and(|inner| !inner.contains("${"));
        let types: Vec<&str> = match used {
            Some(used) => match &used.reference.root {
                root @ (ReferenceRoot::Input | ReferenceRoot::Output(_)) => {
                    let shape = self.scope.shape_of(root, &used.reference.fields);
                    match shape.and_then(Shape::types) {
                        Some(types) => types,
                        None => return,
                    }
                }
                ReferenceRoot::Status(_) | ReferenceRoot::SagaId | ReferenceRoot::SagaStartedAt => {
                    vec!["string"]
                }
                ReferenceRoot::Item(_)
                | ReferenceRoot::Error(_)
                | ReferenceRoot::SagaKey
                | ReferenceRoot::SagaLabels => {
                    return;
                }
            },
            // Computed: its type shows only when it runs.
            None if whole => return,
            None => vec!["string"],
        };
        let span = used.map_or(node.span, |used| used.span);
        self.has_type(&types, span, wanted, path);
    }

    fn has_type(&mut self, types: &[&str], at: Span, wanted: Shape<'_>, path: &str) -> bool {
        if *wanted.0 == Value::Bool(true) || wanted.accepts_any_of(types) {
            return true;
        }
        let wants = wanted.types().unwrap_or_default();
        let message = format!(
            "`{path}` of `{}` must be {}, this is {}",
            self.action,
            spoken(&wants),
            spoken(types)
        );
        let help = "give it another value, or correct the operation in the catalogue";
        self.report
            .error_with(Code::OperationInput, at, message, help);
        false
    }
}

/// JSON types in words.
fn spoken(types: &[&str]) -> String {
    let words: Vec<&str> = types
        .iter()
        .map(|name| match *name {
            "string" => "text",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "true or false",
            "array" => "a list",
            "object" => "an object",
            other => other,
        })
        .collect();
    words.join(" or ")
}
