//! Outputs that are not known yet: whatever the definition reads of them, as a text that says so.

use serde_json::{Map, Value};

use crate::definition::{Definition, Effect, StepKind};
use crate::ids::StepName;

/// An output of this shape is good enough for every expression that only passes it on.
pub(super) fn output(definition: &Definition, step: &StepName) -> Value {
    let root = format!("steps.{step}.output");
    let mut found = Value::Null;
    for text in texts(definition) {
        for (at, _) in text.match_indices(&root) {
            let rest = &text[at + root.len()..];
            let fields = fields(rest);
            put(&mut found, &root, &fields);
        }
    }
    if found.is_null() {
        found = Value::Object(Map::new());
    }
    found
}

/// The names after a root: of `.a.b + 1` they are `a` and `b`.
fn fields(rest: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = rest;
    while let Some(after) = rest.strip_prefix('.') {
        let end = after
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(after.len());
        let (name, tail) = after.split_at(end);
        if name.is_empty() || tail.starts_with('(') {
            break;
        }
        fields.push(name);
        rest = tail;
    }
    fields
}

fn put(place: &mut Value, path: &str, fields: &[&str]) {
    let Some((first, rest)) = fields.split_first() else {
        if place.is_null() {
            *place = Value::String(format!("<{path}>"));
        }
        return;
    };
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    if let Value::Object(object) = place {
        let path = format!("{path}.{first}");
        put(object.entry(*first).or_insert(Value::Null), &path, rest);
    }
}

/// Every text with expressions in it.
fn texts(definition: &Definition) -> Vec<String> {
    let mut texts = Vec::new();
    let mut add = |value: Value| texts.push(value.to_string());
    for step in &definition.steps {
        if let Some(when) = &step.when {
            add(when.text().into());
        }
        if let Some(each) = &step.for_each {
            add(each.items.text().into());
        }
        for plan in step.plans() {
            match plan.kind {
                StepKind::Action(call) => add(call.input.written()),
                StepKind::Saga(child) => add(child.input.written()),
                StepKind::Sleep(span) => add(span.written()),
                StepKind::Wait(_) => {}
            }
            if let Effect::Compensate(undo) = plan.effect {
                add(undo.input.written());
            }
        }
    }
    texts.extend(
        definition
            .output
            .as_ref()
            .map(|output| output.written().to_string()),
    );
    texts
}
