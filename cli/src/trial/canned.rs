//! What the mocked services answer: a file of canned outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use saga_core::compiler::{closest, read_document, render};
use saga_core::ids::ActionName;
use serde_json::{Map, Value};

use crate::sources::Source;

/// The section with the operations that cannot be asked what became of a call.
const CANNOT_TELL: &str = "cannot_tell";

/// Canned outputs, by operation, and which operations cannot say what became of a call.
///
/// ```yaml
/// payments.charge: { chargeId: ch-1 }
/// cannot_tell: [payments.charge]
/// ```
#[derive(Debug, Clone, Default)]
pub struct Canned {
    /// What each operation answers.
    pub outputs: BTreeMap<ActionName, Arc<Value>>,
    /// Operations that do not know what became of a call that nobody recorded.
    pub cannot_tell: BTreeSet<ActionName>,
}

impl Canned {
    /// Reads a file of canned outputs for sagas that use `known` operations.
    ///
    /// # Errors
    /// A message with everything that is wrong, for people.
    pub fn read(
        source: &Source,
        known: &BTreeSet<ActionName>,
        colour: bool,
    ) -> Result<Self, String> {
        let document = read_document(&source.text)
            .map_err(|problems| render(&problems, &source.file, &source.text, colour))?;
        let Value::Object(fields) = document else {
            return Err(format!(
                "{}: it must map operations to outputs, as in `payments.charge: {{ chargeId: ch-1 }}`",
                source.file
            ));
        };
        Self::from_fields(fields, known).map_err(|problems| {
            let file = &source.file;
            let lines: Vec<String> = problems
                .iter()
                .map(|problem| format!("{file}: {problem}"))
                .collect();
            lines.join("\n")
        })
    }

    fn from_fields(
        fields: Map<String, Value>,
        known: &BTreeSet<ActionName>,
    ) -> Result<Self, Vec<String>> {
        let mut canned = Self::default();
        let mut problems = Vec::new();
        for (name, value) in fields {
            if name == CANNOT_TELL {
                match names(&value) {
                    Some(names) => {
                        for name in names {
                            match operation(name, known) {
                                Ok(action) => drop(canned.cannot_tell.insert(action)),
                                Err(problem) => problems.push(problem),
                            }
                        }
                    }
                    None => problems.push(format!("`{CANNOT_TELL}` must be a list of operations")),
                }
                continue;
            }
            match operation(&name, known) {
                Ok(action) => drop(canned.outputs.insert(action, Arc::new(value))),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(canned)
        } else {
            Err(problems)
        }
    }
}

fn names(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn operation(name: &str, known: &BTreeSet<ActionName>) -> Result<ActionName, String> {
    if let Some(action) = known.iter().find(|action| action.as_str() == name) {
        return Ok(action.clone());
    }
    let names = known.iter().map(ActionName::as_str);
    Err(match closest(name, names.clone()) {
        Some(close) => {
            format!("the saga uses no operation `{name}`; did you mean `{close}`?")
        }
        None => {
            let known: Vec<&str> = names.collect();
            format!(
                "the saga uses no operation `{name}`; it uses {}",
                known.join(", ")
            )
        }
    })
}
