//! What one version of a definition says differently from another.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::model::{
    Compensation, Definition, Effect, OnFailure, OnTimeout, Step, StepKind, Timeouts,
};
use super::retry::RetryPolicy;
use crate::ids::StepName;
use crate::time::format_span;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The step; `None` means the saga as a whole.
    pub step: Option<StepName>,
    /// Which field, by its name in the language; `step` when the step itself came or went.
    pub field: String,
    /// As it was; `None` when it was not there.
    pub before: Option<String>,
    /// As it is now; `None` when it is gone.
    pub after: Option<String>,
}

/// Every difference, that of the saga first and then step by step.
#[must_use]
pub fn compare(from: &Definition, to: &Definition) -> Vec<Change> {
    let mut changes = Vec::new();
    differ(None, saga(from), saga(to), &mut changes);
    for step in &from.steps {
        let fields = match to.step(&step.name) {
            Some(other) => Some(fields(other, to)),
            None => {
                changes.push(Change {
                    step: Some(step.name.clone()),
                    field: "step".to_owned(),
                    before: Some(shown(&step.kind)),
                    after: None,
                });
                None
            }
        };
        if let Some(after) = fields {
            let before = self::fields(step, from);
            differ(Some(&step.name), before, after, &mut changes);
        }
    }
    for step in &to.steps {
        if from.step(&step.name).is_none() {
            changes.push(Change {
                step: Some(step.name.clone()),
                field: "step".to_owned(),
                before: None,
                after: Some(shown(&step.kind)),
            });
        }
    }
    changes
}

/// Fields in words, in the order in which they are told.
type Fields = Vec<(String, String)>;

fn differ(step: Option<&StepName>, before: Fields, after: Fields, changes: &mut Vec<Change>) {
    let mut rest: BTreeMap<String, String> = after.iter().cloned().collect();
    for (field, was) in before {
        let is = rest.remove(&field);
        if is.as_ref() != Some(&was) {
            changes.push(Change {
                step: step.cloned(),
                field,
                before: Some(was),
                after: is,
            });
        }
    }
    for (field, is) in after {
        if rest.contains_key(&field) {
            changes.push(Change {
                step: step.cloned(),
                field,
                before: None,
                after: Some(is),
            });
        }
    }
}

fn saga(definition: &Definition) -> Fields {
    let mut fields = Fields::new();
    let mut add = |name: &str, value: Option<String>| {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    };
    add("description", definition.description.clone());
    add(
        "key",
        definition.key.as_ref().map(|key| json(&key.written())),
    );
    add("deadline", definition.deadline.map(format_span));
    add("max_lifetime", Some(format_span(definition.max_lifetime)));
    add(
        "input",
        definition
            .input_schema
            .as_ref()
            .map(|schema| json(schema.source())),
    );
    if definition.key.is_some() {
        add(
            "id_reuse_policy",
            Some(format!("{:?}", definition.key_policy.reuse)),
        );
        add(
            "id_conflict_policy",
            Some(format!("{:?}", definition.key_policy.conflict)),
        );
    }
    for (name, label) in &definition.labels {
        add(&format!("labels.{name}"), Some(label.clone()));
    }
    add(
        "output",
        definition
            .output
            .as_ref()
            .map(|output| json(&output.written())),
    );
    fields
}

fn fields(step: &Step, definition: &Definition) -> Fields {
    let mut fields = Fields::new();
    kind("", &step.kind, &mut fields);
    let before: Vec<&str> = step
        .depends_on
        .iter()
        .map(|at| definition.steps[*at].name.as_str())
        .collect();
    let mut add = |name: &str, value: Option<String>| {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    };
    add(
        "when",
        step.when.as_ref().map(|when| when.text().to_owned()),
    );
    add("depends_on", Some(format!("[{}]", before.join(", "))));
    add("pivot", step.pivot.then(|| "true".to_owned()));
    add("on_failure", Some(on_failure(&step.on_failure)));
    add(
        "priority",
        step.priority.map(|priority| priority.to_string()),
    );
    if let Some(each) = &step.for_each {
        add("for_each", Some(each.items.text().to_owned()));
        add("as", Some(each.name.to_string()));
        add("max_parallel", Some(each.max_parallel.to_string()));
    }
    effect("", &step.effect, &mut fields);
    policies("", &step.retry, &step.timeouts, &mut fields);
    if let OnFailure::Fallback(other) = &step.on_failure {
        kind("on_failure.", &other.kind, &mut fields);
        effect("on_failure.", &other.effect, &mut fields);
        policies("on_failure.", &other.retry, &other.timeouts, &mut fields);
    }
    fields
}

fn kind(prefix: &str, kind: &StepKind, fields: &mut Fields) {
    let mut add = |name: &str, value: Option<String>| {
        fields.extend(value.map(|value| (format!("{prefix}{name}"), value)));
    };
    match kind {
        StepKind::Action(call) => {
            add("action", Some(call.action.to_string()));
            add("input", Some(json(&call.input.written())));
        }
        StepKind::Wait(wait) => {
            add("wait_for.signal", Some(wait.signal.to_string()));
            add("wait_for.timeout", wait.timeout.map(format_span));
            let on_timeout = match &wait.on_timeout {
                OnTimeout::Fail => "fail".to_owned(),
                OnTimeout::Output(value) => format!("output {}", json(value)),
            };
            add("wait_for.on_timeout", Some(on_timeout));
        }
        StepKind::Sleep(span) => add("sleep", Some(json(&span.written()))),
        StepKind::Saga(child) => {
            add("saga.name", Some(child.name.to_string()));
            add(
                "saga.version",
                child.version.as_ref().map(ToString::to_string),
            );
            add("saga.input", Some(json(&child.input.written())));
        }
    }
}

/// What a step does, in a word.
fn shown(kind: &StepKind) -> String {
    match kind {
        StepKind::Action(call) => call.action.to_string(),
        StepKind::Wait(wait) => format!("wait_for {}", wait.signal),
        StepKind::Sleep(span) => format!("sleep {}", json(&span.written())),
        StepKind::Saga(child) => format!("saga {}", child.name),
    }
}

fn effect(prefix: &str, effect: &Effect, fields: &mut Fields) {
    let mut add = |name: &str, value: String| fields.push((format!("{prefix}{name}"), value));
    match effect {
        Effect::None => add("no_effect", "true".to_owned()),
        Effect::Residue(because) => add("compensate", format!("none, because {because}")),
        Effect::Compensate(undo) => compensation(prefix, undo, fields),
        // The kind of step says it all.
        Effect::Child | Effect::Retriable => {}
    }
}

fn compensation(prefix: &str, undo: &Compensation, fields: &mut Fields) {
    fields.push((
        format!("{prefix}compensate.action"),
        undo.action.to_string(),
    ));
    fields.push((
        format!("{prefix}compensate.input"),
        json(&undo.input.written()),
    ));
    let prefix = format!("{prefix}compensate.");
    policies(&prefix, &undo.retry, &undo.timeouts, fields);
}

fn policies(prefix: &str, retry: &RetryPolicy, timeouts: &Timeouts, fields: &mut Fields) {
    let mut add = |name: &str, value: Option<String>| {
        fields.extend(value.map(|value| (format!("{prefix}{name}"), value)));
    };
    let RetryPolicy {
        initial_interval,
        backoff_coefficient,
        maximum_interval,
        maximum_attempts,
        jitter,
        non_retryable_errors,
    } = retry;
    add(
        "retry.initial_interval",
        Some(format_span(*initial_interval)),
    );
    add(
        "retry.backoff_coefficient",
        Some(backoff_coefficient.to_string()),
    );
    add(
        "retry.maximum_interval",
        Some(format_span(*maximum_interval)),
    );
    add("retry.maximum_attempts", Some(maximum_attempts.to_string()));
    add("retry.jitter", Some(jitter.to_string()));
    let codes: Vec<&str> = non_retryable_errors.iter().map(String::as_str).collect();
    add(
        "retry.non_retryable_errors",
        Some(format!("[{}]", codes.join(", "))),
    );
    let Timeouts {
        schedule_to_start,
        start_to_close,
        schedule_to_close,
        heartbeat,
    } = timeouts;
    let span = |limit: &Option<Duration>| limit.map(format_span);
    add("timeouts.schedule_to_start", span(schedule_to_start));
    add("timeouts.start_to_close", span(start_to_close));
    add("timeouts.schedule_to_close", span(schedule_to_close));
    add("timeouts.heartbeat", span(heartbeat));
}

fn on_failure(on_failure: &OnFailure) -> String {
    match on_failure {
        OnFailure::Compensate => "compensate".to_owned(),
        OnFailure::Pause => "pause".to_owned(),
        OnFailure::Continue => "continue".to_owned(),
        OnFailure::Output(value) => format!("output {}", json(value)),
        OnFailure::LastGood(age) => format!("last_good {}", format_span(*age)),
        OnFailure::Fallback(other) => shown(&other.kind),
    }
}

/// Text as it is, anything else as JSON.
fn json(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{Change, compare};
    use crate::compiler::compile;
    use crate::definition::Definition;

    const ORDER: &str = include_str!("../../../sagas/order.yaml");

    fn definition(source: &str) -> Definition {
        let compiled = compile("x.yaml", source);
        compiled
            .definition
            .unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
    }

    fn told(changes: &[Change]) -> Vec<String> {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
        changes
            .iter()
            .map(|change| {
                let step = change.step.as_ref().map_or("saga", |step| step.as_str());
                format!(
                    "{step} {}: {} > {}",
                    change.field,
                    side(&change.before),
                    side(&change.after)
                )
            })
            .collect()
    }

    #[test]
    fn the_same_text_has_no_changes() {
        assert_eq!(compare(&definition(ORDER), &definition(ORDER)), []);
    }

    #[test]
    fn every_change_is_told_once_and_by_its_field() {
        let changed = ORDER
            .replace("version: 1.0.0", "version: 1.1.0")
            .replace("deadline: 30m", "deadline: 45m")
            .replace("labels: { team: shop }", "labels: { tier: one }")
            .replace("action: payments.refund", "action: payments.giveBack")
            .replace("schedule_to_close: 1d", "schedule_to_close: 2d")
            .replace(
                "text: Order ${input.orderId} over",
                "text: Your order ${input.orderId} over",
            )
            .replace("  - id: sendNotification", "  - id: notify");
        assert_eq!(
            told(&compare(&definition(ORDER), &definition(&changed))),
            [
                "saga deadline: 30m > 45m",
                "saga labels.team: shop > -",
                "saga labels.tier: - > one",
                "charge compensate.action: payments.refund > payments.giveBack",
                "charge compensate.timeouts.schedule_to_close: 1d > 2d",
                "sendNotification step: notifications.send > -",
                "scheduleDelivery depends_on: [sendNotification] > [notify]",
                "notify step: - > notifications.send",
            ]
        );
    }
}
