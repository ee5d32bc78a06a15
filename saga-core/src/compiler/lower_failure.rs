//! The tree to a draft: what happens when a step has failed for good.

use super::code::Code;
use super::diagnostic::Report;
use super::draft::{DraftFallback, DraftOnFailure};
use super::fields::{self, Fields, shortened};
use super::interpolation;
use super::lower::Defaults;
use super::lower_step;
use super::policy;
use super::suggest::closest;
use super::tree::{Content, Node};
use crate::definition::{Call, OnFailure, StepKind};

/// The one-word forms.
pub(super) const WORDS: [&str; 3] = ["compensate", "pause", "continue"];

/// The fields of the mapping forms: an output, the last good output, or another action.
pub(super) const KNOWN: [&str; 9] = [
    "output",
    "last_good",
    "action",
    "input",
    "compensate",
    "because",
    "no_effect",
    "retry",
    "timeouts",
];

pub(super) fn on_failure(
    node: &Node,
    defaults: &Defaults,
    item: Option<&str>,
    report: &mut Report<'_>,
) -> Option<DraftOnFailure> {
    let plain = |on_failure| Some(DraftOnFailure::Plain(on_failure));
    match &node.content {
        Content::Scalar(scalar) => match scalar.text.as_str() {
            "compensate" => plain(OnFailure::Compensate),
            "pause" => plain(OnFailure::Pause),
            "continue" => plain(OnFailure::Continue),
            other => {
                let help = match closest(other, WORDS) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => "write compensate, pause, continue, { output: … }, { last_good: … } \
                             or { action: … }"
                        .to_owned(),
                };
                let message = format!("`{}` is no way to handle a failure", shortened(other));
                report.error_with(Code::WrongType, node.span, message, help);
                None
            }
        },
        Content::Mapping(_) => {
            let fields = Fields::read(node, "`on_failure`", &KNOWN, report)?;
            one_form(&fields, node, report);
            if let Some(entry) = fields.get("output") {
                interpolation::refuse(&entry.value, "the output of a fallback", report);
                return plain(OnFailure::Output(entry.value.to_json()));
            }
            if let Some(entry) = fields.get("last_good") {
                return plain(OnFailure::LastGood(fields::span(entry, report)?));
            }
            Some(DraftOnFailure::Fallback(Box::new(fallback(
                &fields, node, defaults, item, report,
            ))))
        }
        Content::List(_) => {
            fields::wrong_type(node, "`on_failure` must be one word or a mapping", report);
            None
        }
    }
}

/// An output and the last good one say everything; only another action has more fields.
fn one_form(fields: &Fields<'_>, node: &Node, report: &mut Report<'_>) {
    let Content::Mapping(entries) = &node.content else {
        return;
    };
    let Some(form) = ["output", "last_good"]
        .into_iter()
        .find(|form| fields.get(form).is_some())
    else {
        return;
    };
    for entry in entries.iter().filter(|entry| entry.key != form) {
        if KNOWN.contains(&entry.key.as_str()) {
            report.error_with(
                Code::Inert,
                entry.key_span,
                format!("`{}` does nothing beside `{form}`", entry.key),
                "a failure leads to one thing: an output, the last good one, or another action",
            );
        }
    }
}

fn fallback(
    fields: &Fields<'_>,
    node: &Node,
    defaults: &Defaults,
    item: Option<&str>,
    report: &mut Report<'_>,
) -> DraftFallback {
    let (mut uses, mut compensate_uses) = (Vec::new(), Vec::new());
    let action = fields
        .require("action", node.span, report)
        .and_then(|entry| lower_step::action(entry, report));
    let input = lower_step::input(fields, item, &mut uses, report);
    let (retry, timeouts) = policy::both(fields, defaults, report);
    let compensate = lower_step::compensate(fields, defaults, item, &mut compensate_uses, report);
    DraftFallback {
        kind: action.map(|action| StepKind::Action(Call { action, input })),
        uses,
        compensate,
        compensate_uses,
        because: lower_step::because(fields, report),
        no_effect: lower_step::flag(fields, "no_effect", report),
        retry,
        timeouts,
    }
}
