//! The tree to a draft: what a start with a business key that is taken leads to.

use super::code::Code;
use super::diagnostic::Report;
use super::fields::{self, Fields, shortened};
use super::suggest::closest;
use crate::definition::{KeyConflict, KeyPolicy, KeyReuse};

pub(super) const REUSE: [(&str, KeyReuse); 3] = [
    ("allow_duplicate", KeyReuse::AllowDuplicate),
    (
        "allow_duplicate_failed_only",
        KeyReuse::AllowDuplicateFailedOnly,
    ),
    ("reject_duplicate", KeyReuse::RejectDuplicate),
];
pub(super) const CONFLICT: [(&str, KeyConflict); 2] = [
    ("use_existing", KeyConflict::UseExisting),
    ("fail", KeyConflict::Fail),
];

pub(super) fn policy(fields: &Fields<'_>, report: &mut Report<'_>) -> KeyPolicy {
    KeyPolicy {
        reuse: word(fields, "id_reuse_policy", &REUSE, report).unwrap_or_default(),
        conflict: word(fields, "id_conflict_policy", &CONFLICT, report).unwrap_or_default(),
    }
}

/// One of a few words, with what it means.
fn word<T: Copy>(
    fields: &Fields<'_>,
    name: &str,
    words: &[(&str, T)],
    report: &mut Report<'_>,
) -> Option<T> {
    let entry = fields.get(name)?;
    if fields.get("key").is_none() {
        report.error_with(
            Code::Inert,
            entry.key_span,
            format!("`{name}` does nothing without `key`"),
            "it says what becomes of a start whose business key is taken",
        );
    }
    let text = fields::text(entry, report)?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let help = match closest(text, all.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("write {}", all.join(" or ")),
        };
        let message = format!("`{name}` cannot be `{}`", shortened(text));
        report.error_with(Code::WrongType, entry.value.span, message, help);
    }
    found.map(|(_, meaning)| *meaning)
}
