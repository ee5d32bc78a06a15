//! A definition as far as it could be read, before it is proved.

use std::collections::BTreeMap;
use std::time::Duration;

use semver::Version;

use super::diagnostic::Span;
use super::interpolation::Use;
use crate::definition::{
    Compensation, ForEach, KeyPolicy, OnFailure, RetryPolicy, StepKind, Timeouts,
};
use crate::expression::{Expression, Template};
use crate::schema::Schema;

/// The file, read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: Option<String>,
    pub(super) version: Option<Version>,
    pub(super) description: Option<String>,
    pub(super) key: Option<Template>,
    pub(super) key_uses: Vec<Use>,
    pub(super) key_policy: KeyPolicy,
    pub(super) deadline: Option<(Duration, Span)>,
    pub(super) max_lifetime: Option<(Duration, Span)>,
    pub(super) input_schema: Option<Schema>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) steps: Vec<DraftStep>,
    pub(super) output: Option<Template>,
    pub(super) output_uses: Vec<Use>,
}

/// One step, read.
#[derive(Debug)]
pub(super) struct DraftStep {
    /// As it is written, even when it is no proper id.
    pub(super) id: Option<String>,
    /// Where to point when the step as a whole is meant.
    pub(super) span: Span,
    pub(super) shape: Shape,
    /// `None` when it could not be read.
    pub(super) kind: Option<StepKind>,
    /// How long a wait or sleep lasts at most, where that is written, and where.
    pub(super) lasts: Option<(Duration, Span)>,
    pub(super) for_each: Option<ForEach>,
    pub(super) for_each_uses: Vec<Use>,
    /// `for_each` is written, whatever could be read of it.
    pub(super) for_each_span: Option<Span>,
    pub(super) when: Option<Expression>,
    pub(super) when_span: Option<Span>,
    pub(super) uses: Vec<Use>,
    pub(super) when_uses: Vec<Use>,
    /// `None` when nothing is written: then it follows the step before it.
    pub(super) depends_on: Option<Vec<(String, Span)>>,
    pub(super) compensate: DraftCompensate,
    pub(super) compensate_uses: Vec<Use>,
    pub(super) because: Option<(String, Span)>,
    pub(super) no_effect: Option<(bool, Span)>,
    pub(super) pivot: Option<(bool, Span)>,
    pub(super) retry: RetryPolicy,
    pub(super) timeouts: Timeouts,
    pub(super) on_failure: Option<(DraftOnFailure, Span)>,
    pub(super) priority: Option<u8>,
}

/// Which kind of step it is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Action,
    Wait,
    Sleep,
    Saga,
    /// Several kinds or none: reported, and nothing more is to be said about it.
    Unclear,
}

/// What `on_failure` says.
#[derive(Debug)]
pub(super) enum DraftOnFailure {
    Plain(OnFailure),
    /// `None` when its action could not be read.
    Fallback(Box<DraftFallback>),
}

/// What is done in the place of a failed step.
#[derive(Debug)]
pub(super) struct DraftFallback {
    pub(super) kind: Option<StepKind>,
    pub(super) uses: Vec<Use>,
    pub(super) compensate: DraftCompensate,
    pub(super) compensate_uses: Vec<Use>,
    pub(super) because: Option<(String, Span)>,
    pub(super) no_effect: Option<(bool, Span)>,
    pub(super) retry: RetryPolicy,
    pub(super) timeouts: Timeouts,
}

/// What `compensate` says.
#[derive(Debug)]
pub(super) enum DraftCompensate {
    Absent,
    /// `none`.
    Nothing(Span),
    /// An undo; without a compensation when it could not be read.
    Undo(Option<Box<Compensation>>, Span),
}

impl DraftStep {
    pub(super) fn is_pivot(&self) -> bool {
        self.pivot.is_some_and(|(pivot, _)| pivot)
    }

    pub(super) fn has_no_effect(&self) -> bool {
        self.no_effect.is_some_and(|(no_effect, _)| no_effect) || self.waits()
    }

    /// It only waits.
    pub(super) const fn waits(&self) -> bool {
        matches!(self.shape, Shape::Wait | Shape::Sleep)
    }

    pub(super) fn fallback(&self) -> Option<&DraftFallback> {
        match &self.on_failure {
            Some((DraftOnFailure::Fallback(fallback), _)) => Some(fallback),
            Some((DraftOnFailure::Plain(_), _)) | None => None,
        }
    }

    /// Whether those that depend on it may find it without an output.
    pub(super) fn may_be_passed_over(&self) -> bool {
        self.when.is_some()
            || matches!(
                self.on_failure,
                Some((DraftOnFailure::Plain(OnFailure::Continue), _))
            )
    }

    pub(super) fn shown(&self) -> &str {
        self.id.as_deref().unwrap_or("?")
    }
}
