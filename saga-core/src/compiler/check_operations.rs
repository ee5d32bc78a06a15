//! The definition against what workers can do, as the catalogue describes it.
//!
//! It walks the YAML itself, because a template no longer knows where its parts are written.

use super::check_input;
use super::code::Code;
use super::diagnostic::{Report, Span};
use super::draft::{Draft, DraftStep};
use super::interpolation::Use;
use super::suggest::closest;
use super::tree::{Content, Entry, Node};
use crate::catalogue::{Catalogue, Found, Operation, Shape};
use crate::expression::ReferenceRoot;
use crate::ids::ActionName;

/// Reports what the workers of this catalogue would not do, not take or not answer.
pub(super) fn check(root: &Node, draft: &Draft, catalogue: &Catalogue, report: &mut Report<'_>) {
    let steps = steps(root);
    let scope = Scope {
        draft,
        answers: steps
            .iter()
            .filter_map(|step| Some((step.id?, answer(step.node, catalogue)?)))
            .collect(),
    };
    let mut called = Vec::new();
    for step in &steps {
        let uses = step
            .id
            .and_then(|id| draft.steps.iter().find(|one| one.id.as_deref() == Some(id)))
            .map(uses_of)
            .unwrap_or_default();
        for call in calls(step.node) {
            if let Some(operation) = known(&call, catalogue, report) {
                if let Some(schema) = &operation.input {
                    check_input::check(&call, Shape(schema.source()), &scope, &uses, report);
                }
                error_codes(call.retry, &[operation], report);
                called.push(operation);
            }
        }
        for used in &uses {
            outputs(used, &scope, report);
        }
    }
    let defaults = root.field("defaults").and_then(|node| node.field("retry"));
    error_codes(defaults, &called, report);
    for used in draft.key_uses.iter().chain(&draft.output_uses) {
        outputs(used, &scope, report);
    }
}

/// What an expression can be told about.
pub(super) struct Scope<'d> {
    draft: &'d Draft,
    /// What the steps answer, where that is described.
    answers: Vec<(&'d str, Shape<'d>)>,
}

impl<'d> Scope<'d> {
    /// The schema of what a reference reads, where there is one.
    pub(super) fn shape_of(&self, root: &ReferenceRoot, fields: &[String]) -> Option<Shape<'d>> {
        let from = match root {
            ReferenceRoot::Input => Shape(self.draft.input_schema.as_ref()?.source()),
            ReferenceRoot::Output(step) => self.answer(step)?,
            ReferenceRoot::Item(_)
            | ReferenceRoot::Status(_)
            | ReferenceRoot::Error(_)
            | ReferenceRoot::SagaId
            | ReferenceRoot::SagaKey
            | ReferenceRoot::SagaStartedAt
            | ReferenceRoot::SagaLabels => return None,
        };
        match from.follow(fields) {
            Found::Known(schema, _) => Some(Shape(schema)),
            Found::Unknown(..) | Found::Open => None,
        }
    }

    fn answer(&self, step: &str) -> Option<Shape<'d>> {
        let found = self.answers.iter().find(|(id, _)| *id == step);
        found.map(|(_, shape)| *shape)
    }
}

/// One place where a worker is asked for something.
pub(super) struct Call<'n> {
    pub(super) action: &'n Entry,
    pub(super) input: Option<&'n Node>,
    retry: Option<&'n Node>,
    /// It undoes something.
    undo: bool,
}

pub(super) struct StepNode<'n> {
    pub(super) id: Option<&'n str>,
    pub(super) node: &'n Node,
}

pub(super) fn steps(root: &Node) -> Vec<StepNode<'_>> {
    let Some(Content::List(nodes)) = root.field("steps").map(|node| &node.content) else {
        return Vec::new();
    };
    nodes
        .iter()
        .map(|node| StepNode {
            id: node
                .field("id")
                .and_then(Node::scalar)
                .map(|scalar| scalar.text.as_str()),
            node,
        })
        .collect()
}

/// What a step answers: what its operation does, unless it runs once for each of many.
fn answer<'c>(step: &Node, catalogue: &'c Catalogue) -> Option<Shape<'c>> {
    let other = step
        .field("on_failure")
        .is_some_and(|node| node.field("action").is_some());
    // A list, or perhaps what another operation answered.
    if other || step.field("for_each").is_some() {
        return None;
    }
    let action: ActionName = step.field("action")?.scalar()?.text.parse().ok()?;
    let schema = catalogue.operation(&action)?.output.as_ref()?;
    Some(Shape(schema.source()))
}

/// The action of a step, its undo, and those of its fallback.
fn calls(step: &Node) -> Vec<Call<'_>> {
    let fallback = step.field("on_failure");
    let mut found = Vec::new();
    for holder in [Some(step), fallback].into_iter().flatten() {
        for (node, undo) in [(Some(holder), false), (holder.field("compensate"), true)] {
            let Some(node) = node else { continue };
            if let Some(action) = node.entry("action") {
                found.push(Call {
                    action,
                    input: node.field("input"),
                    retry: node.field("retry"),
                    undo,
                });
            }
        }
    }
    found
}

fn known<'c>(
    call: &Call<'_>,
    catalogue: &'c Catalogue,
    report: &mut Report<'_>,
) -> Option<&'c Operation> {
    let text = &call.action.value.scalar()?.text;
    let name: ActionName = text.parse().ok()?;
    let operation = catalogue.operation(&name);
    if operation.is_none() && !report.is_full() {
        let names = catalogue.iter().map(|(name, _)| name.as_str());
        let help = match closest(text, names) {
            Some(close) => format!("did you mean `{close}`?"),
            None => {
                let pool: Vec<&str> = catalogue
                    .iter()
                    .filter(|(one, _)| one.pool() == name.pool())
                    .map(|(one, _)| one.as_str())
                    .take(8)
                    .collect();
                if pool.is_empty() {
                    format!(
                        "describe it in the catalogue; it has no pool `{}`",
                        name.pool()
                    )
                } else {
                    format!("the pool `{}` has {}", name.pool(), pool.join(", "))
                }
            }
        };
        let what = if call.undo { "undo" } else { "operation" };
        let message = format!("the catalogue has no {what} `{text}`");
        report.error_with(
            Code::UnknownOperation,
            call.action.value.span,
            message,
            help,
        );
    }
    operation
}

/// Codes under `non_retryable_errors` that none of these operations fails with.
fn error_codes(retry: Option<&Node>, operations: &[&Operation], report: &mut Report<'_>) {
    let listed = retry.and_then(|retry| retry.field("non_retryable_errors"));
    let Some(Content::List(nodes)) = listed.map(|node| &node.content) else {
        return;
    };
    if operations.is_empty() {
        return;
    }
    for (text, span) in nodes
        .iter()
        .filter_map(|node| Some((&node.scalar()?.text, node.span)))
    {
        if operations.iter().any(|one| one.knows_error(text)) || report.is_full() {
            continue;
        }
        let codes = operations
            .iter()
            .filter_map(|operation| operation.errors.as_ref())
            .flat_map(|errors| errors.keys().map(String::as_str));
        let mut codes: Vec<&str> = codes.collect();
        codes.sort_unstable();
        codes.dedup();
        let help = match closest(text, codes.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None if codes.is_empty() => "it fails with no code of its own".to_owned(),
            None => format!("the codes are {}", codes.join(", ")),
        };
        let message = format!("no operation here fails with `{text}`");
        report.warning(Code::UnknownErrorCode, span, message, help);
    }
}

fn uses_of(step: &DraftStep) -> Vec<&Use> {
    let fallback = step.fallback();
    step.when_uses
        .iter()
        .chain(&step.for_each_uses)
        .chain(&step.uses)
        .chain(&step.compensate_uses)
        .chain(fallback.into_iter().flat_map(|one| &one.uses))
        .chain(fallback.into_iter().flat_map(|one| &one.compensate_uses))
        .collect()
}

/// A field of an output that the operation does not answer.
fn outputs(used: &Use, scope: &Scope<'_>, report: &mut Report<'_>) {
    let Some(step) = used.reference.root.output_of() else {
        return;
    };
    let Some(shape) = scope.answer(step).filter(|_| !report.is_full()) else {
        return;
    };
    let fields = &used.reference.fields;
    let path = |depth: usize| {
        let mut path = format!("steps.{step}.output");
        for field in &fields[..depth] {
            path.push('.');
            path.push_str(field);
        }
        path
    };
    match shape.follow(fields) {
        Found::Unknown(depth, names) => {
            let field = &fields[depth];
            let help = match closest(field, names.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None if names.is_empty() => "it has no fields".to_owned(),
                None => format!("its fields are {}", names.join(", ")),
            };
            let message = format!("`{}` has no field `{field}`", path(depth));
            let at = field_span(used, field, report);
            report.error_with(Code::UnknownOutputField, at, message, help);
        }
        Found::Known(_, Some(depth)) if !used.guarded => {
            let path = path(depth + 1);
            report.warning(
                Code::OptionalInput,
                used.span,
                format!("`{path}` may be missing: the operation does not always answer it"),
                format!("guard it: has({path}) ? … : …"),
            );
        }
        Found::Known(..) | Found::Open => {}
    }
}

/// The last place of the field inside the reference, so that the mark is on the slip alone.
fn field_span(used: &Use, field: &str, report: &Report<'_>) -> Span {
    let text = report.text(used.span);
    match text.rfind(field) {
        Some(at) => report.span(used.span.start + at, used.span.start + at + field.len()),
        None => used.span,
    }
}
