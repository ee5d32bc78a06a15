//! What an expression can see, and how computing it fails.

use serde_json::Value;

use crate::definition::Definition;
use crate::ids::{StepKey, StepName};
use crate::saga::Saga;
use crate::values::{ValueKey, Values};

/// Everything an expression can see.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// What the saga runs.
    pub definition: &'a Definition,
    /// Where it stands.
    pub saga: &'a Saga,
    /// Its data, as far as it is at hand.
    pub values: &'a Values,
    /// The element of a `for_each` step that it is computed for.
    pub element: Option<&'a StepKey>,
}

/// Which values an expression or template reads, known before it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// It reads the saga's input.
    pub input: bool,
    /// It reads the element of a `for_each` step.
    pub item: bool,
    /// It reads the outputs of these steps.
    pub outputs: Vec<StepName>,
}

impl Reads {
    pub(super) fn add(&mut self, other: &Self) {
        self.input |= other.input;
        self.item |= other.item;
        for step in &other.outputs {
            if !self.outputs.contains(step) {
                self.outputs.push(step.clone());
            }
        }
    }
}

/// Computing failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`${{{expression}}}` cannot be computed: {message}")]
pub struct EvalError {
    /// The expression's text.
    pub expression: String,
    /// What went wrong.
    pub message: String,
}

/// What evaluation reads from: a whole scope, or the input of a saga that does not exist yet.
#[derive(Debug, Clone, Copy)]
pub(crate) enum View<'a> {
    Scope(&'a Saga, &'a Values, Option<&'a StepKey>),
    Input(&'a Value),
}

impl<'a> From<&Scope<'a>> for View<'a> {
    fn from(scope: &Scope<'a>) -> Self {
        Self::Scope(scope.saga, scope.values, scope.element)
    }
}

impl<'a> View<'a> {
    pub(super) fn value(self, key: &ValueKey) -> Option<&'a Value> {
        match (self, key) {
            (Self::Scope(_, values, _), key) => values.get(key),
            (Self::Input(input), ValueKey::Input) => Some(input),
            (
                Self::Input(_),
                ValueKey::Output(_)
                | ValueKey::Result
                | ValueKey::Item(_)
                | ValueKey::Signal(_)
                | ValueKey::LastGood(..),
            ) => None,
        }
    }

    pub(super) const fn saga(self) -> Option<&'a Saga> {
        match self {
            Self::Scope(saga, _, _) => Some(saga),
            Self::Input(_) => None,
        }
    }

    /// The element that it is computed for.
    pub(super) const fn element(self) -> Option<&'a StepKey> {
        match self {
            Self::Scope(_, _, element) => element,
            Self::Input(_) => None,
        }
    }
}
