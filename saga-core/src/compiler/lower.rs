//! The tree to a draft: the fields of the file.

use std::collections::BTreeMap;

use semver::Version;

use super::code::Code;
use super::diagnostic::Report;
use super::draft::{Draft, DraftStep};
use super::fields::{self, Fields, shortened};
use super::interpolation::{self, Use};
use super::lower_key;
use super::lower_step;
use super::policy;
use super::tree::{Content, Entry, Node};
use crate::definition::{RetryPolicy, Timeouts};
use crate::schema::Schema;

/// Longest name of a saga or a step, in bytes.
pub const NAME_BYTES_MAX: usize = 60;

/// Most steps of one saga.
pub const STEPS_MAX: usize = 200;

pub(super) const KNOWN: [&str; 13] = [
    "saga",
    "version",
    "description",
    "key",
    "id_reuse_policy",
    "id_conflict_policy",
    "deadline",
    "max_lifetime",
    "labels",
    "input",
    "defaults",
    "steps",
    "output",
];
pub(super) const DEFAULTS: [&str; 2] = ["retry", "timeouts"];

/// What steps inherit.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    pub(super) retry: RetryPolicy,
    pub(super) timeouts: Timeouts,
}

/// Reads the whole file.
pub(super) fn lower(root: &Node, report: &mut Report<'_>) -> Option<Draft> {
    if !matches!(root.content, Content::Mapping(_)) {
        report.error_with(
            Code::NotAMapping,
            root.span,
            format!("a definition is a mapping, this is {}", root.kind()),
            "a definition begins with `saga: <name>`",
        );
        return None;
    }
    let fields = Fields::read(root, "a saga", &KNOWN, report)?;
    let top = report.span(root.span.start, root.span.start + 1);
    let (mut key_uses, mut output_uses) = (Vec::new(), Vec::new());
    let name = fields
        .require("saga", top, report)
        .and_then(|entry| name(entry, report));
    let version = fields
        .require("version", top, report)
        .and_then(|e| version(e, report));
    let mut limit = |name: &str| {
        let entry = fields.get(name)?;
        Some((fields::span(entry, report)?, entry.value.span))
    };
    let (deadline, max_lifetime) = (limit("deadline"), limit("max_lifetime"));
    let defaults = fields
        .get("defaults")
        .map(|entry| defaults(&entry.value, report));
    let defaults = defaults.unwrap_or_default();
    let key_policy = lower_key::policy(&fields, report);
    let mut template = |name: &str, uses: &mut Vec<Use>| {
        let entry = fields.get(name)?;
        Some(interpolation::template(&entry.value, None, uses, report))
    };
    Some(Draft {
        name,
        version,
        key: template("key", &mut key_uses),
        key_uses,
        key_policy,
        output: template("output", &mut output_uses),
        output_uses,
        description: fields
            .get("description")
            .and_then(|entry| description(entry, report)),
        deadline,
        max_lifetime,
        input_schema: fields
            .get("input")
            .and_then(|entry| schema(&entry.value, report)),
        labels: fields
            .get("labels")
            .map(|e| labels(e, report))
            .unwrap_or_default(),
        steps: fields
            .require("steps", top, report)
            .map(|entry| steps(entry, &defaults, report))
            .unwrap_or_default(),
    })
}

fn description(entry: &Entry, report: &mut Report<'_>) -> Option<String> {
    interpolation::refuse(&entry.value, "`description`", report);
    fields::text(entry, report).map(str::to_owned)
}

pub(super) fn name(entry: &Entry, report: &mut Report<'_>) -> Option<String> {
    let name = fields::text(entry, report)?;
    let shape = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if shape && name.len() <= NAME_BYTES_MAX {
        return Some(name.to_owned());
    }
    report.error_with(
        Code::BadSagaName,
        entry.value.span,
        format!("`{}` cannot name a saga", shortened(name)),
        format!("use lower-case letters, digits and `-`, a letter first, at most {NAME_BYTES_MAX}"),
    );
    None
}

pub(super) fn version(entry: &Entry, report: &mut Report<'_>) -> Option<Version> {
    let text = fields::text(entry, report)?;
    match Version::parse(text) {
        Ok(version) => Some(version),
        Err(_) => {
            report.error_with(
                Code::BadVersion,
                entry.value.span,
                format!("`{}` is not a semantic version", shortened(text)),
                "write three numbers, such as 1.0.0",
            );
            None
        }
    }
}

fn labels(entry: &Entry, report: &mut Report<'_>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let Content::Mapping(entries) = &entry.value.content else {
        fields::wrong_type(&entry.value, "`labels` must be a mapping", report);
        return labels;
    };
    for label in entries {
        interpolation::refuse(&label.value, "a label", report);
        if let Some(text) = fields::text(label, report) {
            labels.insert(label.key.clone(), text.to_owned());
        }
    }
    labels
}

fn schema(node: &Node, report: &mut Report<'_>) -> Option<Schema> {
    match Schema::compile(node.to_json()) {
        Ok(schema) => Some(schema),
        Err(violation) => {
            let at = node.at_pointer(&violation.pointer).span;
            report.error_with(
                Code::BadSchema,
                at,
                format!("this is no JSON Schema: {}", violation.message),
                "`input` is a JSON Schema (2020-12) of the start payload",
            );
            None
        }
    }
}

fn defaults(node: &Node, report: &mut Report<'_>) -> Defaults {
    let built_in = Defaults::default();
    let Some(fields) = Fields::read(node, "`defaults`", &DEFAULTS, report) else {
        return built_in;
    };
    let (retry, timeouts) = policy::both(&fields, &built_in, report);
    Defaults { retry, timeouts }
}

fn steps(entry: &Entry, defaults: &Defaults, report: &mut Report<'_>) -> Vec<DraftStep> {
    let Some(nodes) = fields::list(entry, report) else {
        return Vec::new();
    };
    if nodes.is_empty() || nodes.len() > STEPS_MAX {
        let message = format!(
            "a saga has 1 to {STEPS_MAX} steps, this has {}",
            nodes.len()
        );
        report.error(Code::StepCount, entry.key_span, message);
    }
    nodes
        .iter()
        .take(STEPS_MAX)
        .filter_map(|node| lower_step::lower(node, defaults, report))
        .collect()
}
