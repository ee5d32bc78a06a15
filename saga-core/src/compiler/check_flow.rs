//! The proof that what an expression reads is there when it runs.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::check_graph::{Graph, positions};
use super::code::Code;
use super::diagnostic::Report;
use super::draft::{Draft, DraftStep};
use super::interpolation::Use;
use super::suggest::closest;
use crate::expression::ReferenceRoot;

/// Reports every expression that reads what may not be there.
pub(super) fn check(draft: &Draft, graph: &Graph, report: &mut Report<'_>) {
    let mut flow = Flow {
        draft,
        graph,
        positions: positions(&draft.steps),
        report,
    };
    for used in &draft.key_uses {
        flow.key(used);
    }
    for (position, step) in draft.steps.iter().enumerate() {
        let uses = step.when_uses.iter().chain(&step.for_each_uses);
        for used in uses.chain(&step.uses) {
            flow.step(used, position, false);
        }
        for used in &step.compensate_uses {
            flow.step(used, position, true);
        }
        if let Some(other) = step.fallback() {
            for used in &other.uses {
                flow.step(used, position, false);
            }
            for used in &other.compensate_uses {
                flow.step(used, position, true);
            }
        }
    }
    for used in &draft.output_uses {
        flow.output(used);
    }
}

struct Flow<'d, 'r, 's> {
    draft: &'d Draft,
    graph: &'d Graph,
    positions: BTreeMap<&'d str, usize>,
    report: &'r mut Report<'s>,
}

impl Flow<'_, '_, '_> {
    fn key(&mut self, used: &Use) {
        if used.reference.root == ReferenceRoot::Input {
            self.input(used, &[]);
            return;
        }
        self.report.error_with(
            Code::OnlyInput,
            used.span,
            format!("`key` cannot read `{}`", used.reference.root.text()),
            "the key is computed before the saga exists; it can read `input` only",
        );
    }

    fn output(&mut self, used: &Use) {
        match used.reference.root.step() {
            Some(name) => {
                if let Some(read) = self.known(used, name) {
                    self.perhaps_null(used, read, &[]);
                }
            }
            None => self.input(used, &[]),
        }
    }

    fn step(&mut self, used: &Use, position: usize, undo: bool) {
        let guards = &self.draft.steps[position].when_uses;
        let Some(name) = used.reference.root.step() else {
            self.input(used, guards);
            return;
        };
        let Some(read) = self.known(used, name) else {
            return;
        };
        if self.graph.cyclic || (undo && read == position) {
            return;
        }
        if self.graph.is_before(read, position) {
            self.perhaps_null(used, read, guards);
            return;
        }
        let reader = self.draft.steps[position].shown();
        let (message, help) = if read == position {
            let message = format!("`{reader}` reads itself before it has run");
            (
                message,
                "only its compensation can read what it answered".to_owned(),
            )
        } else if self.graph.is_before(position, read) {
            let message = format!("`{name}` runs after `{reader}`, so there is nothing to read");
            (
                message,
                format!("let `{reader}` depend on `{name}`, and not the other way round"),
            )
        } else {
            let message = format!("`{name}` may not have finished when `{reader}` starts");
            (
                message,
                format!("add `{name}` to the `depends_on` of `{reader}`"),
            )
        };
        self.report
            .error_with(Code::NotFinished, used.span, message, help);
    }

    fn known(&mut self, used: &Use, name: &str) -> Option<usize> {
        if self.report.is_full() {
            return None;
        }
        let known = self.positions.get(name).copied();
        if known.is_none() {
            let help = match closest(name, self.positions.keys().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => "`steps.<id>` names a step of this saga".to_owned(),
            };
            let message = format!("there is no step `{name}`");
            self.report
                .error_with(Code::UnknownStep, used.span, message, help);
        }
        known
    }

    fn perhaps_null(&mut self, used: &Use, read: usize, guards: &[Use]) {
        let step: &DraftStep = &self.draft.steps[read];
        let guarded = used.guarded || is_guarded(used, guards);
        let output = matches!(used.reference.root, ReferenceRoot::Output(_));
        if output && !used.reference.fields.is_empty() && step.may_be_passed_over() && !guarded {
            let id = step.shown();
            self.report.warning(
                Code::PerhapsNull,
                used.span,
                format!("the output of `{id}` is null when it was skipped or gave up"),
                format!("guard it: steps.{id}.status == \"succeeded\" ? … : …"),
            );
        }
    }

    fn input(&mut self, used: &Use, guards: &[Use]) {
        let Some(schema) = &self.draft.input_schema else {
            return;
        };
        if used.reference.root != ReferenceRoot::Input || self.report.is_full() {
            return;
        }
        let mut at = schema.source();
        let mut path = "input".to_owned();
        let mut optional = None;
        for field in &used.reference.fields {
            let Some(properties) = properties(at) else {
                break;
            };
            let Some(next) = properties.get(field) else {
                if at
                    .get("additionalProperties")
                    .is_none_or(|more| *more == Value::Bool(false))
                {
                    let help = match closest(field, properties.keys().map(String::as_str)) {
                        Some(close) => format!("did you mean `{close}`?"),
                        None => format!("add it to `properties` in the schema of `{path}`"),
                    };
                    let message = format!("`{path}` has no field `{field}`");
                    self.report
                        .error_with(Code::UnknownInputField, used.span, message, help);
                }
                return;
            };
            path.push('.');
            path.push_str(field);
            let required = at.get("required").and_then(Value::as_array);
            let required = required.is_some_and(|all| all.iter().any(|name| name == field));
            if !required && optional.is_none() {
                optional = Some(path.clone());
            }
            at = next;
        }
        if let Some(path) = optional
            && !used.guarded
            && !is_guarded(used, guards)
        {
            self.report.warning(
                Code::OptionalInput,
                used.span,
                format!("`{path}` may be missing: the schema does not require it"),
                format!("add it to `required`, or guard it: has({path}) ? … : …"),
            );
        }
    }
}

/// Whether the step's `when` looks at the same thing first.
fn is_guarded(used: &Use, guards: &[Use]) -> bool {
    guards.iter().any(|guard| {
        let same_step = used.reference.root.step().is_some()
            && used.reference.root.step() == guard.reference.root.step();
        let same_input = guard.reference.root == used.reference.root
            && guard.reference.tested
            && used.reference.fields.starts_with(&guard.reference.fields);
        same_step || same_input
    })
}

/// The properties of a schema, when they are the only thing that says which fields there are.
fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    const OTHERS: [&str; 9] = [
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
    let open = OTHERS.iter().any(|keyword| schema.get(keyword).is_some());
    schema
        .get("properties")
        .and_then(Value::as_object)
        .filter(|_| !open)
}
