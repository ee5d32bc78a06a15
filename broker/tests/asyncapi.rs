//! `docs/asyncapi.json` describes what is sent: every golden message is as it says, and it says
//! nothing of messages that there are not.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail the test that asked"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

fn read(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("JSON")
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The document; objects that say what they have may have nothing else. Readers ignore what they do
/// not know, but what is sent is to be described.
fn document() -> Value {
    let mut document = read(&here().join("../docs/asyncapi.json"));
    close(&mut document["components"]);
    document
}

fn close(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.get("type").is_some_and(|kind| kind == "object")
                && fields.contains_key("properties")
            {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The messages of the document by their type.
fn described(document: &Value) -> Vec<(String, Value)> {
    let messages = document["components"]["messages"]
        .as_object()
        .expect("messages");
    let named = messages.values().map(|message| {
        let name = message["name"].as_str().expect("a name");
        (name.to_owned(), message.clone())
    });
    named.collect()
}

fn wrong(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let schema = json!({"components": document["components"], "allOf": [schema]});
    // By themselves, formats are only remarks.
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    let validator = options.build(&schema).expect("a schema");
    let errors = validator.iter_errors(value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn every_golden_message_is_as_the_document_says() {
    let document = document();
    let described = described(&document);
    let mut seen = BTreeSet::new();
    for file in std::fs::read_dir(here().join("tests/golden")).expect("the golden messages") {
        let path = file.expect("a file").path();
        let golden = read(&path);
        let kind = golden["properties"]["kind"].as_str().expect("a type");
        let (_, message) = described
            .iter()
            .find(|(name, _)| name == kind)
            .unwrap_or_else(|| panic!("{kind} is not described"));
        let body = wrong(&document, &message["payload"], &golden["body"]);
        assert!(body.is_empty(), "{}: {body:?}", path.display());
        let carried = golden["properties"].get("headers");
        match (message.get("headers"), carried) {
            (Some(described), Some(carried)) => {
                let headers = wrong(&document, described, carried);
                assert!(headers.is_empty(), "{}: {headers:?}", path.display());
            }
            (described, carried) => {
                let alike = described.is_none() == carried.is_none();
                assert!(alike, "{}: {carried:?} is described", path.display());
            }
        }
        seen.insert(kind.to_owned());
    }
    let names: BTreeSet<String> = described.into_iter().map(|(name, _)| name).collect();
    assert_eq!(seen, names, "what is sent, and what is described");
}

#[test]
fn a_message_that_is_not_as_described_is_found() {
    let document = document();
    for (name, message) in described(&document) {
        let body = json!({"surprise": true});
        assert!(
            !wrong(&document, &message["payload"], &body).is_empty(),
            "{name}"
        );
    }
}

/// Every text of a message that reads like a time.
fn times<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
    match value {
        Value::String(text) => {
            let is_time = text.starts_with("20") && text.as_bytes().get(10) == Some(&b'T');
            if is_time {
                found.push(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| times(item, found)),
        Value::Object(fields) => fields.values_mut().for_each(|field| times(field, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The document promises times, and a text that is none does not keep the promise.
#[test]
fn what_is_sent_as_a_time_is_described_as_one() {
    let document = document();
    let mut seen = 0;
    for file in std::fs::read_dir(here().join("tests/golden")).expect("the golden messages") {
        let path = file.expect("a file").path();
        let mut golden = read(&path);
        let kind = golden["properties"]["kind"].clone();
        let mut described = described(&document).into_iter();
        let message = described
            .find(|(name, _)| *name == kind)
            .expect("described");
        let body = golden["body"].take();
        let mut all = Vec::new();
        let mut copy = body.clone();
        times(&mut copy, &mut all);
        let all = all.len();
        for one in 0..all {
            let mut body = body.clone();
            let mut found = Vec::new();
            times(&mut body, &mut found);
            *found.swap_remove(one) = json!("yesterday");
            let wrong = wrong(&document, &message.1["payload"], &body);
            assert!(!wrong.is_empty(), "{}: {one} of {all}", path.display());
        }
        seen += all;
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut places = vec![&document];
    while let Some(place) = places.pop() {
        if let Some(to) = place.get("$ref").and_then(Value::as_str) {
            let pointer = to.strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some(), "{to} leads nowhere");
        }
        match place {
            Value::Array(items) => places.extend(items),
            Value::Object(fields) => places.extend(fields.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
