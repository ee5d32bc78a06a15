//! A definition as far as it could be read, before it is proved.

use std::collections::BTreeMap;
use std::time::Duration;

use semver::Version;

use super::diagnostic::Span;
use super::interpolation::Use;
use crate::definition::{Compensation, OnFailure, RetryPolicy, Timeouts};
use crate::expression::{Expression, Template};
use crate::ids::ActionName;
use crate::schema::Schema;

/// The file, read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: Option<String>,
    pub(super) version: Option<Version>,
    pub(super) description: Option<String>,
    pub(super) key: Option<Template>,
    pub(super) key_uses: Vec<Use>,
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
    /// It waits, sleeps or runs a child, which is refused; nothing more is to be said about it.
    pub(super) refused: bool,
    /// Where to point when the step as a whole is meant.
    pub(super) span: Span,
    pub(super) action: Option<ActionName>,
    pub(super) input: Template,
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
    pub(super) on_failure: Option<(OnFailure, Span)>,
    pub(super) priority: Option<u8>,
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
        self.no_effect.is_some_and(|(no_effect, _)| no_effect)
    }

    /// Whether those that depend on it may find it without an output.
    pub(super) fn may_be_passed_over(&self) -> bool {
        self.when.is_some() || matches!(self.on_failure, Some((OnFailure::Continue, _)))
    }

    pub(super) fn shown(&self) -> &str {
        self.id.as_deref().unwrap_or("?")
    }
}
