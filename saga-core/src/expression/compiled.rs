//! One compiled `${…}`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::cel::{self, Program};
use super::limits::Problem;
use super::path::{Path, kind};
use super::references::{self, Reference, ReferenceRoot};
use super::scope::{EvalError, Reads, Scope, View};
use crate::ids::StepName;

/// One compiled `${…}`.
#[derive(Debug)]
pub struct Expression {
    text: String,
    reads: Reads,
    code: Code,
}

#[derive(Debug)]
enum Code {
    /// Nothing but fields of fields: no evaluator is needed.
    Path(Path),
    Program(Box<Program>),
}

impl Expression {
    /// Compiles the text between `${` and `}`, and says what it refers to. `item` is what a
    /// `for_each` step calls its element.
    pub(crate) fn compile(
        text: &str,
        item: Option<&str>,
    ) -> Result<(Self, BTreeSet<Reference>), Problem> {
        let expr = cel::parse(text)?;
        let references = references::collect(text, &expr, item)?;
        let path = match (references::chain(&expr), references.first()) {
            (Some((_, false)), Some(reference)) => Some(Path::new(reference)),
            _ => None,
        };
        let code = match path {
            Some(path) => Code::Path(path),
            None => Code::Program(Box::new(Program::new(expr, &references))),
        };
        let mut reads = Reads::default();
        for reference in &references {
            reads.add(&Reads {
                input: reference.root == ReferenceRoot::Input,
                item: matches!(reference.root, ReferenceRoot::Item(_)),
                outputs: reference
                    .root
                    .output_of()
                    .map(StepName::new)
                    .into_iter()
                    .collect(),
            });
        }
        Ok((
            Self {
                text: text.trim().to_owned(),
                reads,
                code,
            },
            references,
        ))
    }

    /// What it reads.
    #[must_use]
    pub const fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Its text, without `${` and `}`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its value in this scope.
    pub fn eval(&self, scope: &Scope<'_>) -> Result<Value, EvalError> {
        self.find(View::from(scope)).map(Cow::into_owned)
    }

    /// Whether it computes true; any other value than true or false is an error.
    pub fn test(&self, scope: &Scope<'_>) -> Result<bool, EvalError> {
        let value = self.find(View::from(scope))?;
        value
            .as_bool()
            .ok_or_else(|| self.error(format!("it is {}, not true or false", kind(&value))))
    }

    /// Its value, borrowed where it is stored as it is.
    pub(super) fn find<'a>(&self, view: View<'a>) -> Result<Cow<'a, Value>, EvalError> {
        match &self.code {
            Code::Path(path) => path.find(view),
            Code::Program(program) => program.run(view).map(Cow::Owned),
        }
        .map_err(|message| self.error(message))
    }

    fn error(&self, message: String) -> EvalError {
        EvalError {
            expression: self.text.clone(),
            message,
        }
    }

    /// The same expression with the evaluator in the place of the fast path.
    #[cfg(test)]
    pub(super) fn compile_slow(text: &str) -> Result<Self, Problem> {
        let expr = cel::parse(text)?;
        let references = references::collect(text, &expr, None)?;
        let code = Code::Program(Box::new(Program::new(expr, &references)));
        Ok(Self {
            text: text.to_owned(),
            reads: Reads::default(),
            code,
        })
    }
}
