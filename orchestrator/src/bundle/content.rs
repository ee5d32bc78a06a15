//! Values in a bundle.

use saga_core::values::ValueKey;
use serde_json::{Map, Value, json};

use super::document::BundledValue;
use super::redact::Redaction;

/// Levels of a shape; what is deeper is only said to be there.
const SHAPE_DEPTH_MAX: u32 = 16;

/// A value as it is, as long as there is room; otherwise, or when it is redacted, its shape.
pub(super) fn bundled(
    key: &ValueKey,
    value: &Value,
    redaction: Option<&Redaction>,
    room: &mut usize,
) -> BundledValue {
    let text = value.to_string();
    let left = room.checked_sub(text.len()).filter(|_| redaction.is_none());
    if let Some(left) = left {
        *room = left;
    }
    let told = left.is_some();
    BundledValue {
        name: name(key),
        value: told.then(|| value.clone()),
        shape: (!told).then(|| shape(value, 0)),
        digest: redaction.map(|redaction| redaction.digest(&text)),
        bytes: text.len(),
    }
}

fn name(key: &ValueKey) -> String {
    match key {
        ValueKey::Input => "input".to_owned(),
        ValueKey::Output(step) => format!("steps.{step}.output"),
        ValueKey::Result => "saga.output".to_owned(),
        ValueKey::Item(step) => format!("element {step}"),
        ValueKey::Signal(number) => format!("signal {number}"),
        ValueKey::LastGood(action, _) => format!("last good output of {action}"),
    }
}

/// The fields of a value, each with its kind. Of a list, how long it is and the shape of its first.
fn shape(value: &Value, depth: u32) -> Value {
    if depth >= SHAPE_DEPTH_MAX {
        return "…".into();
    }
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => {
            let first = items.first().map(|item| shape(item, depth + 1));
            json!({ "list_of": items.len(), "first": first })
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), shape(value, depth + 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}
