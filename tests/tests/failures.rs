//! The table in docs/failures.md: no row without a test, and no test that does not exist.

#![expect(
    clippy::unwrap_used,
    reason = "a rule that cannot read the repository has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};

const TABLE: &str = "docs/failures.md";

/// Fewer rows mean that the table is not read as it is written.
const ROWS_MIN: usize = 50;

/// Where the tests are.
const FOLDERS: [&str; 8] = [
    "broker/tests",
    "orchestrator/src/admission",
    "orchestrator/tests",
    "saga-core/src/explain",
    "saga-core/tests/core",
    "tests/tests",
    "worker-runtime/src/limits",
    "worker-runtime/tests",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// The rows of all tables, without heads and rules: the failure, and the names of its tests.
fn rows(text: &str) -> Vec<(String, Vec<String>)> {
    let lines: Vec<&str> = text.lines().collect();
    let is_rule = |line: &str| line.starts_with("|---");
    let mut rows = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let is_head = lines.get(number + 1).is_some_and(|next| is_rule(next));
        if !line.starts_with('|') || is_rule(line) || is_head {
            continue;
        }
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let names = cells.last().unwrap().split('`').skip(1).step_by(2);
        let failure = cells[0].trim().to_owned();
        rows.push((failure, names.map(str::to_owned).collect()));
    }
    rows
}

/// The sources of all tests, by the name of their file.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, found);
        } else if name.ends_with(".rs") {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn exists(name: &str, sources: &[(String, String)]) -> bool {
    match name.split_once("::") {
        Some((file, test)) => sources
            .iter()
            .any(|(other, text)| other == file && text.contains(&format!("fn {test}("))),
        None => {
            let transcripts = root().join("saga-core/tests/transcripts");
            name.ends_with(".txt") && transcripts.join(name).is_file()
        }
    }
}

#[test]
fn every_failure_names_tests_that_exist() {
    let text = fs::read_to_string(root().join(TABLE)).unwrap();
    let (rows, sources) = (rows(&text), sources());
    assert!(rows.len() >= ROWS_MIN, "{TABLE} has {} rows", rows.len());
    let mut offenders = Vec::new();
    for (failure, names) in &rows {
        if names.is_empty() {
            offenders.push(format!("`{failure}` names no test"));
        }
        let missing = names.iter().filter(|name| !exists(name, &sources));
        offenders
            .extend(missing.map(|name| format!("`{failure}` names {name}, which is not there")));
    }
    assert!(
        offenders.is_empty(),
        "{TABLE}:\n  {}",
        offenders.join("\n  ")
    );
}

/// A transcript nobody names proves something that the table does not say.
#[test]
fn every_transcript_is_named() {
    let text = fs::read_to_string(root().join(TABLE)).unwrap();
    let folder = root().join("saga-core/tests/transcripts");
    let names = fs::read_dir(folder).unwrap().map(|entry| {
        let name = entry.unwrap().file_name();
        name.to_string_lossy().into_owned()
    });
    let unnamed: Vec<String> = names
        .filter(|name| name.ends_with(".txt") && !text.contains(&format!("`{name}`")))
        .filter(|name| !NOT_ABOUT_FAILURES.contains(&name.as_str()))
        .collect();
    assert!(unnamed.is_empty(), "{TABLE} does not name {unnamed:?}");
}

/// Transcripts of what happens when nothing fails.
const NOT_ABOUT_FAILURES: [&str; 3] = ["for_each_completes.txt", "skipped.txt", "sleep.txt"];

/// What makes a process die on purpose must be in no build but that of the tests.
#[test]
fn failpoints_are_in_builds_of_the_tests_only() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let tests = read("tests/Cargo.toml");
    let (before, after) = tests.split_once("[dev-dependencies]").unwrap();
    assert!(!before.contains("failpoints") && after.contains("failpoints"));
    let binary = read("cli/Cargo.toml");
    assert!(
        !binary.contains("default ="),
        "the binary has no default features"
    );
    assert_eq!(binary.matches("failpoint/enabled").count(), 1);
    for other in [
        "Cargo.toml",
        "orchestrator/Cargo.toml",
        "worker-runtime/Cargo.toml",
    ] {
        assert!(
            !read(other).contains("\"enabled\""),
            "{other} enables failpoints"
        );
    }
}

#[test]
fn the_check_sees_what_it_looks_for() {
    let text = "| failure | does | proved by |\n|---|---|---|\n| a `x` | b | `c.txt` `d.rs::e` |\n\
                | f | g | nothing |\n";
    let rows = rows(text);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].1, ["c.txt", "d.rs::e"]);
    assert!(rows[1].1.is_empty());
    let sources = [("d.rs".to_owned(), "async fn e() {}".to_owned())];
    assert!(exists("d.rs::e", &sources) && exists("cancel.txt", &sources));
    assert!(!exists("d.rs::f", &sources) && !exists("c.txt", &sources));
}
