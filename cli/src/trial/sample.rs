//! A small value that a JSON Schema allows.

use serde_json::{Map, Number, Value};

/// Elements of a list, where the schema leaves it open: enough for a `for_each` to have a middle
/// way between none and one.
const LIST_ITEMS: u64 = 2;

/// Longest list and text that is made up.
const LENGTH_MAX: u64 = 1_000;

/// Schemas inside each other, which may refer to themselves.
const DEPTH_MAX: usize = 32;

/// What in a schema nobody can make a value for without knowing more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", if pointer.is_empty() { "the whole value" } else { pointer })]
pub struct Unsampled {
    /// JSON Pointer to the place in the value.
    pub pointer: String,
    /// Why nothing was made up there.
    pub why: String,
}

/// Makes a small value for a schema.
///
/// It has the required fields only, lists of two elements, and numbers and texts as small as they
/// may be. What an author gave as `const`, `default`, `examples` or `enum`
/// goes before anything made up.
///
/// # Errors
/// The first place where a value cannot be made up. Not everything that a schema can say is
/// honoured, so the value is to be checked against it.
pub fn sample(schema: &Value) -> Result<Value, Unsampled> {
    let mut sampler = Sampler {
        root: schema,
        made: 0,
    };
    sampler.value(schema, &Place::default())
}

#[derive(Default)]
struct Place {
    pointer: String,
    /// The field, for texts that people recognize.
    name: String,
    depth: usize,
}

impl Place {
    fn inside(&self, name: &str) -> Self {
        Self {
            pointer: format!("{}/{name}", self.pointer),
            name: if name.chars().all(|c| c.is_ascii_digit()) {
                self.name.clone()
            } else {
                name.to_owned()
            },
            depth: self.depth + 1,
        }
    }

    fn because(&self, why: &str) -> Unsampled {
        Unsampled {
            pointer: self.pointer.clone(),
            why: why.to_owned(),
        }
    }
}

struct Sampler<'a> {
    root: &'a Value,
    /// Texts made so far, so that no two are the same.
    made: u64,
}

impl<'a> Sampler<'a> {
    fn value(&mut self, schema: &'a Value, place: &Place) -> Result<Value, Unsampled> {
        if place.depth > DEPTH_MAX {
            return Err(place.because("its schema refers to itself"));
        }
        let Value::Object(fields) = schema else {
            return Ok(Value::Null);
        };
        if let Some(given) = given(fields) {
            return Ok(given.clone());
        }
        if let Some(Value::String(reference)) = fields.get("$ref") {
            let target = reference
                .strip_prefix('#')
                .and_then(|pointer| self.root.pointer(pointer))
                .ok_or_else(|| place.because("its `$ref` leads to nothing"))?;
            let deeper = Place {
                pointer: place.pointer.clone(),
                name: place.name.clone(),
                depth: place.depth + 1,
            };
            return self.value(target, &deeper);
        }
        for either in ["oneOf", "anyOf"] {
            if let Some(Value::Array(branches)) = fields.get(either)
                && let Some(first) = branches.first()
            {
                return self.value(first, place);
            }
        }
        match kind(fields) {
            "object" => self.object(fields, place),
            "array" => self.array(fields, place),
            "string" => self.text(fields, place),
            "integer" => Ok(whole_number(fields)),
            "number" => Ok(number(fields)),
            "boolean" => Ok(Value::Bool(true)),
            _ => Ok(Value::Null),
        }
    }

    fn object(
        &mut self,
        fields: &'a Map<String, Value>,
        place: &Place,
    ) -> Result<Value, Unsampled> {
        let mut made = Map::new();
        let mut layers = vec![fields];
        if let Some(Value::Array(all)) = fields.get("allOf") {
            layers.extend(all.iter().filter_map(Value::as_object));
        }
        for layer in &layers {
            let required = layer.get("required").and_then(Value::as_array);
            for name in required.into_iter().flatten().filter_map(Value::as_str) {
                let schema = layers
                    .iter()
                    .find_map(|layer| layer.get("properties")?.get(name))
                    .unwrap_or(&Value::Null);
                let inside = place.inside(name);
                let value = match schema {
                    // Nothing is said about it, so a text is as good as anything.
                    Value::Null => self.text(&Map::new(), &inside)?,
                    schema => self.value(schema, &inside)?,
                };
                made.insert(name.to_owned(), value);
            }
        }
        Ok(Value::Object(made))
    }

    fn array(&mut self, fields: &'a Map<String, Value>, place: &Place) -> Result<Value, Unsampled> {
        let bound = |name: &str| fields.get(name).and_then(Value::as_u64);
        let least = bound("minItems").unwrap_or(0);
        if least > LENGTH_MAX {
            return Err(place.because("it needs more elements than are made up"));
        }
        let length = LIST_ITEMS
            .max(least)
            .min(bound("maxItems").unwrap_or(u64::MAX));
        let prefix = fields.get("prefixItems").and_then(Value::as_array);
        let mut items = Vec::new();
        for index in 0..length {
            let position = usize::try_from(index).unwrap_or(usize::MAX);
            let schema = prefix
                .and_then(|prefix| prefix.get(position))
                .or_else(|| fields.get("items"));
            let inside = place.inside(&index.to_string());
            items.push(match schema {
                Some(schema) => self.value(schema, &inside)?,
                None => self.text(&Map::new(), &inside)?,
            });
        }
        Ok(Value::Array(items))
    }

    fn text(&mut self, fields: &Map<String, Value>, place: &Place) -> Result<Value, Unsampled> {
        if fields.contains_key("pattern") {
            return Err(place.because("a text for its `pattern` cannot be made up"));
        }
        let bound = |name: &str| fields.get(name).and_then(Value::as_u64);
        let least = bound("minLength").unwrap_or(0);
        if least > LENGTH_MAX {
            return Err(place.because("it needs a longer text than is made up"));
        }
        self.made += 1;
        let made = match fields.get("format").and_then(Value::as_str) {
            Some("date") => "2026-01-01".to_owned(),
            Some("time") => "12:00:00Z".to_owned(),
            Some("date-time") => "2026-01-01T12:00:00Z".to_owned(),
            Some("email") => format!("user{}@example.com", self.made),
            Some("uri") => format!("https://example.com/{}", self.made),
            Some("uuid") => format!("00000000-0000-4000-8000-{:012}", self.made),
            _ if place.name.is_empty() => format!("text-{}", self.made),
            _ => format!("{}-{}", place.name, self.made),
        };
        let mut letters: Vec<char> = made.chars().collect();
        let length = |bound: u64| usize::try_from(bound).unwrap_or(usize::MAX);
        letters.resize(letters.len().max(length(least)), 'x');
        if let Some(most) = bound("maxLength") {
            // The end tells one from another.
            let over = letters.len().saturating_sub(length(most));
            letters.drain(..over);
        }
        Ok(Value::String(letters.into_iter().collect()))
    }
}

/// What the author of the schema wrote down as a value.
fn given(fields: &Map<String, Value>) -> Option<&Value> {
    let first = |name: &str| fields.get(name)?.as_array()?.first();
    fields
        .get("const")
        .or_else(|| fields.get("default"))
        .or_else(|| first("examples"))
        .or_else(|| first("enum"))
}

/// The type that is made; a schema that names several gets the first that is not null.
fn kind(fields: &Map<String, Value>) -> &str {
    match fields.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or("null"),
        _ if fields.contains_key("properties") || fields.contains_key("required") => "object",
        _ if fields.contains_key("items") || fields.contains_key("prefixItems") => "array",
        _ if fields.contains_key("minimum") || fields.contains_key("maximum") => "number",
        _ => "string",
    }
}

fn whole_number(fields: &Map<String, Value>) -> Value {
    let bound = |name: &str| fields.get(name).and_then(Value::as_i64);
    let least = bound("minimum").or_else(|| Some(bound("exclusiveMinimum")?.saturating_add(1)));
    let most = bound("maximum").or_else(|| Some(bound("exclusiveMaximum")?.saturating_sub(1)));
    let mut made = match (least, most) {
        (Some(least), _) => least.max(1.min(most.unwrap_or(i64::MAX))),
        (None, Some(most)) => most.min(1),
        (None, None) => 1,
    };
    if let Some(step) = bound("multipleOf").filter(|step| *step > 0) {
        made = made.saturating_add(step - 1).div_euclid(step) * step;
    }
    Value::from(made)
}

fn number(fields: &Map<String, Value>) -> Value {
    let bound = |name: &str| fields.get(name).and_then(Value::as_f64);
    let least = bound("minimum").or_else(|| Some(bound("exclusiveMinimum")? + 0.5));
    let most = bound("maximum").or_else(|| Some(bound("exclusiveMaximum")? - 0.5));
    let made = match (least, most) {
        (Some(least), _) => least.max(1.0_f64.min(most.unwrap_or(f64::MAX))),
        (None, Some(most)) => most.min(1.0),
        (None, None) => 1.0,
    };
    Number::from_f64(made).map_or(Value::from(1), Value::Number)
}

#[cfg(test)]
mod tests {
    use saga_core::schema::Schema;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn fits(schema: Value) -> Value {
        let made = sample(&schema).unwrap();
        let checked = Schema::compile(schema).unwrap().check(&made);
        assert!(checked.is_empty(), "{made} does not fit: {checked:?}");
        made
    }

    #[test]
    fn what_is_made_fits_its_schema() {
        let made = fits(json!({
            "type": "object",
            "required": ["id", "amount", "items", "currency", "rate", "mail"],
            "properties": {
                "id": { "type": "string", "minLength": 12, "maxLength": 20 },
                "amount": { "type": "integer", "minimum": 10, "multipleOf": 4 },
                "rate": { "type": "number", "exclusiveMinimum": 0, "maximum": 0.75 },
                "currency": { "enum": ["EUR", "USD"] },
                "mail": { "type": "string", "format": "email" },
                "note": { "type": "string" },
                "items": { "type": "array", "minItems": 1, "uniqueItems": true,
                           "items": { "$ref": "#/$defs/item" } },
            },
            "$defs": { "item": { "type": "object", "required": ["sku", "count"],
                "properties": { "sku": { "type": "string", "maxLength": 3 },
                                "count": { "type": ["null", "integer"], "maximum": 0 } } } },
        }));
        assert_eq!(made["currency"], "EUR");
        assert_eq!(made["items"].as_array().unwrap().len(), 2);
        assert_eq!(made.get("note"), None, "only what is required");
    }

    #[test]
    fn bounds_that_leave_little_room_are_honoured() {
        fits(json!({ "type": "integer", "minimum": -5, "maximum": -3 }));
        fits(json!({ "type": "integer", "exclusiveMaximum": 1 }));
        fits(json!({ "type": "array", "maxItems": 0 }));
        fits(json!({ "type": "array", "minItems": 4, "items": { "type": "boolean" } }));
        fits(json!({ "type": "string", "maxLength": 0 }));
        fits(
            json!({ "allOf": [{ "type": "object", "required": ["a"] }], "type": "object",
                     "properties": { "a": { "const": 7 } } }),
        );
        fits(json!(true));
    }

    #[test]
    fn what_cannot_be_made_up_is_named() {
        let schema = json!({ "type": "object", "required": ["iban"],
            "properties": { "iban": { "type": "string", "pattern": "^DE" } } });
        let error = sample(&schema).unwrap_err();
        assert_eq!(error.pointer, "/iban");
        assert!(error.why.contains("pattern"), "{error}");
        let endless = json!({ "type": "object", "required": ["a"],
            "properties": { "a": { "$ref": "#" } } });
        assert!(sample(&endless).unwrap_err().why.contains("itself"));
    }
}
