//! JSON Schema (2020-12) of a saga's input.

use std::fmt;

use jsonschema::error::ValidationErrorKind;
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

/// Messages longer than this are told without the value.
const MESSAGE_BYTES_MAX: usize = 200;

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
                message: if matches!(error.kind(), ValidationErrorKind::Referencing(_)) {
                    "a `$ref` leads to nothing in this schema".to_owned()
                } else {
                    bounded(&error)
                },
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
                message: bounded(&error),
            })
            .collect()
    }
}

/// What is wrong, without the value itself when that is long.
fn bounded(error: &jsonschema::ValidationError<'_>) -> String {
    let message = error.to_string();
    if message.len() <= MESSAGE_BYTES_MAX {
        message
    } else {
        error.masked().to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Schema, VIOLATIONS_MAX};

    #[test]
    fn every_violation_has_its_place() {
        let schema = Schema::compile(json!({
            "type": "object",
            "required": ["id"],
            "properties": { "items": { "items": { "type": "integer" } } },
        }))
        .unwrap();
        let violations = schema.check(&json!({ "items": [1, "x"] }));
        let pointers: Vec<&str> = violations.iter().map(|v| v.pointer.as_str()).collect();
        assert_eq!(pointers, ["", "/items/1"]);
        assert!(schema.check(&json!({ "id": 1, "items": [] })).is_empty());
    }

    #[test]
    fn the_list_of_violations_is_bounded() {
        let schema = Schema::compile(json!({ "items": { "type": "integer" } })).unwrap();
        let many = json!(vec!["x"; 10_000]);
        assert_eq!(schema.check(&many).len(), VIOLATIONS_MAX);
    }

    #[test]
    fn a_schema_that_refers_to_itself_comes_to_an_end() {
        for schema in [
            json!({ "$ref": "#" }),
            json!({ "allOf": [{ "$ref": "#" }] }),
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } } }),
            json!({ "properties": { "child": { "$ref": "#" } } }),
        ] {
            if let Ok(schema) = Schema::compile(schema) {
                let _ = schema.check(&json!({ "child": { "child": {} } }));
            }
        }
    }

    #[test]
    fn a_reference_out_of_the_schema_is_not_followed() {
        let error = Schema::compile(json!({ "$ref": "https://example.com/a.json" })).unwrap_err();
        assert_eq!(error.message, "a `$ref` leads to nothing in this schema");
        assert!(Schema::compile(json!({ "$ref": "file:///etc/hostname" })).is_err());
    }

    #[test]
    fn a_pattern_cannot_stall() {
        let schema = Schema::compile(json!({ "pattern": "^(a+)+$" })).unwrap();
        let violations = schema.check(&json!("a".repeat(50_000) + "!"));
        assert_eq!(violations.len(), 1);
        assert!(
            violations[0].message.len() < 200,
            "the value is not repeated"
        );
        assert!(Schema::compile(json!({ "pattern": "(?=a)" })).is_err());
    }
}
