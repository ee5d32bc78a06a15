//! JSON to the values of the expression evaluator, and back.

use ::cel::Value as Computed;
use ::cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString,
};
use ::cel::common::value::Val;
use ::cel::objects::{Key, Map as ComputedMap};
use serde_json::{Map, Number, Value};

use super::limits::{EXPRESSION_INPUT_WEIGHT_MAX, VALUE_DEPTH_MAX};

/// Weight of a value beside its text.
const VALUE_WEIGHT: usize = 16;

/// Turns JSON into values, up to the bound of one evaluation.
#[derive(Debug)]
pub(super) struct Importer {
    left: usize,
}

impl Importer {
    pub(super) const fn new() -> Self {
        Self {
            left: EXPRESSION_INPUT_WEIGHT_MAX,
        }
    }

    /// The value, borrowing its text.
    pub(super) fn value<'v>(&mut self, value: &'v Value) -> Result<Box<dyn Val + 'v>, String> {
        self.nested(value, 0)
    }

    /// An object with only those of its fields that `wanted` accepts.
    pub(super) fn fields<'v>(
        &mut self,
        fields: &'v Map<String, Value>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Box<dyn Val + 'v>, String> {
        self.object(fields.iter().filter(|(name, _)| wanted(name)), 0)
    }

    fn object<'v>(
        &mut self,
        fields: impl Iterator<Item = (&'v String, &'v Value)>,
        depth: usize,
    ) -> Result<Box<dyn Val + 'v>, String> {
        let mut entries = Vec::new();
        for (name, value) in fields {
            self.spend(name.len())?;
            entries.push((name.as_str(), self.nested(value, depth + 1)?));
        }
        Ok(object(entries))
    }

    fn nested<'v>(&mut self, value: &'v Value, depth: usize) -> Result<Box<dyn Val + 'v>, String> {
        if depth > VALUE_DEPTH_MAX {
            return Err(format!(
                "it reads data nested deeper than {VALUE_DEPTH_MAX}"
            ));
        }
        self.spend(VALUE_WEIGHT)?;
        Ok(match value {
            Value::Null => Box::new(CelNull),
            Value::Bool(truth) => Box::new(CelBool::from(*truth)),
            Value::Number(number) => Self::number(number)?,
            Value::String(text) => {
                self.spend(text.len())?;
                Box::new(CelString::from(text.as_str()))
            }
            Value::Array(elements) => {
                let elements: Result<Vec<_>, String> = elements
                    .iter()
                    .map(|element| self.nested(element, depth + 1))
                    .collect();
                Box::new(CelList::from(elements?))
            }
            Value::Object(fields) => self.object(fields.iter(), depth)?,
        })
    }

    fn number<'v>(number: &Number) -> Result<Box<dyn Val + 'v>, String> {
        if let Some(integer) = number.as_i64() {
            return Ok(Box::new(CelInt::from(integer)));
        }
        match number.as_f64() {
            Some(float) if number.is_f64() => Ok(Box::new(CelDouble::from(float))),
            _ => Err(format!(
                "{number} is larger than the largest integer, {}",
                i64::MAX
            )),
        }
    }

    fn spend(&mut self, weight: usize) -> Result<(), String> {
        self.left = self.left.checked_sub(weight).ok_or_else(|| {
            format!(
                "it looks at more than {} KiB of data; only a plain path may",
                EXPRESSION_INPUT_WEIGHT_MAX / 1024
            )
        })?;
        Ok(())
    }
}

/// One field of an object of the evaluator.
pub(super) type Field<'v> = (&'v str, Box<dyn Val + 'v>);

/// An object of the evaluator.
#[expect(
    clippy::disallowed_types,
    reason = "the evaluator's; its order is never observed"
)]
pub(super) fn object<'v>(entries: Vec<Field<'v>>) -> Box<dyn Val + 'v> {
    let entries = entries
        .into_iter()
        .map(|(name, value)| (CelMapKey::String(CelString::from(name)), value))
        .collect::<std::collections::HashMap<_, _>>();
    Box::new(CelMap::from(entries))
}

/// Turns a computed value into JSON.
pub(super) fn export(value: &Computed) -> Result<Value, String> {
    nested(value, 0)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the enum is not ours and not closed"
)]
fn nested(value: &Computed, depth: usize) -> Result<Value, String> {
    if depth > VALUE_DEPTH_MAX {
        return Err(format!(
            "the result is nested deeper than {VALUE_DEPTH_MAX}"
        ));
    }
    match value {
        Computed::Null => Ok(Value::Null),
        Computed::Bool(truth) => Ok(Value::from(*truth)),
        Computed::Int(integer) => Ok(Value::from(*integer)),
        Computed::UInt(integer) => Ok(Value::from(*integer)),
        Computed::Float(float) => Number::from_f64(*float)
            .map(Value::Number)
            .ok_or_else(|| "the result is not a finite number".to_owned()),
        Computed::String(text) => Ok(Value::from(text.as_str())),
        Computed::List(elements) => elements
            .iter()
            .map(|element| nested(element, depth + 1))
            .collect(),
        Computed::Map(map) => exported_object(map, depth),
        _ => Err("the result is of a kind that JSON cannot hold".to_owned()),
    }
}

/// The fields come sorted, so that nothing depends on a hash.
fn exported_object(map: &ComputedMap, depth: usize) -> Result<Value, String> {
    let mut entries: Vec<(&Key, &Computed)> = map.map.iter().collect();
    entries.sort_by(|left, right| left.0.cmp(right.0));
    let mut fields = Map::new();
    for (key, value) in entries {
        let Key::String(name) = key else {
            return Err("the result has a field whose name is not text".to_owned());
        };
        fields.insert(name.to_string(), nested(value, depth + 1)?);
    }
    Ok(Value::Object(fields))
}
