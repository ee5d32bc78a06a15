//! Operations that only look something up, or decide something: they change nothing.

use async_trait::async_trait;
use serde_json::{Value, json};
use worker_runtime::{Answer, Call, Handler};

use super::answers::{number, text};

/// Cents for a period, as the price service says and as the price list does.
const QUOTED_CENTS: i64 = 1_200;
const LISTED_CENTS: i64 = 1_500;

/// How an answer follows from the call.
pub(super) type Look = fn(&Call) -> Result<Value, Answer>;

/// One operation without an effect.
pub(super) struct Lookup(pub(super) Look);

/// Every one of them, by its name.
pub(super) const LOOKUPS: [(&str, Look); 7] = [
    ("prices.quote", quote),
    ("prices.list", list),
    ("rates.get", rate),
    ("checks.identity", identity),
    ("checks.credit", credit),
    ("checks.decide", decide),
    ("warehouse.count", count),
];

#[async_trait]
impl Handler for Lookup {
    async fn run(&self, call: &Call) -> Answer {
        (self.0)(call).map_or_else(|answer| answer, Answer::Done)
    }
}

/// Of a plan that starts with `unquoted` the price service knows nothing to say.
fn quote(call: &Call) -> Result<Value, Answer> {
    if text(call, "/plan")?.starts_with("unquoted") {
        return Err(Answer::retry(
            "no_quote",
            "the price service does not answer",
        ));
    }
    Ok(json!({ "price": QUOTED_CENTS }))
}

fn list(call: &Call) -> Result<Value, Answer> {
    text(call, "/plan")?;
    Ok(json!({ "price": LISTED_CENTS }))
}

/// For the currency `ZZZ` the rate service does not answer.
fn rate(call: &Call) -> Result<Value, Answer> {
    match text(call, "/to")? {
        "ZZZ" => Err(Answer::retry("no_rate", "the rate service does not answer")),
        "EUR" => Ok(json!({ "rate": 1.0 })),
        _ => Ok(json!({ "rate": 1.25 })),
    }
}

/// Nobody whose name starts with `listed` gets an account.
fn identity(call: &Call) -> Result<Value, Answer> {
    let name = text(call, "/name")?;
    if name.starts_with("listed") {
        let message = format!("{name} is on the watch list");
        return Err(Answer::fail("watch_listed", message));
    }
    Ok(json!({ "name": name }))
}

fn credit(call: &Call) -> Result<Value, Answer> {
    text(call, "/name")?;
    Ok(json!({ "score": 700 }))
}

fn decide(call: &Call) -> Result<Value, Answer> {
    let by = text(call, "/by")?;
    match call.input.pointer("/approved").and_then(Value::as_bool) {
        Some(true) => Ok(json!({ "by": by })),
        Some(false) => Err(Answer::fail("rejected", format!("{by} said no"))),
        None => Err(Answer::fail(
            "bad_input",
            "the input has no true or false at /approved",
        )),
    }
}

/// At a warehouse that starts with `short` something is always missing.
fn count(call: &Call) -> Result<Value, Answer> {
    let expected = number(call, "/expected")?;
    if text(call, "/warehouse")?.starts_with("short") {
        let message = format!("{} pieces arrived, not {expected}", expected - 1);
        return Err(Answer::fail("goods_missing", message));
    }
    Ok(json!({ "counted": expected }))
}
