//! JSON Schemas of the language and of the catalogue, for editors: they complete and underline.
//!
//! Which fields there are comes from the tables that the compiler itself reads with, so a new field
//! is in the schema or a test fails. What only the compiler can prove is left to it.

use serde_json::{Map, Value, json};

use super::lower_catalogue::{CATALOGUE_FIELDS, OPERATION_FIELDS};
use super::lower_step::PRIORITY_MAX;
use super::policy::{ATTEMPTS_MAX, COEFFICIENT_MAX};
use super::{lower, lower_step, policy};

/// The dialect that editors understand best.
const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

const SPAN: &str = "^([0-9]+(ms|s|m|h|d))+$";
const ACTION: &str = "^[A-Za-z][A-Za-z0-9_-]*\\.[A-Za-z][A-Za-z0-9_-]*$";
const VERSION: &str = "^[0-9]+\\.[0-9]+\\.[0-9]+([-+].*)?$";

/// The schema of a saga's file.
#[must_use]
pub fn saga_schema() -> Value {
    let mut schema = object(&lower::KNOWN, &["saga", "version", "steps"], saga_field);
    schema["$schema"] = DIALECT.into();
    schema["title"] = "A saga of amends".into();
    schema["definitions"] = json!({
        "span": { "type": "string", "pattern": SPAN, "examples": ["250ms", "30s", "1m30s", "2h"] },
        "action": { "type": "string", "pattern": ACTION, "examples": ["payments.charge"] },
        "retry": object(&policy::RETRY, &[], retry_field),
        "timeouts": object(&policy::TIMEOUTS, &[], |name| described(timeout(name), SPAN_REF)),
        "compensate": object(&lower_step::COMPENSATE, &["action"], compensate_field),
        "step": object(&lower_step::KNOWN, &["id"], step_field),
    });
    schema
}

/// The schema of a catalogue's file.
#[must_use]
pub fn catalogue_schema() -> Value {
    let mut schema = object(&CATALOGUE_FIELDS, &CATALOGUE_FIELDS, |_| {
        json!({
            "description": "What workers can do, by pool.operation",
            "type": "object",
            "propertyNames": { "pattern": ACTION },
            "additionalProperties": { "$ref": "#/definitions/operation" },
        })
    });
    schema["$schema"] = DIALECT.into();
    schema["title"] = "A catalogue of operations for amends".into();
    schema["definitions"] = json!({
        "operation": object(&OPERATION_FIELDS, &["version", "effect"], operation_field),
    });
    schema
}

const SPAN_REF: &str = "#/definitions/span";

fn object(names: &[&str], required: &[&str], field: impl Fn(&str) -> Value) -> Value {
    let properties: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), field(name)))
        .collect();
    let mut object = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

/// A description beside a reference, which draft 07 reads only inside `allOf`.
fn described(description: &str, reference: &str) -> Value {
    json!({ "description": description, "allOf": [{ "$ref": reference }] })
}

fn text(description: &str) -> Value {
    json!({ "description": description, "type": ["string", "number", "boolean"] })
}

fn any(description: &str) -> Value {
    json!({ "description": description })
}

fn saga_field(name: &str) -> Value {
    match name {
        "saga" => json!({
            "description": "The saga's name: lower-case letters, digits and dashes",
            "type": "string",
            "pattern": "^[a-z][a-z0-9-]*$",
            "maxLength": lower::NAME_BYTES_MAX,
        }),
        "version" => json!({
            "description": "Semantic version; a registered version never changes",
            "type": "string",
            "pattern": VERSION,
        }),
        "description" => text("One sentence for people"),
        "key" => text("Business key: starting twice with it returns the same saga"),
        "deadline" => described(
            "For the way forward; when it passes the saga compensates, after the pivot it alerts",
            SPAN_REF,
        ),
        "max_lifetime" => described(
            "After that the saga rests paused; 30d when absent",
            SPAN_REF,
        ),
        "labels" => json!({
            "description": "Labels that every saga of this definition carries",
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        }),
        "input" => json!({
            "description": "JSON Schema (2020-12) of the start payload",
            "type": ["object", "boolean"],
        }),
        "defaults" => {
            let mut defaults = object(&lower::DEFAULTS, &[], policy_field);
            defaults["description"] = "What steps and compensations inherit".into();
            defaults
        }
        "steps" => json!({
            "description": "One after the other, unless depends_on says otherwise",
            "type": "array",
            "minItems": 1,
            "maxItems": lower::STEPS_MAX,
            "items": { "$ref": "#/definitions/step" },
        }),
        "output" => any("The saga's answer"),
        _ => json!({}),
    }
}

fn policy_field(name: &str) -> Value {
    match name {
        "retry" => described(
            "How often and when it is tried again",
            "#/definitions/retry",
        ),
        "timeouts" => described("How long it may take", "#/definitions/timeouts"),
        _ => json!({}),
    }
}

fn compensate_field(name: &str) -> Value {
    match name {
        "action" => described(
            "pool.operation that undoes the step",
            "#/definitions/action",
        ),
        "input" => any("What it is given; it may read the step's own output"),
        other => policy_field(other),
    }
}

fn step_field(name: &str) -> Value {
    match name {
        "id" => json!({
            "description": "How expressions call the step",
            "type": "string",
            "pattern": "^[a-z][A-Za-z0-9_]*$",
            "maxLength": lower::NAME_BYTES_MAX,
            "not": { "enum": ["input", "saga", "steps"] },
        }),
        "action" => described(
            "pool.operation: which workers do it",
            "#/definitions/action",
        ),
        "input" => any("What it is given; ${…} is computed"),
        "when" => json!({
            "description": "One expression; false skips the step",
            "type": "string",
            "pattern": "^\\s*\\$\\{[\\s\\S]*\\}\\s*$",
        }),
        "depends_on" => json!({
            "description": "Steps that must finish first; [] starts at once; absent: the one before",
            "type": "array",
            "uniqueItems": true,
            "items": { "type": "string" },
        }),
        "compensate" => json!({
            "description": "What undoes the step; none, with because, when nothing can",
            "oneOf": [{ "const": "none" }, { "$ref": "#/definitions/compensate" }],
        }),
        "because" => text("Why the step cannot be undone; goes with compensate: none"),
        "no_effect" => json!({
            "description": "The step changes nothing",
            "const": true,
        }),
        "pivot" => json!({
            "description": "The point of no return: once it has succeeded, the saga goes forward",
            "type": "boolean",
        }),
        "on_failure" => json!({
            "description": "What happens when it fails for good; compensate when absent",
            "oneOf": [
                { "enum": ["compensate", "pause", "continue"] },
                {
                    "type": "object",
                    "required": ["output"],
                    "additionalProperties": false,
                    "properties": { "output": any("What its dependents read instead") },
                },
            ],
        }),
        "priority" => json!({
            "description": "Orders the work of one queue, higher first",
            "type": "integer",
            "minimum": 0,
            "maximum": PRIORITY_MAX,
        }),
        other => policy_field(other),
    }
}

fn retry_field(name: &str) -> Value {
    match name {
        "initial_interval" => described("Delay before the second attempt; 1s", SPAN_REF),
        "maximum_interval" => described("No delay is longer; 1m", SPAN_REF),
        "backoff_coefficient" => json!({
            "description": "Each further delay is this many times longer; 2.0",
            "type": "number",
            "minimum": 1,
            "maximum": COEFFICIENT_MAX,
        }),
        "maximum_attempts" => json!({
            "description": "Attempts in all; 0 has no limit; 5",
            "type": "integer",
            "minimum": 0,
            "maximum": ATTEMPTS_MAX,
        }),
        "jitter" => json!({
            "description": "Delays vary by this share in both directions; 0.2",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
        }),
        "non_retryable_errors" => json!({
            "description": "Error codes that are not worth another attempt",
            "type": "array",
            "items": { "type": ["string", "number"] },
        }),
        _ => json!({}),
    }
}

fn timeout(name: &str) -> &'static str {
    match name {
        "schedule_to_start" => "From dispatch until a worker begins",
        "start_to_close" => "One attempt, from the handler's start to its end",
        "schedule_to_close" => "All attempts, from the first dispatch",
        "heartbeat" => "Longest silence of a running handler",
        _ => "",
    }
}

fn operation_field(name: &str) -> Value {
    match name {
        "version" => json!({
            "description": "Semantic version, which its workers announce",
            "type": "string",
            "pattern": VERSION,
        }),
        "description" => text("One sentence for people"),
        "effect" => json!({
            "description": "Where its effect is kept: in the database of the ledger, or elsewhere",
            "enum": ["transactional", "outside"],
        }),
        "repeat" => json!({
            "description": "What may be done about a call that was never answered",
            "enum": ["safe", "resolve", "never"],
        }),
        "input" | "output" => json!({
            "description": format!("JSON Schema (2020-12) of its {name}"),
            "type": ["object", "boolean"],
        }),
        "errors" => json!({
            "description": "The codes it fails with, and what each means",
            "oneOf": [
                { "type": "object", "additionalProperties": { "type": "string" } },
                { "type": "array", "items": { "type": "string" } },
            ],
        }),
        _ => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    use super::super::diagnostic::Report;
    use super::super::{Code, compile, parse};
    use super::{catalogue_schema, saga_schema};

    fn files(folder: &str) -> Vec<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "yaml"))
            .collect();
        paths.sort();
        let read = |path: PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        };
        paths.into_iter().map(read).collect()
    }

    fn json(source: &str) -> Option<Value> {
        parse::parse(source, &mut Report::new(source)).map(|root| root.to_json())
    }

    /// Every `properties` of a schema, by where it is.
    fn properties(schema: &Value, path: &str, found: &mut Vec<(String, Value)>) {
        let Value::Object(fields) = schema else {
            return;
        };
        for (name, value) in fields {
            if name == "properties" {
                for (field, schema) in value.as_object().unwrap() {
                    found.push((format!("{path}/{field}"), schema.clone()));
                }
            }
            properties(value, &format!("{path}/{name}"), found);
        }
    }

    #[test]
    fn every_field_that_the_compiler_reads_is_described() {
        for schema in [saga_schema(), catalogue_schema()] {
            let mut found = Vec::new();
            properties(&schema, "", &mut found);
            assert!(found.len() > 7);
            let bare: Vec<&String> = found
                .iter()
                .filter(|(_, schema)| schema["description"].as_str().is_none_or(str::is_empty))
                .map(|(path, _)| path)
                .collect();
            assert!(bare.is_empty(), "not described: {bare:?}");
        }
    }

    #[test]
    fn what_compiles_fits_and_uses_every_field() {
        let validator = jsonschema::validator_for(&saga_schema()).unwrap();
        let mut used = BTreeSet::new();
        let mut good = 0;
        for folder in ["../sagas", "tests/definitions", "tests/operations"] {
            for (name, source) in files(folder) {
                if compile(&name, &source).definition.is_none() {
                    continue;
                }
                good += 1;
                let value = json(&source).unwrap();
                let errors: Vec<String> = validator
                    .iter_errors(&value)
                    .map(|error| format!("{}: {error}", error.instance_path()))
                    .collect();
                assert!(errors.is_empty(), "{name}: {errors:?}");
                names(&value, &mut used);
            }
        }
        assert!(good >= 5, "{good} good definitions");
        let mut found = Vec::new();
        properties(&saga_schema(), "", &mut found);
        let unused: Vec<&str> = found
            .iter()
            .filter_map(|(path, _)| path.rsplit('/').next())
            .filter(|name| !used.contains(*name))
            .collect();
        assert!(unused.is_empty(), "no good example has {unused:?}");
    }

    fn names(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    found.insert(name.clone());
                    names(value, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn what_has_a_wrong_shape_is_underlined_in_the_editor_too() {
        const SHAPES: [Code; 5] = [
            Code::UnknownField,
            Code::MissingField,
            Code::BadSagaName,
            Code::BadVersion,
            Code::BadAction,
        ];
        let validator = jsonschema::validator_for(&saga_schema()).unwrap();
        let mut refused = 0;
        for (name, source) in files("tests/definitions") {
            let codes = compile(&name, &source).diagnostics;
            if let Some(value) = json(&source)
                && codes.iter().any(|one| SHAPES.contains(&one.code))
            {
                assert!(!validator.is_valid(&value), "{name}");
                refused += 1;
            }
        }
        assert!(refused >= 2, "{refused} files with a wrong shape");
    }

    #[test]
    fn catalogues_fit_their_schema_or_are_wrong() {
        let validator = jsonschema::validator_for(&catalogue_schema()).unwrap();
        for path in ["../sagas", "tests/operations"] {
            let all = files(path);
            let (_, source) = all
                .iter()
                .find(|(name, _)| name == "operations.yaml")
                .unwrap();
            let value = json(source).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|e| e.to_string())
                .collect();
            assert!(errors.is_empty(), "{path}: {errors:?}");
        }
        let (_, wrong) = files("tests/catalogues").remove(0);
        assert!(!validator.is_valid(&json(&wrong).unwrap()));
    }
}
