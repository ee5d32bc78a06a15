//! Outputs made from what a definition reads of them, for whoever has not written any down.

use std::collections::BTreeMap;

use saga_core::ids::StepName;
use serde_json::{Map, Value, json};

/// Where an expression begins to read a step.
const ROOT: &str = "steps.";
/// Where the output of that step begins.
const OUTPUT: &str = ".output";

/// Calls on a list; what they are made on is a list.
const LIST_CALLS: [&str; 5] = ["all", "exists", "exists_one", "filter", "map"];
/// Calls on a text.
const TEXT_CALLS: [&str; 3] = ["contains", "endsWith", "startsWith"];

/// For each step whose output the source reads: an object with the fields that are read, each a
/// text with the field's name, or a number or list where it is used like one.
///
/// It looks at the text alone. The guess may be wrong, and the run without faults then says so.
pub(super) fn guess(source: &str) -> BTreeMap<StepName, Value> {
    let mut guessed: BTreeMap<StepName, Value> = BTreeMap::new();
    let mut rest = source;
    while let Some(at) = rest.find(ROOT) {
        let starts_a_word = !rest[..at].ends_with(is_part_of_name);
        rest = &rest[at + ROOT.len()..];
        let (step, after) = name(rest);
        if !starts_a_word || step.is_empty() {
            continue;
        }
        let Some(after) = after.strip_prefix(OUTPUT) else {
            continue;
        };
        let (path, leaf) = path(after);
        let output = guessed
            .entry(StepName::new(step))
            .or_insert_with(|| json!({}));
        put(output, &path, leaf);
    }
    guessed
}

/// The fields that follow, and what the last of them looks like.
fn path(mut rest: &str) -> (Vec<&str>, Value) {
    let mut fields = Vec::new();
    while let Some(after) = rest.strip_prefix('.') {
        let (field, after) = name(after);
        if field.is_empty() {
            break;
        }
        if after.starts_with('(') {
            let leaf = if LIST_CALLS.contains(&field) {
                json!([])
            } else if TEXT_CALLS.contains(&field) {
                text(fields.last().copied())
            } else {
                json!({})
            };
            return (fields, leaf);
        }
        fields.push(field);
        rest = after;
    }
    let leaf = if is_counted(rest) {
        json!(1)
    } else {
        text(fields.last().copied())
    };
    (fields, leaf)
}

fn text(field: Option<&str>) -> Value {
    field.map_or_else(|| json!({}), |field| json!(format!("{field}-1")))
}

/// Whether what follows compares by size or computes, which only numbers allow.
fn is_counted(rest: &str) -> bool {
    let rest = rest.trim_start_matches(' ');
    rest.starts_with(['<', '>', '*', '%', '-'])
}

fn put(output: &mut Value, path: &[&str], leaf: Value) {
    let mut at = output;
    for field in path {
        if !at.is_object() {
            *at = json!({});
        }
        let Value::Object(fields) = at else { return };
        at = fields
            .entry((*field).to_owned())
            .or_insert_with(|| Value::Object(Map::new()));
    }
    // What is read as an object elsewhere stays one, and a number or list is the better guess.
    let is_blank = at.as_object().is_some_and(Map::is_empty);
    if is_blank || (at.is_string() && !leaf.is_string() && !leaf.is_object()) {
        *at = leaf;
    }
}

fn name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_part_of_name(c)).unwrap_or(text.len()))
}

const fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_guessed_from_how_they_are_read() {
        let source = r#"
            input: { id: "${steps.charge.output.chargeId}" }
            when: ${steps.check.output.score > 5 && steps.check.output.name.startsWith("a")}
            text: paid ${steps.charge.output.receipt.number} by ${steps.charge.output.receipt}
            list: ${steps.pick.output.items.map(it, it.sku)} ${steps.charge.status}
            all: ${steps.whole.output} ${mysteps.no.output.x}
        "#;
        let guessed = guess(source);
        let of = |step: &str| guessed.get(&StepName::new(step)).cloned();
        assert_eq!(
            of("charge"),
            Some(json!({ "chargeId": "chargeId-1", "receipt": { "number": "number-1" } }))
        );
        assert_eq!(of("check"), Some(json!({ "score": 1, "name": "name-1" })));
        assert_eq!(of("pick"), Some(json!({ "items": [] })));
        assert_eq!(of("whole"), Some(json!({})));
        assert_eq!(guessed.len(), 4);
    }
}
