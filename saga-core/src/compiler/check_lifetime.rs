//! Time limits of the whole saga against each other.

use super::code::Code;
use super::compile::MAX_LIFETIME_DEFAULT;
use super::diagnostic::Report;
use super::draft::Draft;
use crate::time::format_span;

/// A deadline, or the end of a wait, that the saga cannot live to see is reported.
pub(super) fn check(draft: &Draft, report: &mut Report<'_>) {
    let lifetime = draft
        .max_lifetime
        .map_or(MAX_LIFETIME_DEFAULT, |(span, _)| span);
    if let Some((deadline, at)) = draft.deadline
        && deadline > lifetime
    {
        report.error_with(
            Code::DeadlineAfterLifetime,
            at,
            format!(
                "deadline, {}, is longer than max_lifetime, {}",
                format_span(deadline),
                format_span(lifetime)
            ),
            "the saga would rest paused before its deadline could pass",
        );
    }
    for step in &draft.steps {
        if let Some((lasts, at)) = step.lasts
            && lasts > lifetime
        {
            report.error_with(
                Code::WaitAfterLifetime,
                at,
                format!(
                    "`{}` may wait {}, longer than max_lifetime, {}",
                    step.shown(),
                    format_span(lasts),
                    format_span(lifetime)
                ),
                "the saga would rest paused before the wait could end",
            );
        }
    }
}
