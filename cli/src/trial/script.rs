//! Everything that the cases of one saga have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use saga_core::definition::{Child, Definition, Effect, Step, StepKind};
use saga_core::ids::{ActionName, StepName};
use serde_json::{Value, json};

use super::canned::{Canned, Known};
use super::guess::guess;
use super::sample::sample;

/// A saga, the sagas it runs, what it starts with, and what its services answer.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) definition: Arc<Definition>,
    pub(super) children: Vec<Arc<Definition>>,
    pub(super) input: Value,
    pub(super) canned: Canned,
}

impl Script {
    /// A script in which everything that was not canned is made up. `children` are the sagas that
    /// the saga runs, and those that they run.
    ///
    /// # Errors
    /// Why there is no input, for people.
    pub fn new(
        definition: Arc<Definition>,
        children: Vec<Arc<Definition>>,
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
        let mut script = Self {
            definition,
            children,
            input,
            canned,
        };
        script.complete_outputs();
        Ok(script)
    }

    /// The operations and signals that these definitions use.
    #[must_use]
    pub fn known<'d>(definitions: impl IntoIterator<Item = &'d Arc<Definition>>) -> Known {
        let mut known = Known::default();
        for step in definitions.into_iter().flat_map(|it| &it.steps) {
            known.operations.extend(actions_of(step).cloned());
            known.operations.extend(undos_of(step).cloned());
            if let StepKind::Wait(wait) = &step.kind {
                known.signals.insert(wait.signal.to_string());
            }
        }
        known
    }

    /// The saga, and the sagas it runs.
    pub(super) fn definitions(&self) -> impl Iterator<Item = &Arc<Definition>> {
        std::iter::once(&self.definition).chain(&self.children)
    }

    /// Every step of the saga and of the sagas it runs.
    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.definitions().flat_map(|definition| &definition.steps)
    }

    /// What a step runs.
    pub(super) fn child(&self, child: &Child) -> Option<&Arc<Definition>> {
        self.children
            .iter()
            .filter(|it| it.reference.name == child.name)
            .filter(|it| {
                let version = child.version.as_ref();
                version.is_none_or(|version| *version == it.reference.version)
            })
            .max_by(|a, b| a.reference.version.cmp(&b.reference.version))
    }

    /// Whether the service of a step can say what became of a call.
    pub(super) fn can_tell(&self, step: &StepName) -> bool {
        let step = self.definition.step(step);
        step.is_none_or(|step| {
            actions_of(step).all(|action| !self.canned.cannot_tell.contains(action))
        })
    }

    /// Outputs for the operations that have none: the fields that the definitions read of them.
    fn complete_outputs(&mut self) {
        let mut guessed: BTreeMap<ActionName, Value> = BTreeMap::new();
        let mut payloads: BTreeMap<String, Value> = BTreeMap::new();
        for definition in std::iter::once(&self.definition).chain(&self.children) {
            let by_step = guess(&definition.source);
            for step in &definition.steps {
                // What is read as a list of a `for_each` step is what its elements answered.
                let output = by_step
                    .get(&step.name)
                    .filter(|output| step.for_each.is_none() || output.is_object())
                    .cloned()
                    .unwrap_or_else(|| json!({}));
                for action in actions_of(step) {
                    merge(guessed.entry(action.clone()).or_default(), &output);
                }
                if let StepKind::Wait(wait) = &step.kind {
                    merge(
                        payloads.entry(wait.signal.to_string()).or_default(),
                        &output,
                    );
                }
            }
        }
        for (action, output) in guessed {
            self.canned
                .outputs
                .entry(action)
                .or_insert_with(|| Arc::new(output));
        }
        for (signal, payload) in payloads {
            self.canned
                .signals
                .entry(signal)
                .or_insert_with(|| Arc::new(payload));
        }
    }
}

/// The operations that do a step: its own, and its fallback's.
pub(super) fn actions_of(step: &Step) -> impl Iterator<Item = &ActionName> {
    step.plans().filter_map(|plan| match plan.kind {
        StepKind::Action(call) => Some(&call.action),
        StepKind::Wait(_) | StepKind::Sleep(_) | StepKind::Saga(_) => None,
    })
}

/// The operations that undo a step, or its fallback.
pub(super) fn undos_of(step: &Step) -> impl Iterator<Item = &ActionName> {
    step.plans().filter_map(|plan| match plan.effect {
        Effect::Compensate(undo) => Some(&undo.action),
        Effect::None | Effect::Child | Effect::Residue(_) | Effect::Retriable => None,
    })
}

/// The sagas that a definition runs.
pub(super) fn runs(definition: &Definition) -> BTreeSet<(Arc<str>, Option<semver::Version>)> {
    let steps = definition.steps.iter();
    steps
        .filter_map(|step| match &step.kind {
            StepKind::Saga(child) => Some((Arc::clone(&child.name), child.version.clone())),
            StepKind::Action(_) | StepKind::Wait(_) | StepKind::Sleep(_) => None,
        })
        .collect()
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
