//! `${…}`: values computed from the saga's input and what its steps answered.

use serde_json::Value;

use crate::definition::Definition;
use crate::ids::StepName;
use crate::saga::Saga;
use crate::values::Values;

/// Everything an expression can see.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// What the saga runs.
    pub definition: &'a Definition,
    /// Where it stands.
    pub saga: &'a Saga,
    /// Its data, as far as it is at hand.
    pub values: &'a Values,
}

/// Which values an expression or template reads, known before it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// It reads the saga's input.
    pub input: bool,
    /// It reads the outputs of these steps.
    pub outputs: Vec<StepName>,
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

/// One compiled `${…}`.
#[derive(Debug)]
pub struct Expression {
    text: String,
    reads: Reads,
}

impl Expression {
    /// What it reads.
    #[must_use]
    pub const fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Its value in this scope.
    pub fn eval(&self, _scope: &Scope<'_>) -> Result<Value, EvalError> {
        Err(EvalError {
            expression: self.text.clone(),
            message: String::new(),
        })
    }

    /// Whether it computes true; any other value than true or false is an error.
    pub fn test(&self, _scope: &Scope<'_>) -> Result<bool, EvalError> {
        Err(EvalError {
            expression: self.text.clone(),
            message: String::new(),
        })
    }
}

/// A value with expressions in it.
#[derive(Debug)]
pub struct Template {
    reads: Reads,
}

impl Template {
    /// What it reads.
    #[must_use]
    pub const fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Its value in this scope.
    pub fn render(&self, _scope: &Scope<'_>) -> Result<Value, EvalError> {
        Ok(Value::Null)
    }
}
