//! JSON Schema (2020-12) of a saga's input.

use std::fmt;

use serde_json::Value;

/// A compiled JSON Schema.
pub struct Schema {
    source: Value,
    validator: jsonschema::Validator,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.source).finish()
    }
}

/// One place where a value does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer into the value, empty for the whole.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

/// More violations than this are not listed.
pub const VIOLATIONS_MAX: usize = 20;

impl Schema {
    /// Compiles a schema.
    ///
    /// Patterns run on an engine without backtracking, so that no payload can stall it.
    ///
    /// # Errors
    /// The place in the schema that is wrong, and why.
    pub fn compile(source: Value) -> Result<Self, Violation> {
        let patterns = jsonschema::PatternOptions::regex();
        match jsonschema::draft202012::options()
            .with_pattern_options(patterns)
            .build(&source)
        {
            Ok(validator) => Ok(Self { source, validator }),
            Err(error) => Err(Violation {
                pointer: error.instance_path().to_string(),
                message: error.to_string(),
            }),
        }
    }

    /// The schema as it was written.
    #[must_use]
    pub const fn source(&self) -> &Value {
        &self.source
    }

    /// Every place where the value does not match, at most [`VIOLATIONS_MAX`] of them.
    #[must_use]
    pub fn check(&self, value: &Value) -> Vec<Violation> {
        self.validator
            .iter_errors(value)
            .take(VIOLATIONS_MAX)
            .map(|error| Violation {
                pointer: error.instance_path().to_string(),
                message: error.to_string(),
            })
            .collect()
    }
}
