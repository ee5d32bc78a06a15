//! What a JSON Schema certainly says about a value, as far as that can be told without a value.

use serde_json::{Map, Value};

/// Keywords that make a schema say more than its own `type`, `properties` and `items` do. Where one
/// is present nothing is concluded.
const OPEN: [&str; 9] = [
    "$ref",
    "$dynamicRef",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "not",
    "patternProperties",
    "dependentSchemas",
];

/// One schema inside a schema, to be asked what it certainly says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'s>(pub(crate) &'s Value);

/// What following a chain of fields found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found<'s> {
    /// A field that the schema does not have: how far the path went, and the fields there.
    Unknown(usize, Vec<&'s str>),
    /// It is there; the first part of the path, if any, that may be missing.
    Known(&'s Value, Option<usize>),
    /// The schema leaves it open.
    Open,
}

impl<'s> Shape<'s> {
    fn is_open(self) -> bool {
        OPEN.iter().any(|keyword| self.0.get(keyword).is_some())
    }

    /// The JSON types a value may have; `None` when that is left open.
    pub(crate) fn types(self) -> Option<Vec<&'s str>> {
        if self.is_open() {
            return None;
        }
        match self.0.get("type") {
            Some(Value::String(one)) => Some(vec![one.as_str()]),
            Some(Value::Array(several)) => Some(several.iter().filter_map(Value::as_str).collect()),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => None,
        }
    }

    /// The fields of an object, when this schema alone says which there are.
    pub(crate) fn properties(self) -> Option<&'s Map<String, Value>> {
        self.0
            .get("properties")
            .and_then(Value::as_object)
            .filter(|_| !self.is_open())
    }

    /// Whether an object may have only the fields in `properties`. A schema that does not say so
    /// itself is read that way: what it does not name, nobody there looks at.
    pub(crate) fn is_closed(self) -> bool {
        self.0
            .get("additionalProperties")
            .is_none_or(|more| *more == Value::Bool(false))
    }

    /// The fields an object must have.
    pub(crate) fn required(self) -> impl Iterator<Item = &'s str> {
        let named = self.0.get("required").filter(|_| !self.is_open());
        named
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }

    /// The schema of a list's elements.
    pub(crate) fn items(self) -> Option<Self> {
        self.0
            .get("items")
            .filter(|items| items.is_object() && !self.is_open())
            .map(Self)
    }

    /// Whether a value of these types can be what this schema wants; true when either is open.
    pub(crate) fn accepts_any_of(self, types: &[&str]) -> bool {
        self.types().is_none_or(|wanted| {
            types.iter().any(|have| {
                wanted.contains(have)
                    || (*have == "integer" && wanted.contains(&"number"))
                    // A number may well be whole; only the value can tell.
                    || (*have == "number" && wanted.contains(&"integer"))
            })
        })
    }

    /// Follows a chain of fields.
    pub(crate) fn follow(self, fields: &[String]) -> Found<'s> {
        let mut at = self;
        let mut optional = None;
        for (depth, field) in fields.iter().enumerate() {
            let Some(properties) = at.properties() else {
                return Found::Open;
            };
            let Some(next) = properties.get(field) else {
                return if at.is_closed() {
                    Found::Unknown(depth, properties.keys().map(String::as_str).collect())
                } else {
                    Found::Open
                };
            };
            if optional.is_none() && !at.required().any(|name| name == field) {
                optional = Some(depth);
            }
            at = Self(next);
        }
        Found::Known(at.0, optional)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Found, Shape};

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn a_path_is_followed_as_far_as_the_schema_speaks() {
        let schema = json!({
            "type": "object",
            "required": ["a"],
            "properties": {
                "a": { "properties": { "b": { "type": "string" } } },
                "open": { "properties": { "x": {} }, "additionalProperties": true },
                "other": { "$ref": "#/x" },
            },
        });
        let shape = Shape(&schema);
        assert!(matches!(
            shape.follow(&path("a.b")),
            Found::Known(_, Some(1))
        ));
        assert!(matches!(shape.follow(&path("a")), Found::Known(_, None)));
        assert_eq!(shape.follow(&path("a.c")), Found::Unknown(1, vec!["b"]));
        assert_eq!(shape.follow(&path("open.y")), Found::Open);
        assert_eq!(shape.follow(&path("other.y")), Found::Open);
    }

    #[test]
    fn types_are_compared_only_where_both_are_known() {
        let integer = json!({ "type": "integer" });
        assert!(!Shape(&integer).accepts_any_of(&["string"]));
        assert!(Shape(&integer).accepts_any_of(&["string", "number"]));
        assert!(Shape(&json!({})).accepts_any_of(&["string"]));
        assert!(Shape(&json!({ "type": ["null", "number"] })).accepts_any_of(&["integer"]));
    }
}
