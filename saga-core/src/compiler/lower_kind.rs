//! The tree to a draft: which kind of step it is, and whether it runs once for each element.

use std::sync::Arc;
use std::time::Duration;

use super::code::Code;
use super::diagnostic::{Report, Span};
use super::draft::Shape;
use super::fields::{self, Fields, shortened};
use super::interpolation::{self, Use};
use super::lower::{self, NAME_BYTES_MAX};
use super::lower_step;
use super::tree::{Content, Entry, Node};
use crate::definition::{Call, Child, ForEach, OnTimeout, StepKind, Wait};
use crate::expression::{Template, TemplateNode};
use crate::time::parse_span;

/// Most elements of one step under way at once.
pub const PARALLEL_MAX: u32 = 1000;

/// Elements under way at once where nothing is written.
const PARALLEL_DEFAULT: u32 = 10;

/// Longest name of a signal, in bytes.
pub const SIGNAL_NAME_BYTES_MAX: usize = 60;

/// The fields that say which kind of step it is.
pub(super) const KINDS: [&str; 4] = ["action", "wait_for", "sleep", "saga"];

/// The fields of `wait_for`.
pub(super) const WAIT: [&str; 3] = ["signal", "timeout", "on_timeout"];

/// The fields of `saga`.
pub(super) const SAGA: [&str; 3] = ["name", "version", "input"];

/// What a step that only waits cannot have.
const NOT_WAITING: [&str; 11] = [
    "input",
    "for_each",
    "as",
    "max_parallel",
    "compensate",
    "because",
    "no_effect",
    "pivot",
    "retry",
    "timeouts",
    "priority",
];

/// What a step that runs another saga cannot have.
const NOT_SAGA: [&str; 7] = [
    "input",
    "compensate",
    "because",
    "no_effect",
    "retry",
    "timeouts",
    "priority",
];

pub(super) struct Kind {
    pub(super) shape: Shape,
    pub(super) kind: Option<StepKind>,
    /// How long a wait lasts at most, and where that is written.
    pub(super) lasts: Option<(Duration, Span)>,
}

/// What the step does.
pub(super) fn kind(
    fields: &Fields<'_>,
    item: Option<&str>,
    span: Span,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> Kind {
    let written: Vec<&Entry> = KINDS.iter().filter_map(|name| fields.get(name)).collect();
    if let [first, second, ..] = written.as_slice() {
        report.error_with(
            Code::StepKinds,
            second.key_span,
            format!("the step has both `{}` and `{}`", first.key, second.key),
            "a step does one thing; make two steps of it",
        );
        let (shape, kind, lasts) = (Shape::Unclear, None, None);
        return Kind { shape, kind, lasts };
    }
    match written.first() {
        Some(entry) if entry.key == "wait_for" => wait(fields, entry, report),
        Some(entry) if entry.key == "sleep" => sleep(fields, entry, uses, report),
        Some(entry) if entry.key == "saga" => child(fields, entry, item, uses, report),
        Some(_) | None => action(fields, item, span, uses, report),
    }
}

fn action(
    fields: &Fields<'_>,
    item: Option<&str>,
    span: Span,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> Kind {
    let action = fields
        .require("action", span, report)
        .and_then(|entry| lower_step::action(entry, report));
    let input = lower_step::input(fields, item, uses, report);
    Kind {
        shape: Shape::Action,
        kind: action.map(|action| StepKind::Action(Call { action, input })),
        lasts: None,
    }
}

fn wait(fields: &Fields<'_>, entry: &Entry, report: &mut Report<'_>) -> Kind {
    inert(fields, &NOT_WAITING, "a step that waits", report);
    let read = read_wait(entry, report);
    let (wait, lasts) = read.unzip();
    Kind {
        shape: Shape::Wait,
        kind: wait.map(StepKind::Wait),
        lasts: lasts.flatten(),
    }
}

fn read_wait(entry: &Entry, report: &mut Report<'_>) -> Option<(Wait, Option<(Duration, Span)>)> {
    if let Some(scalar) = entry.value.scalar()
        && !entry.value.is_null()
    {
        let message = format!("`wait_for: {}` is a mapping", shortened(&scalar.text));
        let help = format!(
            "write `wait_for: {{ signal: {} }}`",
            shortened(&scalar.text)
        );
        report.error_with(Code::WrongType, entry.value.span, message, help);
        return None;
    }
    let fields = Fields::read(&entry.value, "`wait_for`", &WAIT, report)?;
    let signal = fields
        .require("signal", entry.key_span, report)
        .and_then(|entry| signal(entry, report));
    let timeout = fields
        .get("timeout")
        .and_then(|entry| Some((fields::span(entry, report)?, entry.value.span)));
    let on_timeout = fields.get("on_timeout");
    if let (Some(entry), None) = (on_timeout, fields.get("timeout")) {
        report.error_with(
            Code::Inert,
            entry.key_span,
            "`on_timeout` does nothing without `timeout`",
            "without a timeout the step waits until the signal comes",
        );
    }
    let on_timeout = on_timeout.and_then(|entry| read_on_timeout(&entry.value, report));
    let wait = Wait {
        signal: signal?,
        timeout: timeout.map(|(span, _)| span),
        on_timeout: on_timeout.unwrap_or(OnTimeout::Fail),
    };
    Some((wait, timeout))
}

fn signal(entry: &Entry, report: &mut Report<'_>) -> Option<Arc<str>> {
    let name = fields::text(entry, report)?;
    let shape = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if shape && name.len() <= SIGNAL_NAME_BYTES_MAX {
        return Some(Arc::from(name));
    }
    report.error_with(
        Code::BadSignalName,
        entry.value.span,
        format!("`{}` cannot name a signal", shortened(name)),
        format!(
            "use letters, digits, `_`, `-` and `.`, a letter first, at most {SIGNAL_NAME_BYTES_MAX}"
        ),
    );
    None
}

fn read_on_timeout(node: &Node, report: &mut Report<'_>) -> Option<OnTimeout> {
    match &node.content {
        Content::Scalar(scalar) if scalar.text == "fail" => Some(OnTimeout::Fail),
        Content::Scalar(scalar) if scalar.text == "continue" => {
            Some(OnTimeout::Output(serde_json::Value::Null))
        }
        Content::Mapping(_) => {
            let fields = Fields::read(node, "`on_timeout`", &["output"], report)?;
            let entry = fields.require("output", node.span, report)?;
            interpolation::refuse(&entry.value, "the output of a timeout", report);
            Some(OnTimeout::Output(entry.value.to_json()))
        }
        Content::Scalar(_) | Content::List(_) => {
            let expected = "`on_timeout` must be fail, continue or { output: … }";
            fields::wrong_type(node, expected, report);
            None
        }
    }
}

fn sleep(fields: &Fields<'_>, entry: &Entry, uses: &mut Vec<Use>, report: &mut Report<'_>) -> Kind {
    inert(fields, &NOT_WAITING, "a step that sleeps", report);
    let written = entry.value.scalar().map(|scalar| scalar.text.as_str());
    let computed = written.is_some_and(|text| text.contains("${"));
    let lasts = if computed {
        None
    } else {
        fields::span(entry, report).map(|span| (span, entry.value.span))
    };
    let template = match (written, computed) {
        (_, true) => Some(interpolation::template(&entry.value, None, uses, report)),
        // What was checked is kept as text, so that `90` and `90s` are not told apart later.
        (Some(text), false) if parse_span(text).is_ok() => {
            Some(Template::new(TemplateNode::Literal(text.into())))
        }
        (Some(_) | None, false) => None,
    };
    Kind {
        shape: Shape::Sleep,
        kind: template.map(StepKind::Sleep),
        lasts,
    }
}

fn child(
    fields: &Fields<'_>,
    entry: &Entry,
    item: Option<&str>,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> Kind {
    inert(fields, &NOT_SAGA, "a step that runs a saga", report);
    let child = Fields::read(&entry.value, "`saga`", &SAGA, report).and_then(|child| {
        let name = child
            .require("name", entry.key_span, report)
            .and_then(|entry| lower::name(entry, report));
        let version = child
            .get("version")
            .and_then(|entry| lower::version(entry, report));
        let input = lower_step::input(&child, item, uses, report);
        Some(Child {
            name: Arc::from(name?),
            version,
            input,
        })
    });
    Kind {
        shape: Shape::Saga,
        kind: child.map(StepKind::Saga),
        lasts: None,
    }
}

/// What is written although this kind of step would never look at it.
fn inert(fields: &Fields<'_>, names: &[&str], what: &str, report: &mut Report<'_>) {
    for entry in names.iter().filter_map(|name| fields.get(name)) {
        let help = match entry.key.as_str() {
            "input" => "what the saga is given goes into `saga: { name: …, input: … }`",
            "compensate" | "because" | "no_effect" if what.ends_with("saga") => {
                "the other saga undoes itself; leave it away"
            }
            "retry" | "timeouts" | "priority" if what.ends_with("saga") => {
                "the other saga's steps have their own; leave it away"
            }
            _ => "leave it away",
        };
        report.error_with(
            Code::Inert,
            entry.key_span,
            format!("`{}` does nothing in {what}", entry.key),
            help,
        );
    }
}

/// Whether the step runs once for each element of a list.
pub(super) fn for_each(
    fields: &Fields<'_>,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> Option<ForEach> {
    let Some(entry) = fields.get("for_each") else {
        for entry in ["as", "max_parallel"]
            .iter()
            .filter_map(|it| fields.get(it))
        {
            report.error_with(
                Code::Inert,
                entry.key_span,
                format!("`{}` does nothing without `for_each`", entry.key),
                "`for_each` computes the list that the step goes through",
            );
        }
        return None;
    };
    let items = interpolation::expression(entry, uses, report);
    let name = match fields.get("as") {
        Some(entry) => element_name(entry, report),
        None => Some(Arc::from("item")),
    };
    let max_parallel = match fields.get("max_parallel") {
        Some(entry) => fields::count(entry, PARALLEL_MAX, report).and_then(|count| {
            if count == 0 {
                let message = "with `max_parallel: 0` no element would ever run";
                report.error(Code::OutOfRange, entry.value.span, message);
            }
            (count > 0).then_some(count)
        }),
        None => Some(PARALLEL_DEFAULT),
    };
    Some(ForEach {
        items: items?,
        name: name?,
        max_parallel: max_parallel?,
    })
}

fn element_name(entry: &Entry, report: &mut Report<'_>) -> Option<Arc<str>> {
    let name = fields::text(entry, report)?;
    let shape = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if shape && name.len() <= NAME_BYTES_MAX && !["input", "saga", "steps"].contains(&name) {
        return Some(Arc::from(name));
    }
    report.error_with(
        Code::BadElementName,
        entry.value.span,
        format!("`{}` cannot name an element", shortened(name)),
        "use letters, digits and `_`, a lower-case letter first, such as `item`",
    );
    None
}
