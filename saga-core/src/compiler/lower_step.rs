//! The tree to a draft: one step.

use super::code::Code;
use super::diagnostic::{Report, Span};
use super::draft::{DraftCompensate, DraftStep, Shape};
use super::fields::{self, Fields, shortened};
use super::interpolation::{self, Use};
use super::lower::{Defaults, NAME_BYTES_MAX};
use super::lower_failure;
use super::lower_kind::{self, Kind};
use super::policy;
use super::tree::{Entry, Node};
use crate::definition::Compensation;
use crate::expression::{Template, TemplateNode};
use crate::ids::ActionName;

/// Highest `priority`.
pub const PRIORITY_MAX: u32 = 9;

/// Every field of a step.
pub(super) const KNOWN: [&str; 19] = [
    "id",
    "action",
    "wait_for",
    "sleep",
    "saga",
    "input",
    "when",
    "for_each",
    "as",
    "max_parallel",
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
/// Every field of a compensation.
pub(super) const COMPENSATE: [&str; 4] = ["action", "input", "retry", "timeouts"];

/// Reads one step.
pub(super) fn lower(
    node: &Node,
    defaults: &Defaults,
    report: &mut Report<'_>,
) -> Option<DraftStep> {
    let fields = Fields::read(node, "a step", &KNOWN, report)?;
    let start = report.span(node.span.start, node.span.start + 1);
    let span = fields.get("id").map_or(start, |entry| entry.value.span);
    let id = fields
        .require("id", span, report)
        .and_then(|entry| id(entry, report));
    let (mut uses, mut each_uses) = (Vec::new(), Vec::new());
    let (mut when_uses, mut compensate_uses) = (Vec::new(), Vec::new());
    let for_each = lower_kind::for_each(&fields, &mut each_uses, report);
    let item = for_each
        .as_ref()
        .map(|each| std::sync::Arc::clone(&each.name));
    let item = item.as_deref();
    let Kind { shape, kind, lasts } = lower_kind::kind(&fields, item, span, &mut uses, report);
    let when = fields
        .get("when")
        .and_then(|entry| interpolation::expression(entry, &mut when_uses, report));
    let unused = Defaults::default();
    let base = match shape {
        Shape::Action | Shape::Unclear => defaults,
        Shape::Wait | Shape::Sleep | Shape::Saga => &unused,
    };
    let (retry, timeouts) = policy::both(&fields, base, report);
    let compensate = compensate(&fields, defaults, item, &mut compensate_uses, report);
    Some(DraftStep {
        id,
        span,
        shape,
        kind,
        lasts,
        for_each,
        for_each_uses: each_uses,
        for_each_span: fields.get("for_each").map(|entry| entry.key_span),
        when,
        when_span: fields.get("when").map(|entry| entry.key_span),
        uses,
        when_uses,
        depends_on: fields
            .get("depends_on")
            .and_then(|entry| depends_on(entry, report)),
        compensate,
        compensate_uses,
        because: because(&fields, report),
        no_effect: flag(&fields, "no_effect", report),
        pivot: flag(&fields, "pivot", report),
        retry,
        timeouts,
        on_failure: fields.get("on_failure").and_then(|entry| {
            let on_failure = lower_failure::on_failure(&entry.value, defaults, item, report)?;
            Some((on_failure, entry.value.span))
        }),
        priority: fields
            .get("priority")
            .and_then(|entry| fields::count(entry, PRIORITY_MAX, report))
            .and_then(|priority| u8::try_from(priority).ok()),
    })
}

pub(super) fn flag(
    fields: &Fields<'_>,
    name: &str,
    report: &mut Report<'_>,
) -> Option<(bool, Span)> {
    let entry = fields.get(name)?;
    Some((fields::boolean(entry, report)?, entry.key_span))
}

pub(super) fn because(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<(String, Span)> {
    let entry = fields.get("because")?;
    Some((fields::text(entry, report)?.to_owned(), entry.key_span))
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

pub(super) fn action(entry: &Entry, report: &mut Report<'_>) -> Option<ActionName> {
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

/// What a worker or a child saga is given.
pub(super) fn input(
    fields: &Fields<'_>,
    item: Option<&str>,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> Template {
    match fields.get("input") {
        Some(entry) => interpolation::template(&entry.value, item, uses, report),
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

/// How a step, or its fallback, is undone.
pub(super) fn compensate(
    fields: &Fields<'_>,
    defaults: &Defaults,
    item: Option<&str>,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> DraftCompensate {
    let Some(entry) = fields.get("compensate") else {
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
    let Some(fields) = Fields::read(&entry.value, "`compensate`", &COMPENSATE, report) else {
        return DraftCompensate::Undo(None, at);
    };
    let action = fields
        .require("action", at, report)
        .and_then(|entry| action(entry, report));
    let input = input(&fields, item, uses, report);
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
