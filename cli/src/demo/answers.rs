//! Reading inputs, and answering when they lack something.

use serde_json::Value;
use worker_runtime::{Answer, Call};

/// The text at a JSON Pointer of the input.
pub(super) fn text<'a>(call: &'a Call, pointer: &str) -> Result<&'a str, Answer> {
    call.input
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| missing(pointer, "text"))
}

/// The whole number at a JSON Pointer of the input, or of what is undone.
pub(super) fn number(call: &Call, pointer: &str) -> Result<i64, Answer> {
    let undone = call
        .undoes
        .as_ref()
        .and_then(|undoes| undoes.input.pointer(pointer));
    let value = call.input.pointer(pointer).or(undone);
    value
        .and_then(Value::as_i64)
        .ok_or_else(|| missing(pointer, "a whole number"))
}

/// The `sku` and `quantity` of each of the input's items.
pub(super) fn items(call: &Call) -> Result<Vec<(&str, i64)>, Answer> {
    let items = call.input.pointer("/items").and_then(Value::as_array);
    let items = items.ok_or_else(|| missing("/items", "a list"))?;
    items
        .iter()
        .map(|item| {
            let sku = item.get("sku").and_then(Value::as_str);
            let quantity = item.get("quantity").and_then(Value::as_i64);
            sku.zip(quantity)
                .ok_or_else(|| missing("/items", "a list of sku and quantity"))
        })
        .collect()
}

fn missing(pointer: &str, what: &str) -> Answer {
    Answer::fail("bad_input", format!("the input has no {what} at {pointer}"))
}
