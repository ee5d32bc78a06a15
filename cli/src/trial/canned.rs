//! What the mocked services answer: a file of canned outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use saga_core::compiler::{closest, read_document, render};
use saga_core::ids::ActionName;
use serde_json::{Map, Value};

use crate::sources::Source;

/// The section with the operations that cannot be asked what became of a call.
const CANNOT_TELL: &str = "cannot_tell";

/// The section with what the signals say that the saga waits for.
const SIGNALS: &str = "signals";

/// Canned outputs, by operation, and what else the outside is to do.
///
/// ```yaml
/// payments.charge: { chargeId: ch-1 }
/// signals: { approved: { by: ada } }
/// cannot_tell: [payments.charge]
/// ```
#[derive(Debug, Clone, Default)]
pub struct Canned {
    /// What each operation answers.
    pub outputs: BTreeMap<ActionName, Arc<Value>>,
    /// Operations that do not know what became of a call that nobody recorded.
    pub cannot_tell: BTreeSet<ActionName>,
    /// What each signal says.
    pub signals: BTreeMap<String, Arc<Value>>,
}

/// What a saga uses of the outside.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Operations of workers.
    pub operations: BTreeSet<ActionName>,
    /// Signals that it waits for.
    pub signals: BTreeSet<String>,
}

impl Canned {
    /// Reads a file of canned outputs for a saga that uses what is `known`.
    ///
    /// # Errors
    /// A message with everything that is wrong, for people.
    pub fn read(source: &Source, known: &Known, colour: bool) -> Result<Self, String> {
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

    fn from_fields(fields: Map<String, Value>, known: &Known) -> Result<Self, Vec<String>> {
        let mut canned = Self::default();
        let mut problems = Vec::new();
        for (name, value) in fields {
            let read = match name.as_str() {
                CANNOT_TELL => canned.read_cannot_tell(&value, known),
                SIGNALS => canned.read_signals(value, known),
                _ => operation(&name, known).map(|action| {
                    canned.outputs.insert(action, Arc::new(value));
                }),
            };
            problems.extend(read.err());
        }
        if problems.is_empty() {
            Ok(canned)
        } else {
            Err(problems)
        }
    }

    fn read_cannot_tell(&mut self, value: &Value, known: &Known) -> Result<(), String> {
        let names =
            names(value).ok_or_else(|| format!("`{CANNOT_TELL}` must be a list of operations"))?;
        for name in names {
            self.cannot_tell.insert(operation(name, known)?);
        }
        Ok(())
    }

    fn read_signals(&mut self, value: Value, known: &Known) -> Result<(), String> {
        let Value::Object(payloads) = value else {
            return Err(format!("`{SIGNALS}` must map signals to what they say"));
        };
        for (name, payload) in payloads {
            if !known.signals.contains(&name) {
                let names = known.signals.iter().map(String::as_str);
                return Err(unknown("waits for no signal", &name, names));
            }
            self.signals.insert(name, Arc::new(payload));
        }
        Ok(())
    }
}

fn names(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn operation(name: &str, known: &Known) -> Result<ActionName, String> {
    let mut operations = known.operations.iter();
    match operations.find(|action| action.as_str() == name) {
        Some(action) => Ok(action.clone()),
        None => {
            let names = known.operations.iter().map(ActionName::as_str);
            Err(unknown("uses no operation", name, names))
        }
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match closest(name, known.clone()) {
        Some(close) => format!("the saga {what} `{name}`; did you mean `{close}`?"),
        None => {
            let known: Vec<&str> = known.collect();
            format!("the saga {what} `{name}`; there are: {}", known.join(", "))
        }
    }
}
