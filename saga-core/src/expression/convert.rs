//! JSON to the values of the expression evaluator, and back.

use ::cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use ::cel::common::value::Val;
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
pub(super) fn export(value: &dyn Val) -> Result<Value, String> {
    nested(value, 0)
}

fn nested(value: &dyn Val, depth: usize) -> Result<Value, String> {
    if depth > VALUE_DEPTH_MAX {
        return Err(format!(
            "the result is nested deeper than {VALUE_DEPTH_MAX}"
        ));
    }
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        Ok(Value::from(text.inner()))
    } else if let Some(integer) = value.downcast_ref::<CelInt>() {
        Ok(Value::from(*integer.inner()))
    } else if let Some(truth) = value.downcast_ref::<CelBool>() {
        Ok(Value::from(*truth.inner()))
    } else if let Some(float) = value.downcast_ref::<CelDouble>() {
        let number = Number::from_f64(*float.inner());
        number
            .map(Value::Number)
            .ok_or_else(|| "the result is not a finite number".to_owned())
    } else if let Some(integer) = value.downcast_ref::<CelUInt>() {
        Ok(Value::from(*integer.inner()))
    } else if value.downcast_ref::<CelNull>().is_some() {
        Ok(Value::Null)
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        list.inner()
            .iter()
            .map(|element| nested(element.as_ref(), depth + 1))
            .collect()
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        exported_object(map, depth)
    } else {
        Err(format!(
            "the result is a {}, which JSON cannot hold",
            value.get_type().name()
        ))
    }
}

fn exported_object(map: &CelMap<'_>, depth: usize) -> Result<Value, String> {
    let mut keys: Vec<&CelMapKey<'_>> = map.inner().keys().collect();
    keys.sort();
    let mut fields = Map::new();
    for key in keys {
        let CelMapKey::String(name) = key else {
            return Err("the result has a field whose name is not text".to_owned());
        };
        if let Some(value) = map.inner().get(key) {
            fields.insert(name.inner().to_owned(), nested(value.as_ref(), depth + 1)?);
        }
    }
    Ok(Value::Object(fields))
}
