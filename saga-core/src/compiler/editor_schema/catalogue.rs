//! The schema of a catalogue's file.

use serde_json::{Value, json};

use super::super::lower_catalogue::{CATALOGUE_FIELDS, OPERATION_FIELDS};
use super::parts::{ACTION, DIALECT, VERSION, object, text};

/// The schema of a catalogue's file.
#[must_use]
pub fn catalogue_schema() -> Value {
    let mut schema = object(&CATALOGUE_FIELDS, &CATALOGUE_FIELDS, |_| {
        json!({
            "description": "What workers can do, by pool.operation",
            "type": "object",
            "propertyNames": { "pattern": ACTION },
            "additionalProperties": { "$ref": "#/definitions/operation" },
        })
    });
    schema["$schema"] = DIALECT.into();
    schema["title"] = "A catalogue of operations for amends".into();
    schema["definitions"] = json!({
        "operation": object(&OPERATION_FIELDS, &["version", "effect"], operation_field),
    });
    schema
}

fn operation_field(name: &str) -> Value {
    match name {
        "version" => json!({
            "description": "Semantic version, which its workers announce",
            "type": "string",
            "pattern": VERSION,
        }),
        "description" => text("One sentence for people"),
        "effect" => json!({
            "description": "Where its effect is kept: in the database of the ledger, or elsewhere",
            "enum": ["transactional", "outside"],
        }),
        "repeat" => json!({
            "description": "What may be done about a call that was never answered",
            "enum": ["safe", "resolve", "never"],
        }),
        "input" | "output" => json!({
            "description": format!("JSON Schema (2020-12) of its {name}"),
            "type": ["object", "boolean"],
        }),
        "errors" => json!({
            "description": "The codes it fails with, and what each means",
            "oneOf": [
                { "type": "object", "additionalProperties": { "type": "string" } },
                { "type": "array", "items": { "type": "string" } },
            ],
        }),
        _ => json!({}),
    }
}
