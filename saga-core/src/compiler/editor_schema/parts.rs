//! What the schemas are made of.

use serde_json::{Map, Value, json};

/// The dialect that editors understand best.
pub(super) const DIALECT: &str = "http://json-schema.org/draft-07/schema#";
pub(super) const ACTION: &str = "^[A-Za-z][A-Za-z0-9_-]*\\.[A-Za-z][A-Za-z0-9_-]*$";
pub(super) const VERSION: &str = "^[0-9]+\\.[0-9]+\\.[0-9]+([-+].*)?$";

pub(super) fn object(names: &[&str], required: &[&str], field: impl Fn(&str) -> Value) -> Value {
    let properties: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), field(name)))
        .collect();
    let mut object = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

/// A description beside a reference, which draft 07 reads only inside `allOf`.
pub(super) fn described(description: &str, reference: &str) -> Value {
    json!({ "description": description, "allOf": [{ "$ref": reference }] })
}

pub(super) fn text(description: &str) -> Value {
    json!({ "description": description, "type": ["string", "number", "boolean"] })
}

pub(super) fn any(description: &str) -> Value {
    json!({ "description": description })
}
