//! Reading mappings and scalars, with the complaints people need.

use std::time::Duration;

use super::code::Code;
use super::diagnostic::{Report, Span};
use super::suggest::closest;
use super::tree::{Content, Entry, Meaning, Node, Scalar};
use crate::time::parse_span;

/// Longest span of time a definition may name: ten years.
pub const SPAN_MAX: Duration = Duration::from_hours(24 * 3650);

/// The fields of one mapping.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    entries: &'n [Entry],
    /// Fields that were most likely meant by unknown ones; they are not missing as well.
    meant: Vec<String>,
}

impl<'n> Fields<'n> {
    /// The fields of a mapping. Names that are not known are reported.
    pub(super) fn read(
        node: &'n Node,
        what: &str,
        known: &[&str],
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let Content::Mapping(entries) = &node.content else {
            wrong_type(node, &format!("{what} must be a mapping"), report);
            return None;
        };
        let mut meant = Vec::new();
        for entry in entries {
            if report.is_full() {
                break;
            }
            let key = entry.key.as_str();
            if known.contains(&key) {
                continue;
            }
            let message = format!("{what} has no field `{key}`");
            let free = known
                .iter()
                .copied()
                .filter(|name| entries.iter().all(|e| e.key != *name));
            let help = match closest(key, free) {
                Some(close) => {
                    meant.push(close.to_owned());
                    format!("did you mean `{close}`?")
                }
                None => format!("its fields are {}", known.join(", ")),
            };
            report.error_with(Code::UnknownField, entry.key_span, message, help);
        }
        Some(Self { entries, meant })
    }

    pub(super) fn get(&self, name: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == name)
    }

    /// The field, or a complaint at `at` that it is missing.
    pub(super) fn require(
        &self,
        name: &str,
        at: Span,
        report: &mut Report<'_>,
    ) -> Option<&'n Entry> {
        let entry = self.get(name);
        if entry.is_none() && !self.meant.iter().any(|meant| meant == name) {
            report.error(Code::MissingField, at, format!("`{name}` is missing"));
        }
        entry
    }
}

pub(super) fn wrong_type(node: &Node, expected: &str, report: &mut Report<'_>) {
    report.error(
        Code::WrongType,
        node.span,
        format!("{expected}, this is {}", node.kind()),
    );
}

/// Text. Scalars that look like numbers are text here as well.
pub(super) fn text<'n>(entry: &'n Entry, report: &mut Report<'_>) -> Option<&'n str> {
    match entry.value.scalar() {
        Some(scalar) if !entry.value.is_null() => Some(&scalar.text),
        _ => {
            wrong_type(
                &entry.value,
                &format!("`{}` must be text", entry.key),
                report,
            );
            None
        }
    }
}

pub(super) fn boolean(entry: &Entry, report: &mut Report<'_>) -> Option<bool> {
    let scalar = entry.value.scalar();
    match scalar.map(|scalar| (scalar, scalar.meaning())) {
        Some((_, Meaning::Bool(truth))) => Some(truth),
        Some((scalar, _)) if scalar.is_yes_no() => {
            let means = ["yes", "on", "y"]
                .iter()
                .any(|word| word.eq_ignore_ascii_case(&scalar.text));
            report.error_with(
                Code::YesNo,
                entry.value.span,
                format!("`{}` is not a boolean in YAML 1.2, it is text", scalar.text),
                format!("write `{}: {means}`", entry.key),
            );
            Some(means)
        }
        _ => {
            wrong_type(
                &entry.value,
                &format!("`{}` must be true or false", entry.key),
                report,
            );
            None
        }
    }
}

/// A span of time above zero and up to [`SPAN_MAX`].
pub(super) fn span(entry: &Entry, report: &mut Report<'_>) -> Option<Duration> {
    let scalar = match entry.value.scalar() {
        Some(scalar) if !entry.value.is_null() => scalar,
        _ => {
            wrong_type(
                &entry.value,
                &format!("`{}` must be a duration", entry.key),
                report,
            );
            return None;
        }
    };
    match parse_span(&scalar.text) {
        Ok(span) if span.is_zero() || span > SPAN_MAX => {
            report.error_with(
                Code::SpanOutOfRange,
                entry.value.span,
                format!("`{}` must be longer than 0s and at most 3650d", entry.key),
                "leave the field away for no limit",
            );
            None
        }
        Ok(span) => Some(span),
        Err(message) => {
            report.error_with(
                Code::BadDuration,
                entry.value.span,
                format!("`{}` is not a duration", shortened(&scalar.text)),
                message.split_once("; ").map_or("", |(_, help)| help),
            );
            None
        }
    }
}

/// A whole number from 0 to `highest`.
pub(super) fn count(entry: &Entry, highest: u32, report: &mut Report<'_>) -> Option<u32> {
    let Some(Meaning::Number(number)) = entry.value.scalar().map(Scalar::meaning) else {
        wrong_type(
            &entry.value,
            &format!("`{}` must be a whole number", entry.key),
            report,
        );
        return None;
    };
    let count = number.as_u64().and_then(|count| u32::try_from(count).ok());
    let count = count.filter(|count| *count <= highest);
    if count.is_none() {
        let message = format!("`{}` must be a whole number from 0 to {highest}", entry.key);
        report.error(Code::OutOfRange, entry.value.span, message);
    }
    count
}

pub(super) fn float(entry: &Entry, report: &mut Report<'_>) -> Option<f64> {
    let number = match entry.value.scalar().map(|scalar| scalar.meaning()) {
        Some(Meaning::Number(number)) => number.as_f64(),
        _ => None,
    };
    if number.is_none() {
        wrong_type(
            &entry.value,
            &format!("`{}` must be a number", entry.key),
            report,
        );
    }
    number
}

pub(super) fn list<'n>(entry: &'n Entry, report: &mut Report<'_>) -> Option<&'n [Node]> {
    match &entry.value.content {
        Content::List(nodes) => Some(nodes),
        Content::Scalar(_) | Content::Mapping(_) => {
            wrong_type(
                &entry.value,
                &format!("`{}` must be a list", entry.key),
                report,
            );
            None
        }
    }
}

/// Text of a file inside a message.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}
