//! The schemas against every example.

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
