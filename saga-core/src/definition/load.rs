//! What one saga costs: rows, messages and bytes, as far as the definition tells.

use serde_json::Value;

use super::model::{Definition, Effect, StepKind};
use crate::expression::Template;

/// How many bytes a text is taken for where nothing says how long it is.
pub const TEXT_BYTES_ASSUMED: usize = 32;

/// How many elements a list is taken for where nothing says how long it is.
pub const ELEMENTS_ASSUMED: usize = 4;

/// Bytes of a command or a reply beside its input or output: properties, headers, frames.
pub const ENVELOPE_BYTES: usize = 700;

/// Bytes of one event of the log.
pub const EVENT_BYTES: usize = 180;

/// Deepest schema that is measured.
const SCHEMA_DEPTH_MAX: usize = 16;

/// What one saga costs, in the run in which every step succeeds at its first attempt, and in the
/// one in which the last step fails and everything before it is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// The run without trouble.
    pub forward: Cost,
    /// The run that is undone as a whole.
    pub undone: Cost,
}

/// The cost of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Rows that stay in the orchestrator's tables.
    pub rows: usize,
    /// Rows that stay in the workers' ledgers.
    pub ledger_rows: usize,
    /// Messages through the broker.
    pub messages: usize,
    /// Bytes that stay in the orchestrator's tables, roughly.
    pub stored_bytes: usize,
    /// Bytes through the broker, roughly.
    pub message_bytes: usize,
}

impl Load {
    /// The cost of one saga of this definition.
    #[must_use]
    pub fn of(definition: &Definition) -> Self {
        let input = definition
            .input_schema
            .as_ref()
            .map_or(2, |schema| schema_bytes(schema.source(), 0));
        let mut forward = Cost {
            // The saga, its key, its input; started and completed.
            rows: 2 + usize::from(definition.key.is_some()) + 2,
            stored_bytes: input + EVENT_BYTES * 2,
            ..Cost::default()
        };
        if definition.output.is_some() {
            forward.rows += 1;
        }
        let mut undone = forward;
        for step in &definition.steps {
            let (bytes, call) = match &step.kind {
                StepKind::Action(call) => {
                    let bytes = template_bytes(&call.input, input);
                    (bytes, self::call(bytes))
                }
                // Begun and ended; what a child saga costs is its own.
                StepKind::Wait(_) | StepKind::Sleep(_) | StepKind::Saga(_) => (0, EVENTS),
            };
            let times = match &step.for_each {
                Some(_) => ELEMENTS_ASSUMED,
                None => 1,
            };
            // The output is a row of its own, and so is an element.
            let values = 1 + usize::from(step.for_each.is_some());
            for _ in 0..times {
                forward.add(&call, TEXT_BYTES_ASSUMED * 2 * values, values);
                undone.add(&call, TEXT_BYTES_ASSUMED * 2 * values, values);
            }
            if let Effect::Compensate(undo) = &step.effect {
                // It is told what it undoes as well.
                let undo = template_bytes(&undo.input, input) + bytes + TEXT_BYTES_ASSUMED * 2;
                for _ in 0..times {
                    undone.add(&self::call(undo), 0, 0);
                }
            }
        }
        Self { forward, undone }
    }
}

/// Two events, and nothing sent.
const EVENTS: Cost = Cost {
    rows: 2,
    ledger_rows: 0,
    messages: 0,
    stored_bytes: EVENT_BYTES * 2,
    message_bytes: 0,
};

/// One command and its reply.
const fn call(input: usize) -> Cost {
    Cost {
        // Scheduled and answered.
        rows: 2,
        ledger_rows: 1,
        messages: 2,
        stored_bytes: EVENT_BYTES * 2,
        message_bytes: ENVELOPE_BYTES * 2 + input + TEXT_BYTES_ASSUMED * 2,
    }
}

impl Cost {
    const fn add(&mut self, call: &Self, kept: usize, values: usize) {
        self.rows += call.rows + values;
        self.ledger_rows += call.ledger_rows;
        self.messages += call.messages;
        self.stored_bytes += call.stored_bytes + kept;
        self.message_bytes += call.message_bytes;
    }
}

/// Bytes of a template's value. What it computes from the saga's input is at most the input.
fn template_bytes(template: &Template, input: usize) -> usize {
    let written = template.literal_bytes();
    let reads = template.reads();
    let outputs = reads.outputs.len() * TEXT_BYTES_ASSUMED;
    written + outputs + if reads.input { input } else { 0 }
}

/// Bytes of a value that this schema describes.
fn schema_bytes(schema: &Value, depth: usize) -> usize {
    if depth > SCHEMA_DEPTH_MAX {
        return TEXT_BYTES_ASSUMED;
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        return properties.iter().fold(2_usize, |sum, (name, one)| {
            sum.saturating_add(name.len() + 4)
                .saturating_add(schema_bytes(one, depth + 1))
        });
    }
    if let Some(items) = schema.get("items") {
        let most = schema.get("maxItems").and_then(Value::as_u64);
        let count = most.and_then(|most| usize::try_from(most).ok());
        let count = count.map_or(ELEMENTS_ASSUMED, |most| most.min(ELEMENTS_ASSUMED));
        return (schema_bytes(items, depth + 1) + 1).saturating_mul(count) + 2;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean" | "null") => 5,
        Some("integer" | "number") => 8,
        _ => {
            let most = schema.get("maxLength").and_then(Value::as_u64);
            let most = most.and_then(|most| usize::try_from(most).ok());
            most.map_or(TEXT_BYTES_ASSUMED, |most| most.min(TEXT_BYTES_ASSUMED)) + 2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Load;
    use crate::compiler::compile;

    #[test]
    fn an_order_costs_what_its_transcript_shows() {
        let order = compile("order.yaml", include_str!("../../../sagas/order.yaml"));
        let load = Load::of(&order.definition.expect("it compiles"));
        assert_eq!(
            load.forward.messages, 10,
            "a command and a reply for each step"
        );
        assert_eq!(load.forward.ledger_rows, 5);
        // The saga, its key, six values with the result; twelve events.
        assert_eq!(load.forward.rows, 1 + 1 + 7 + 12);
        assert_eq!(load.undone.messages, 20);
        assert!(load.forward.stored_bytes > 2_000 && load.forward.stored_bytes < 10_000);
        assert!(load.undone.message_bytes > load.forward.message_bytes);
    }
}
