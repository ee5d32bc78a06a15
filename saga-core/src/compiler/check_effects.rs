//! The proof that everything that was done can be undone, or need not be.

use super::check_graph::Graph;
use super::code::Code;
use super::diagnostic::{Report, Span};
use super::draft::{DraftCompensate, DraftOnFailure, DraftStep, Shape};
use crate::definition::OnFailure;

/// Reports every step whose effect could be left behind, and every setting that does nothing.
pub(super) fn check(steps: &[DraftStep], graph: &Graph, report: &mut Report<'_>) {
    for (position, step) in steps.iter().enumerate() {
        inert(step, report);
        split_pivot(step, report);
        if graph.cyclic || step.shape == Shape::Unclear {
            continue;
        }
        let pivot = pivot_before(position, steps, graph);
        if let (true, Some(first)) = (step.is_pivot(), pivot) {
            report.error_with(
                Code::SecondPivot,
                step.pivot.map_or(step.span, |(_, span)| span),
                format!("`{}` comes after the pivot `{first}`", step.shown()),
                "a path has one point of no return; what follows it is retried until it succeeds",
            );
        }
        match pivot {
            Some(pivot) => after_pivot(step, pivot, report),
            None if step.is_pivot() => {
                at_pivot(step, report);
                certain_pivot(step, report);
            }
            None => {
                compensable(step, report);
                beside_pivot(position, steps, graph, report);
            }
        }
    }
}

/// The pivot that has certainly succeeded before this step starts.
pub(super) fn pivot_before<'s>(
    position: usize,
    steps: &'s [DraftStep],
    graph: &Graph,
) -> Option<&'s str> {
    steps
        .iter()
        .enumerate()
        .find(|(earlier, step)| step.is_pivot() && graph.is_before(*earlier, position))
        .map(|(_, step)| step.shown())
}

/// A point of no return is one moment.
fn split_pivot(step: &DraftStep, report: &mut Report<'_>) {
    if let (true, Some(span)) = (step.is_pivot(), step.for_each_span) {
        report.error_with(
            Code::SplitPivot,
            span,
            format!("the pivot `{}` is split into elements", step.shown()),
            "make a step of its own before or behind the elements the pivot",
        );
    }
}

fn inert(step: &DraftStep, report: &mut Report<'_>) {
    if let Some((_, span)) = step.because
        && !matches!(step.compensate, DraftCompensate::Nothing(_))
    {
        report.error_with(
            Code::Inert,
            span,
            "`because` does nothing without `compensate: none`",
            "it is the reason why a step cannot be undone",
        );
    }
    let Some((no_effect, at)) = step.no_effect else {
        return;
    };
    if !no_effect {
        report.error_with(
            Code::Inert,
            at,
            "`no_effect: false` does nothing",
            "a step has an effect unless it says `no_effect: true`",
        );
    } else if !matches!(step.compensate, DraftCompensate::Absent) {
        report.error_with(
            Code::Inert,
            at,
            format!("`{}` says both `no_effect` and `compensate`", step.shown()),
            "a step without an effect has nothing to undo; keep one of the two",
        );
    }
}

/// A step and its fallback; a saga that is a step undoes itself.
fn compensable(step: &DraftStep, report: &mut Report<'_>) {
    let name = format!("`{}`", step.shown());
    if step.shape != Shape::Saga {
        let declared = (
            &step.compensate,
            step.because.is_some(),
            step.has_no_effect(),
        );
        undone((&name, step.span), declared, report);
    }
    if let (Some(other), Some((_, span))) = (step.fallback(), &step.on_failure) {
        let no_effect = other.no_effect.is_some_and(|(no_effect, _)| no_effect);
        let declared = (&other.compensate, other.because.is_some(), no_effect);
        let name = format!("the fallback of {name}");
        undone((&name, *span), declared, report);
    }
}

fn undone(
    (name, span): (&str, Span),
    (compensate, because, no_effect): (&DraftCompensate, bool, bool),
    report: &mut Report<'_>,
) {
    match compensate {
        DraftCompensate::Absent if !no_effect => report.error_with(
            Code::NotCompensable,
            span,
            format!("nothing undoes {name}"),
            "add `compensate`, or `no_effect: true`, or `compensate: none` with `because`",
        ),
        DraftCompensate::Nothing(span) if !because => report.error_with(
            Code::MissingBecause,
            *span,
            format!("{name} cannot be undone, and nothing says why"),
            "add `because: <reason>`; it is shown wherever the effect remains",
        ),
        DraftCompensate::Absent | DraftCompensate::Nothing(_) | DraftCompensate::Undo(..) => {}
    }
}

fn at_pivot(step: &DraftStep, report: &mut Report<'_>) {
    for span in undos(step) {
        report.error_with(
            Code::CompensationAfterPivot,
            span,
            format!("the pivot `{}` is never undone", step.shown()),
            "take `compensate` away; once the pivot has succeeded the saga goes on to its end",
        );
    }
}

/// Where it is written how the step and its fallback are undone.
fn undos(step: &DraftStep) -> impl Iterator<Item = Span> {
    let fallback = step.fallback().map(|other| &other.compensate);
    [Some(&step.compensate), fallback]
        .into_iter()
        .flatten()
        .filter_map(|compensate| match compensate {
            DraftCompensate::Absent => None,
            DraftCompensate::Nothing(span) | DraftCompensate::Undo(_, span) => Some(*span),
        })
}

/// A pivot that was passed over has not happened, but what follows it would never be undone.
fn certain_pivot(step: &DraftStep, report: &mut Report<'_>) {
    let passes_over = match &step.on_failure {
        Some((
            DraftOnFailure::Plain(
                OnFailure::Continue | OnFailure::Output(_) | OnFailure::LastGood(_),
            ),
            span,
        )) => Some(*span),
        Some((DraftOnFailure::Plain(_) | DraftOnFailure::Fallback(_), _)) | None => None,
    };
    if let Some(span) = passes_over.or(step.when_span) {
        report.error_with(
            Code::PivotPassedOver,
            span,
            format!("the pivot `{}` could be passed over", step.shown()),
            "what follows a pivot relies on it: it must run, and succeed or fail the saga",
        );
    }
}

fn after_pivot(step: &DraftStep, pivot: &str, report: &mut Report<'_>) {
    for span in undos(step) {
        report.error_with(
            Code::CompensationAfterPivot,
            span,
            format!(
                "`{}` comes after the pivot `{pivot}` and is never undone",
                step.shown()
            ),
            "take `compensate` away; after the pivot steps are retried until they succeed",
        );
    }
    if let Some((DraftOnFailure::Plain(OnFailure::Compensate), span)) = &step.on_failure {
        report.error_with(
            Code::UnwindAfterPivot,
            *span,
            format!("after the pivot `{pivot}` nothing is undone"),
            "write pause or continue, or leave it away: the saga pauses",
        );
    }
}

fn beside_pivot(position: usize, steps: &[DraftStep], graph: &Graph, report: &mut Report<'_>) {
    let beside = steps.iter().enumerate().find(|(other, pivot)| {
        pivot.is_pivot() && *other != position && !graph.is_before(position, *other)
    });
    let step = &steps[position];
    if let Some((_, pivot)) = beside {
        report.warning(
            Code::BesidePivot,
            step.span,
            format!(
                "`{}` may still run when the pivot `{}` succeeds",
                step.shown(),
                pivot.shown()
            ),
            "its failure can then only pause the saga; let the pivot depend on it",
        );
    }
}
