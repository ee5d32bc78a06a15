//! The tree to a draft: one step.

use super::code::Code;
use super::diagnostic::{Report, Span};
use super::draft::{DraftCompensate, DraftStep};
use super::fields::{self, Fields, not_supported, shortened};
use super::interpolation::{self, Use};
use super::lower::{Defaults, NAME_BYTES_MAX};
use super::policy;
use super::tree::{Content, Entry, Node};
use crate::definition::{Compensation, OnFailure};
use crate::expression::{Template, TemplateNode};
use crate::ids::ActionName;

/// Highest `priority`.
pub const PRIORITY_MAX: u32 = 9;

pub(super) const KNOWN: [&str; 13] = [
    "id",
    "action",
    "input",
    "when",
    "depends_on",
    "compensate",
    "because",
    "no_effect",
    "pivot",
    "retry",
    "timeouts",
    "on_failure",
    "priority",
];
pub(super) const COMPENSATE: [&str; 4] = ["action", "input", "retry", "timeouts"];
const PLANNED: [&str; 6] = [
    "for_each",
    "as",
    "max_parallel",
    "wait_for",
    "sleep",
    "saga",
];
const OTHER_KINDS: [&str; 3] = ["wait_for", "sleep", "saga"];
const FALLBACKS: [&str; 7] = [
    "fallback",
    "action",
    "input",
    "compensate",
    "retry",
    "timeouts",
    "last_good",
];

/// Reads one step.
pub(super) fn lower(
    node: &Node,
    defaults: &Defaults,
    report: &mut Report<'_>,
) -> Option<DraftStep> {
    let fields = Fields::read(node, "a step", &KNOWN, &PLANNED, report)?;
    let start = report.span(node.span.start, node.span.start + 1);
    let span = fields.get("id").map_or(start, |entry| entry.value.span);
    let id = fields
        .require("id", span, report)
        .and_then(|entry| id(entry, report));
    let action = match fields.get("action") {
        None if fields.has_any(&OTHER_KINDS) => None,
        _ => fields
            .require("action", span, report)
            .and_then(|entry| action(entry, report)),
    };
    let (mut uses, mut when_uses, mut compensate_uses) = (Vec::new(), Vec::new(), Vec::new());
    let input = input(fields.get("input"), &mut uses, report);
    let when = fields
        .get("when")
        .and_then(|entry| interpolation::expression(&entry.value, &mut when_uses, report));
    let (retry, timeouts) = policy::both(&fields, defaults, report);
    let mut flag = |name: &str| {
        let entry = fields.get(name)?;
        Some((fields::boolean(entry, report)?, entry.key_span))
    };
    let (no_effect, pivot) = (flag("no_effect"), flag("pivot"));
    Some(DraftStep {
        id,
        refused: fields.has_any(&OTHER_KINDS),
        span,
        action,
        input,
        when,
        when_span: fields.get("when").map(|entry| entry.key_span),
        uses,
        when_uses,
        depends_on: fields
            .get("depends_on")
            .and_then(|entry| depends_on(entry, report)),
        compensate: compensate(
            fields.get("compensate"),
            defaults,
            &mut compensate_uses,
            report,
        ),
        compensate_uses,
        because: fields
            .get("because")
            .and_then(|entry| Some((fields::text(entry, report)?.to_owned(), entry.key_span))),
        no_effect,
        pivot,
        retry,
        timeouts,
        on_failure: fields
            .get("on_failure")
            .and_then(|entry| Some((on_failure(&entry.value, report)?, entry.value.span))),
        priority: fields
            .get("priority")
            .and_then(|entry| fields::count(entry, PRIORITY_MAX, report))
            .and_then(|priority| u8::try_from(priority).ok()),
    })
}

fn id(entry: &Entry, report: &mut Report<'_>) -> Option<String> {
    let id = fields::text(entry, report)?;
    if ["input", "saga", "steps"].contains(&id) {
        report.error_with(
            Code::BadStepId,
            entry.value.span,
            format!("`{id}` has a meaning of its own in expressions"),
            "choose another id",
        );
        return Some(id.to_owned());
    }
    let shape = id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if shape && id.len() <= NAME_BYTES_MAX {
        return Some(id.to_owned());
    }
    report.error_with(
        Code::BadStepId,
        entry.value.span,
        format!("`{}` cannot name a step", shortened(id)),
        format!(
            "use letters, digits and `_`, a lower-case letter first, at most {NAME_BYTES_MAX}; \
             a dash would read as minus in an expression"
        ),
    );
    Some(id.to_owned())
}

fn action(entry: &Entry, report: &mut Report<'_>) -> Option<ActionName> {
    let text = fields::text(entry, report)?;
    match text.parse() {
        Ok(action) => Some(action),
        Err(_) => {
            report.error_with(
                Code::BadAction,
                entry.value.span,
                format!("`{}` is not an action", shortened(text)),
                "write pool.operation, each of letters, digits, `_` and `-`",
            );
            None
        }
    }
}

fn input(entry: Option<&Entry>, uses: &mut Vec<Use>, report: &mut Report<'_>) -> Template {
    match entry {
        Some(entry) => interpolation::template(&entry.value, uses, report),
        None => Template::new(TemplateNode::Object(Vec::new())),
    }
}

fn depends_on(entry: &Entry, report: &mut Report<'_>) -> Option<Vec<(String, Span)>> {
    let mut names = Vec::new();
    for node in fields::list(entry, report)? {
        match node.scalar() {
            Some(scalar) if !node.is_null() => names.push((scalar.text.clone(), node.span)),
            _ => fields::wrong_type(node, "`depends_on` lists ids of steps", report),
        }
    }
    Some(names)
}

fn compensate(
    entry: Option<&Entry>,
    defaults: &Defaults,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> DraftCompensate {
    let Some(entry) = entry else {
        return DraftCompensate::Absent;
    };
    let at = entry.key_span;
    if let Some(scalar) = entry.value.scalar() {
        if scalar.text == "none" {
            return DraftCompensate::Nothing(at);
        }
        report.error_with(
            Code::WrongType,
            entry.value.span,
            "`compensate` must be a mapping or `none`",
            "write `compensate: { action: pool.operation }`, or `none` and `because`",
        );
        return DraftCompensate::Undo(None, at);
    }
    let Some(fields) = Fields::read(&entry.value, "`compensate`", &COMPENSATE, &[], report) else {
        return DraftCompensate::Undo(None, at);
    };
    let action = fields
        .require("action", at, report)
        .and_then(|entry| action(entry, report));
    let input = input(fields.get("input"), uses, report);
    let (retry, timeouts) = policy::both(&fields, defaults, report);
    let undo = action.map(|action| {
        Box::new(Compensation {
            action,
            input,
            retry,
            timeouts,
        })
    });
    DraftCompensate::Undo(undo, at)
}

fn on_failure(node: &Node, report: &mut Report<'_>) -> Option<OnFailure> {
    match &node.content {
        Content::Scalar(scalar) => match scalar.text.as_str() {
            "compensate" => Some(OnFailure::Compensate),
            "pause" => Some(OnFailure::Pause),
            "continue" => Some(OnFailure::Continue),
            "fallback" => {
                not_supported("fallback", node.span, report);
                None
            }
            other => {
                report.error_with(
                    Code::WrongType,
                    node.span,
                    format!("`{}` is no way to handle a failure", shortened(other)),
                    "write compensate, pause, continue or { output: … }",
                );
                None
            }
        },
        Content::Mapping(_) => {
            let fields = Fields::read(node, "`on_failure`", &["output"], &FALLBACKS, report)?;
            if fields.has_any(&FALLBACKS) {
                return None;
            }
            let entry = fields.require("output", node.span, report)?;
            interpolation::refuse(&entry.value, "the output of a fallback", report);
            Some(OnFailure::FallbackOutput(entry.value.to_json()))
        }
        Content::List(_) => {
            fields::wrong_type(
                node,
                "`on_failure` must be one word or { output: … }",
                report,
            );
            None
        }
    }
}
