//! Everything that the cases of one saga have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use saga_core::definition::{Definition, Effect, Step};
use saga_core::ids::{ActionName, StepName};
use serde_json::{Value, json};

use super::canned::Canned;
use super::guess::guess;
use super::sample::sample;

/// A saga, what it starts with, and what its services answer.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) definition: Arc<Definition>,
    pub(super) input: Value,
    pub(super) canned: Canned,
}

impl Script {
    /// A script in which everything that was not canned is made up.
    ///
    /// # Errors
    /// Why there is no input, for people.
    pub fn new(
        definition: Arc<Definition>,
        input: Option<Value>,
        canned: Canned,
    ) -> Result<Self, String> {
        let input = match input {
            Some(input) => input,
            None => made_up_input(&definition)?,
        };
        definition
            .accept(&input)
            .map_err(|refused| refused.to_string())?;
        Ok(Self {
            canned: completed(&definition, canned),
            definition,
            input,
        })
    }

    /// Every operation that the definition's steps and undos use.
    #[must_use]
    pub fn operations(definition: &Definition) -> BTreeSet<ActionName> {
        let mut operations = BTreeSet::new();
        for step in &definition.steps {
            operations.insert(step.action.clone());
            operations.extend(undo_of(step).cloned());
        }
        operations
    }

    /// Whether the service of a step can say what became of a call.
    pub(super) fn can_tell(&self, step: &StepName) -> bool {
        self.definition
            .step(step)
            .is_none_or(|step| !self.canned.cannot_tell.contains(&step.action))
    }
}

/// The operation that undoes a step.
pub(super) fn undo_of(step: &Step) -> Option<&ActionName> {
    match &step.effect {
        Effect::Compensate(undo) => Some(&undo.action),
        Effect::None | Effect::Residue(_) | Effect::Retriable => None,
    }
}

fn made_up_input(definition: &Definition) -> Result<Value, String> {
    let Some(schema) = &definition.input_schema else {
        return Ok(json!({}));
    };
    let made = sample(schema.source())
        .map_err(|unsampled| format!("no input can be made up for its schema: {unsampled}"))?;
    match definition.accept(&made) {
        Ok(_) => Ok(made),
        Err(refused) => Err(format!(
            "the input that was made up is not accepted: {refused}; it was {made}"
        )),
    }
}

/// Outputs for the operations that have none: the fields that the definition reads of them.
fn completed(definition: &Definition, mut canned: Canned) -> Canned {
    let mut guessed: BTreeMap<ActionName, Value> = BTreeMap::new();
    let by_step = guess(&definition.source);
    for step in &definition.steps {
        if let Some(output) = by_step.get(&step.name) {
            merge(guessed.entry(step.action.clone()).or_default(), output);
        }
    }
    for (action, output) in guessed {
        canned
            .outputs
            .entry(action)
            .or_insert_with(|| Arc::new(output));
    }
    canned
}

/// Adds to an object the fields that it lacks.
fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into @ Value::Null, more) => *into = more.clone(),
        _ => {}
    }
}
