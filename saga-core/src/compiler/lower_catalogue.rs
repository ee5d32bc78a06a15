//! The operations catalogue: from text to what workers can do.

use std::collections::BTreeMap;

use semver::Version;

use super::code::Code;
use super::diagnostic::{Diagnostic, Report};
use super::fields::{self, Fields, shortened};
use super::suggest::closest;
use super::tree::{Content, Entry, Node};
use super::{lower, parse};
use crate::catalogue::{Carries, Catalogue, Operation, Repeat};
use crate::schema::Schema;

/// Most operations of one catalogue.
pub const OPERATIONS_MAX: usize = 2_000;

pub(super) const CATALOGUE_FIELDS: [&str; 1] = ["operations"];
pub(super) const OPERATION_FIELDS: [&str; 7] = [
    "version",
    "description",
    "effect",
    "repeat",
    "input",
    "output",
    "errors",
];

/// What became of a catalogue's file.
#[derive(Debug)]
pub struct CompiledCatalogue {
    /// The file's name as it was given.
    pub file: String,
    /// There exactly when no diagnostic is an error.
    pub catalogue: Option<Catalogue>,
    /// Everything there is to say about it, in the order of the source.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles a catalogue. `file` is only a name; nothing is opened.
#[must_use]
pub fn compile_catalogue(file: &str, source: &str) -> CompiledCatalogue {
    let mut report = Report::new(source);
    let catalogue =
        parse::parse(source, &mut report).and_then(|root| catalogue(&root, &mut report));
    CompiledCatalogue {
        file: file.to_owned(),
        catalogue: catalogue.filter(|_| !report.has_errors()),
        diagnostics: report.finish(),
    }
}

fn catalogue(root: &Node, report: &mut Report<'_>) -> Option<Catalogue> {
    let fields = Fields::read(root, "a catalogue", &CATALOGUE_FIELDS, report)?;
    let top = report.span(root.span.start, root.span.start + 1);
    let entry = fields.require("operations", top, report)?;
    let Content::Mapping(entries) = &entry.value.content else {
        fields::wrong_type(&entry.value, "`operations` must be a mapping", report);
        return None;
    };
    if entries.len() > OPERATIONS_MAX {
        let message = format!("a catalogue has at most {OPERATIONS_MAX} operations");
        report.error(Code::OutOfRange, entry.key_span, message);
    }
    let mut operations = BTreeMap::new();
    for entry in entries.iter().take(OPERATIONS_MAX) {
        let described = operation(entry, report);
        match entry.key.parse() {
            Ok(name) => {
                operations.extend(described.map(|operation| (name, operation)));
            }
            Err(_) => report.error_with(
                Code::BadAction,
                entry.key_span,
                format!("`{}` is not an operation", shortened(&entry.key)),
                "write pool.operation, each of letters, digits, `_` and `-`",
            ),
        }
    }
    Some(Catalogue { operations })
}

fn operation(entry: &Entry, report: &mut Report<'_>) -> Option<Operation> {
    let fields = Fields::read(&entry.value, "an operation", &OPERATION_FIELDS, report)?;
    let at = entry.key_span;
    let version = fields
        .require("version", at, report)
        .and_then(|entry| lower::version(entry, report));
    let effect = fields
        .require("effect", at, report)
        .and_then(|entry| effect(entry, report));
    let repeat = fields
        .get("repeat")
        .map(|entry| (repeat(entry, report), entry.key_span));
    if let (Some(Carries::Transactional), Some((_, span))) = (effect, repeat) {
        report.error_with(
            Code::BadOperation,
            span,
            "`repeat` means nothing for a transactional operation",
            "take it away: effect and idempotency row commit together",
        );
    }
    let mut described = |name: &str| {
        let entry = fields.get(name)?;
        schema(name, &entry.value, report)
    };
    let (input, output) = (described("input"), described("output"));
    Some(Operation {
        version: version.unwrap_or_else(|| Version::new(0, 0, 0)),
        description: fields
            .get("description")
            .and_then(|entry| fields::text(entry, report))
            .map(str::to_owned),
        effect: effect?,
        repeat: match (effect?, repeat) {
            (Carries::Transactional, _) => Repeat::Safe,
            (Carries::Outside, Some((repeat, _))) => repeat.unwrap_or(Repeat::Never),
            (Carries::Outside, None) => Repeat::Never,
        },
        input,
        output,
        errors: fields.get("errors").and_then(|entry| errors(entry, report)),
    })
}

fn effect(entry: &Entry, report: &mut Report<'_>) -> Option<Carries> {
    const KNOWN: [(&str, Carries); 2] = [
        ("transactional", Carries::Transactional),
        ("outside", Carries::Outside),
    ];
    word(entry, &KNOWN, report)
}

fn repeat(entry: &Entry, report: &mut Report<'_>) -> Option<Repeat> {
    const KNOWN: [(&str, Repeat); 3] = [
        ("safe", Repeat::Safe),
        ("resolve", Repeat::Resolve),
        ("never", Repeat::Never),
    ];
    word(entry, &KNOWN, report)
}

fn word<T: Copy>(entry: &Entry, known: &[(&str, T)], report: &mut Report<'_>) -> Option<T> {
    let text = fields::text(entry, report)?;
    if let Some((_, found)) = known.iter().find(|(name, _)| *name == text) {
        return Some(*found);
    }
    let words: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let help = match closest(text, words.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("write one of {}", words.join(", ")),
    };
    let message = format!("`{}` is no `{}`", shortened(text), entry.key);
    report.error_with(Code::WrongType, entry.value.span, message, help);
    None
}

fn schema(name: &str, node: &Node, report: &mut Report<'_>) -> Option<Schema> {
    match Schema::compile(node.to_json()) {
        Ok(schema) => Some(schema),
        Err(violation) => {
            report.error_with(
                Code::BadSchema,
                node.at_pointer(&violation.pointer).span,
                format!("this is no JSON Schema: {}", violation.message),
                format!("`{name}` is a JSON Schema (2020-12)"),
            );
            None
        }
    }
}

/// Code and meaning; a list names codes that need no explanation.
fn errors(entry: &Entry, report: &mut Report<'_>) -> Option<BTreeMap<String, String>> {
    match &entry.value.content {
        Content::Mapping(entries) => Some(
            entries
                .iter()
                .filter_map(|entry| {
                    Some((entry.key.clone(), fields::text(entry, report)?.to_owned()))
                })
                .collect(),
        ),
        Content::List(nodes) => Some(
            nodes
                .iter()
                .filter_map(|node| Some((node.scalar()?.text.clone(), String::new())))
                .collect(),
        ),
        Content::Scalar(_) => {
            let expected = "`errors` must be a mapping from code to meaning, or a list of codes";
            fields::wrong_type(&entry.value, expected, report);
            None
        }
    }
}
