//! Whether a payload may start a saga, and under which key.

use std::fmt;

use serde_json::Value;

use super::model::Definition;
use crate::expression::View;
use crate::input::StepError;
use crate::schema::Violation;

/// Longest business key, in bytes.
pub const KEY_BYTES_MAX: usize = 200;

/// A payload that may start a saga.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The business key, when the definition has one.
    pub key: Option<String>,
}

/// A payload that may not start a saga.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InputRefused {
    /// The saga it was meant for, with its version.
    pub definition: String,
    /// Everything that is wrong with it.
    pub violations: Vec<Violation>,
}

impl fmt::Display for InputRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the input does not fit saga {}", self.definition)?;
        for (index, violation) in self.violations.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            match violation.pointer.as_str() {
                "" => f.write_str(&violation.message)?,
                pointer => write!(f, "{pointer}: {}", violation.message)?,
            }
        }
        Ok(())
    }
}

impl Definition {
    /// Checks a start payload against the input schema and computes the business key.
    ///
    /// # Errors
    /// Every place where the payload does not match, or why there is no key.
    pub fn accept(&self, input: &Value) -> Result<Accepted, InputRefused> {
        let refused = |violations| InputRefused {
            definition: self.reference.to_string(),
            violations,
        };
        let violations = self.input_schema.as_ref().map(|schema| schema.check(input));
        match violations {
            Some(violations) if !violations.is_empty() => return Err(refused(violations)),
            _ => {}
        }
        let key = self.business_key(input).map_err(|message| {
            refused(vec![Violation {
                pointer: String::new(),
                message,
            }])
        })?;
        Ok(Accepted { key })
    }

    /// Checks what a step starts a child saga with. `pivot` says whether the step is one of no
    /// return, as a child with such a step makes it one.
    ///
    /// # Errors
    /// Why it cannot run; the step has failed without effect.
    pub fn accept_as_child(&self, input: &Value, pivot: bool) -> Result<Accepted, StepError> {
        if self.has_pivot() && !pivot {
            let message = format!(
                "{} has a point of no return, so the step that runs it must say `pivot: true`",
                self.reference
            );
            return Err(StepError::new("child_has_pivot", message));
        }
        let refused = |refused: InputRefused| StepError::new("bad_input", refused.to_string());
        self.accept(input).map_err(refused)
    }

    fn business_key(&self, input: &Value) -> Result<Option<String>, String> {
        let Some(template) = &self.key else {
            return Ok(None);
        };
        let value = template
            .render_with(View::Input(input))
            .map_err(|error| error.to_string())?;
        let key = match value {
            Value::String(text) => text,
            Value::Bool(truth) => truth.to_string(),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            Value::Number(_) | Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err("the key must be text, a whole number or a boolean".to_owned());
            }
        };
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(format!(
                "the key must be 1 to {KEY_BYTES_MAX} bytes, it is {}",
                key.len()
            ));
        }
        Ok(Some(key))
    }
}
