//! The fast path: a chain of fields, looked up in the JSON itself.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::references::{Reference, ReferenceRoot};
use super::scope::View;
use crate::ids::{StepKey, StepName};
use crate::saga::{Saga, StepStatus};
use crate::values::ValueKey;

/// One reference, ready to be looked up.
#[derive(Debug)]
pub(super) struct Path {
    root: Root,
    fields: Vec<String>,
}

/// Where a path starts.
#[derive(Debug)]
pub(super) enum Root {
    Input,
    Item(String),
    Output(ValueKey, StepKey),
    Status(StepKey),
    Error(StepKey),
    SagaId,
    SagaKey,
    SagaStartedAt,
    SagaLabels,
}

impl Path {
    pub(super) fn new(reference: &Reference) -> Self {
        Self {
            root: Root::new(&reference.root),
            fields: reference.fields.clone(),
        }
    }

    /// The value there, or a sentence that names what is missing.
    pub(super) fn find<'a>(&self, view: View<'a>) -> Result<Cow<'a, Value>, String> {
        match self.root.find(view)? {
            Cow::Borrowed(mut at) => {
                for depth in 0..self.fields.len() {
                    at = self.field(at, depth)?;
                }
                Ok(Cow::Borrowed(at))
            }
            Cow::Owned(whole) => {
                let mut at = &whole;
                for depth in 0..self.fields.len() {
                    at = self.field(at, depth)?;
                }
                Ok(Cow::Owned(at.clone()))
            }
        }
    }

    fn field<'v>(&self, at: &'v Value, depth: usize) -> Result<&'v Value, String> {
        let field = &self.fields[depth];
        let Value::Object(fields) = at else {
            let (whole, kind) = (self.text(depth), kind(at));
            return Err(format!("`{whole}` is {kind}, so it has no field `{field}`"));
        };
        fields
            .get(field)
            .ok_or_else(|| format!("`{}` has no field `{field}`", self.text(depth)))
    }

    fn text(&self, depth: usize) -> String {
        let mut text = self.root.text();
        for field in &self.fields[..depth] {
            text.push('.');
            text.push_str(field);
        }
        text
    }
}

impl Root {
    pub(super) fn new(root: &ReferenceRoot) -> Self {
        let key = |step: &str| StepKey::whole(StepName::new(step));
        match root {
            ReferenceRoot::Input => Self::Input,
            ReferenceRoot::Item(name) => Self::Item(name.clone()),
            ReferenceRoot::Output(step) => Self::Output(ValueKey::Output(key(step)), key(step)),
            ReferenceRoot::Status(step) => Self::Status(key(step)),
            ReferenceRoot::Error(step) => Self::Error(key(step)),
            ReferenceRoot::SagaId => Self::SagaId,
            ReferenceRoot::SagaKey => Self::SagaKey,
            ReferenceRoot::SagaStartedAt => Self::SagaStartedAt,
            ReferenceRoot::SagaLabels => Self::SagaLabels,
        }
    }

    /// The value at the root.
    pub(super) fn find<'a>(&self, view: View<'a>) -> Result<Cow<'a, Value>, String> {
        match self {
            Self::Input => {
                return view
                    .value(&ValueKey::Input)
                    .map(Cow::Borrowed)
                    .ok_or_else(|| "the saga's input is not at hand".to_owned());
            }
            Self::Item(name) => {
                return view
                    .element()
                    .and_then(|key| view.value(&ValueKey::Item(key.clone())))
                    .map(Cow::Borrowed)
                    .ok_or_else(|| format!("`{name}` is known for an element of `for_each` only"));
            }
            Self::Output(value, step) => return output(view, value, step),
            Self::Status(_)
            | Self::Error(_)
            | Self::SagaId
            | Self::SagaKey
            | Self::SagaStartedAt
            | Self::SagaLabels => {}
        }
        let saga = view
            .saga()
            .ok_or_else(|| "only `input` is known here".to_owned())?;
        Ok(Cow::Owned(match self {
            Self::Input | Self::Item(_) | Self::Output(..) => Value::Null,
            Self::Status(step) => Value::from(saga.step_status(step).as_str()),
            Self::Error(step) => {
                match saga.steps.get(step).and_then(|state| state.error.as_ref()) {
                    Some(error) => json!({
                        "code": error.code,
                        "message": error.message,
                        "details": error.details,
                    }),
                    None => Value::Null,
                }
            }
            Self::SagaId => Value::from(saga.id.to_string()),
            Self::SagaKey => Value::from(saga.key.clone()),
            Self::SagaStartedAt => Value::from(saga.started_at.to_string()),
            Self::SagaLabels => saga
                .labels
                .iter()
                .map(|(name, text)| (name.clone(), text.as_str()))
                .collect(),
        }))
    }

    fn text(&self) -> String {
        match self {
            Self::Input => "input".to_owned(),
            Self::Item(name) => name.clone(),
            Self::Output(_, step) => format!("steps.{step}.output"),
            Self::Status(step) => format!("steps.{step}.status"),
            Self::Error(step) => format!("steps.{step}.error"),
            Self::SagaId => "saga.id".to_owned(),
            Self::SagaKey => "saga.key".to_owned(),
            Self::SagaStartedAt => "saga.startedAt".to_owned(),
            Self::SagaLabels => "saga.labels".to_owned(),
        }
    }
}

/// What a step answered. For its own element, a `for_each` step answered what that did; for every
/// other step, the list of what all did.
fn output<'a>(view: View<'a>, value: &ValueKey, step: &StepKey) -> Result<Cow<'a, Value>, String> {
    let saga = view.saga().ok_or("only `input` is known here")?;
    if let Some(element) = view.element()
        && element.step == step.step
    {
        return piece(view, saga, &ValueKey::Output(element.clone()), element);
    }
    if saga.elements(&step.step).is_none() {
        return piece(view, saga, value, step);
    }
    let all = saga.pieces(&step.step).map(|element| {
        let value = ValueKey::Output(element.clone());
        piece(view, saga, &value, &element).map(Cow::into_owned)
    });
    all.collect::<Result<Value, _>>().map(Cow::Owned)
}

/// What one piece of work answered. One that was passed over has no output, and that is what it
/// reads as.
fn piece<'a>(
    view: View<'a>,
    saga: &Saga,
    value: &ValueKey,
    key: &StepKey,
) -> Result<Cow<'a, Value>, String> {
    match (view.value(value), saga.step_status(key)) {
        (Some(output), _) => Ok(Cow::Borrowed(output)),
        (None, StepStatus::Skipped | StepStatus::Failed | StepStatus::NeverHappened) => {
            Ok(Cow::Owned(Value::Null))
        }
        (
            None,
            status @ (StepStatus::Pending
            | StepStatus::Scheduled
            | StepStatus::Waiting
            | StepStatus::BackingOff
            | StepStatus::Succeeded
            | StepStatus::Settling
            | StepStatus::OutcomeUnknown
            | StepStatus::Compensating
            | StepStatus::Compensated
            | StepStatus::CompensationFailed),
        ) => {
            let status = status.as_str();
            Err(format!(
                "step `{key}` is {status}, its output is not at hand"
            ))
        }
    }
}

/// What a value is, for people.
pub(super) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
