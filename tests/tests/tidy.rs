//! House rules that no other tool checks. Each test reads files only, and names every offender.

#![expect(
    clippy::unwrap_used,
    reason = "a rule that cannot read the repository has failed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file, in lines; tests are exempt.
const MAX_SOURCE_LINES: usize = 400;
/// Longest ARCHITECTURE.md, in lines: it is to be read in one sitting.
const MAX_ARCHITECTURE_LINES: usize = 200;

/// What the pure core may depend on: nothing here knows a clock, a socket or a logger.
const CORE_DEPENDENCIES: [&str; 11] = [
    "cel",
    "granit-parser",
    "jiff",
    "jsonschema",
    "schemars",
    "semver",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "uuid",
];

/// Which crates of ours each crate of ours may depend on: inward only.
const DIRECTIONS: [(&str, &[&str]); 10] = [
    ("saga-core", &[]),
    ("failpoint", &[]),
    ("local-engine", &[]),
    ("broker", &["saga-core"]),
    ("orchestrator", &["broker", "failpoint", "saga-core"]),
    ("worker-runtime", &["broker", "failpoint", "saga-core"]),
    (
        "amends",
        &[
            "broker",
            "failpoint",
            "local-engine",
            "orchestrator",
            "saga-core",
            "worker-runtime",
        ],
    ),
    (
        "system-tests",
        &[
            "amends",
            "broker",
            "local-engine",
            "orchestrator",
            "saga-core",
            "worker-runtime",
        ],
    ),
    ("bench", &["broker", "saga-core"]),
    ("xtask", &["local-engine"]),
];

/// Crates that only some of ours may name, so that what they do stays in one place.
const CONFINED: [(&str, &[&str]); 3] = [
    // `bench`: what amends is measured against must not be made of amends.
    ("lapin", &["bench", "broker"]),
    ("backoff", &["broker"]),
    // `amends`: the demo workers keep their books in tables of their own. `bench` counts.
    (
        "tokio-postgres",
        &[
            "amends",
            "bench",
            "orchestrator",
            "system-tests",
            "worker-runtime",
        ],
    ),
];

/// Words that mark unfinished work, in halves so that this file does not contain them.
const UNFINISHED: [(&str, &str); 5] = [
    ("to", "do!"),
    ("db", "g!"),
    ("FIX", "ME"),
    ("XX", "X"),
    ("#[ig", "nore"),
];

/// A file of the repository: its path from the root, and its text.
struct TextFile {
    path: String,
    text: String,
}

impl TextFile {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    fn is_test(&self) -> bool {
        let folders = self.path.split('/').rev().skip(1);
        self.name() == "tests.rs" || folders.into_iter().any(|folder| folder == "tests")
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Paths of the files that git tracks; of all files outside build output when there is no git.
fn paths() -> Vec<String> {
    let git = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output();
    match git {
        Ok(output) if output.status.success() && !output.stdout.is_empty() => {
            let list = String::from_utf8(output.stdout).unwrap();
            let tracked = list.split('\0').filter(|path| root().join(path).is_file());
            tracked.map(str::to_owned).collect()
        }
        Ok(_) | Err(_) => {
            let mut found = Vec::new();
            walk(&root(), &mut found);
            found.sort();
            found
        }
    }
}

fn walk(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_symlink() || matches!(name.as_str(), ".git" | ".amends" | "target") {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else {
            let from_root = path.strip_prefix(root()).unwrap();
            found.push(from_root.to_string_lossy().into_owned());
        }
    }
}

/// The files whose extension is one of these.
fn files(extensions: &[&str]) -> Vec<TextFile> {
    let has_extension = |path: &String| {
        let extension = Path::new(path)
            .extension()
            .and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    };
    let read = |path: String| {
        let text = fs::read_to_string(root().join(&path))
            .unwrap_or_else(|error| panic!("{path} cannot be read: {error}"));
        TextFile { path, text }
    };
    paths()
        .into_iter()
        .filter(has_extension)
        .map(read)
        .collect()
}

/// The manifests of our crates by the crate's name, with the names of what they depend on.
fn manifests() -> BTreeMap<String, Dependencies> {
    let manifests = files(&["toml"])
        .into_iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"));
    manifests
        .filter_map(|file| Some((package_name(&file.text)?, dependencies(&file.text))))
        .collect()
}

/// What a manifest names.
#[derive(Default)]
struct Dependencies {
    /// Linked into the crate.
    normal: BTreeSet<String>,
    /// Anywhere: also for tests and build scripts.
    all: BTreeSet<String>,
}

fn package_name(manifest: &str) -> Option<String> {
    let name = manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = \""))?;
    Some(name.trim_end_matches('"').to_owned())
}

fn dependencies(manifest: &str) -> Dependencies {
    let mut found = Dependencies::default();
    let mut section = String::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            header.clone_into(&mut section);
            // `[dependencies.serde]` names its crate in the header.
            if let Some((kind, name)) = header.rsplit_once("dependencies.") {
                add(&mut found, kind, name);
            }
        } else if let Some(kind) = section.strip_suffix("dependencies") {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if !name.is_empty() && !name.starts_with('#') {
                add(&mut found, kind, name);
            }
        }
    }
    found
}

fn add(found: &mut Dependencies, kind: &str, name: &str) {
    if !kind.ends_with("dev-") && !kind.ends_with("build-") {
        found.normal.insert(name.to_owned());
    }
    found.all.insert(name.to_owned());
}

/// Fails with the whole list, so that one run is enough to see what is to do.
#[track_caller]
fn assert_none(offenders: &[String], rule: &str) {
    assert!(
        offenders.is_empty(),
        "{rule}:\n  {}",
        offenders.join("\n  ")
    );
}

#[test]
fn source_files_are_short() {
    let long = |file: &TextFile| {
        let lines = file.text.lines().count();
        (lines > MAX_SOURCE_LINES && !file.is_test()).then(|| format!("{}: {lines}", file.path))
    };
    let offenders: Vec<String> = files(&["rs"]).iter().filter_map(long).collect();
    assert_none(
        &offenders,
        "a source file has at most 400 lines: split it by its nouns",
    );
}

#[test]
fn source_files_say_what_they_are() {
    let silent = |file: &TextFile| (!file.text.starts_with("//! ")).then(|| file.path.clone());
    let offenders: Vec<String> = files(&["rs"]).iter().filter_map(silent).collect();
    assert_none(
        &offenders,
        "a source file starts with a `//!` line of its own",
    );
}

#[test]
fn module_roots_only_list_and_re_export() {
    let mut offenders = Vec::new();
    for file in files(&["rs"]).iter().filter(|file| file.name() == "mod.rs") {
        let mut in_use = false;
        for (number, line) in file.text.lines().enumerate() {
            let line = line.trim();
            if in_use {
                in_use = !line.ends_with(';');
            } else if !is_listing(line) {
                offenders.push(format!("{}:{}: {line}", file.path, number + 1));
                break;
            } else {
                let item = without_visibility(line);
                in_use = item.starts_with("use ") && !item.ends_with(';');
            }
        }
    }
    assert_none(
        &offenders,
        "a mod.rs holds docs, `mod` and `use`; give the rest a file",
    );
}

fn is_listing(line: &str) -> bool {
    let item = without_visibility(line);
    line.is_empty()
        || line.starts_with("//")
        || line.starts_with("#[")
        || line.starts_with("#![")
        || (item.starts_with("mod ") && item.ends_with(';'))
        || item.starts_with("use ")
}

fn without_visibility(line: &str) -> &str {
    match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ").map_or(line, |(_, item)| item),
        Some(rest) => rest.trim_start(),
        None => line,
    }
}

#[test]
fn unfinished_work_is_not_merged() {
    let mut offenders = Vec::new();
    for file in files(&["rs", "sql"]) {
        for (number, line) in file.text.lines().enumerate() {
            for (first, second) in UNFINISHED {
                if line.contains(&format!("{first}{second}")) {
                    offenders.push(format!("{}:{}: {first}{second}", file.path, number + 1));
                }
            }
        }
    }
    assert_none(&offenders, "unfinished work stays on its branch");
}

#[test]
fn serde_neither_flattens_nor_guesses() {
    let mut offenders = Vec::new();
    for file in files(&["rs"]) {
        for attribute in file.text.split("#[serde(").skip(1) {
            let attribute = attribute.split(")]").next().unwrap_or_default();
            let mut words = attribute.split(|c: char| !c.is_alphanumeric() && c != '_');
            if let Some(word) = words.find(|word| ["flatten", "untagged"].contains(word)) {
                offenders.push(format!("{}: {word}", file.path));
            }
        }
    }
    assert_none(
        &offenders,
        "flattened and untagged forms lose positions and accept too much",
    );
}

#[test]
fn settings_are_read_in_config_rs() {
    let reader = ["env", "var"].join("::");
    let mut offenders = Vec::new();
    for file in files(&["rs"])
        .iter()
        .filter(|file| file.name() != "config.rs")
    {
        for (number, line) in file.text.lines().enumerate() {
            if line.contains(&reader) {
                offenders.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    assert_none(
        &offenders,
        "the environment is read in files named config.rs only",
    );
}

#[test]
fn text_files_end_their_lines_cleanly() {
    let mut offenders = Vec::new();
    for file in files(&["md", "sql", "toml", "yaml", "yml"]) {
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            offenders.push(format!("{}: no newline at the end", file.path));
        }
        for (number, line) in file.text.split('\n').enumerate() {
            if line.ends_with([' ', '\t', '\r']) {
                offenders.push(format!(
                    "{}:{}: white space at the end",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    assert_none(
        &offenders,
        "text files end with a newline, and lines with something to see",
    );
}

#[test]
fn the_core_stays_pure() {
    let manifests = manifests();
    let core = manifests
        .get("saga-core")
        .expect("saga-core has a manifest");
    let foreign = core
        .normal
        .iter()
        .filter(|name| !CORE_DEPENDENCIES.contains(&name.as_str()));
    let offenders: Vec<String> = foreign.cloned().collect();
    assert_none(
        &offenders,
        "saga-core depends on nothing that could do more than compute",
    );
}

#[test]
fn dependencies_point_inward() {
    let manifests = manifests();
    let mut offenders = Vec::new();
    for (name, found) in &manifests {
        let Some((_, allowed)) = DIRECTIONS.iter().find(|(of, _)| of == name) else {
            offenders.push(format!("{name} has no place in DIRECTIONS"));
            continue;
        };
        let ours = found
            .all
            .iter()
            .filter(|dependency| manifests.contains_key(*dependency));
        for dependency in ours.filter(|dependency| !allowed.contains(&dependency.as_str())) {
            offenders.push(format!("{name} depends on {dependency}"));
        }
    }
    assert_none(&offenders, "dependencies between our crates point inward");
}

#[test]
fn confined_crates_stay_where_they_belong() {
    let mut offenders = Vec::new();
    for (name, found) in manifests() {
        for (confined, places) in CONFINED {
            if found.all.contains(confined) && !places.contains(&name.as_str()) {
                offenders.push(format!("{name} names {confined}"));
            }
        }
    }
    assert_none(&offenders, "some crates are known to one place only");
}

#[test]
fn every_path_in_architecture_md_exists() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let lines = text.lines().count();
    assert!(
        lines <= MAX_ARCHITECTURE_LINES,
        "ARCHITECTURE.md has {lines} lines"
    );
    let missing = quoted_paths(&text)
        .into_iter()
        .filter(|path| !root().join(path).exists());
    let offenders: Vec<String> = missing.map(str::to_owned).collect();
    assert_none(&offenders, "ARCHITECTURE.md names paths that do not exist");
}

/// What stands between backticks and looks like a path from the root: a slash inside, and nothing
/// that makes it an address, a pattern or a command.
fn quoted_paths(text: &str) -> Vec<&str> {
    let mut paths = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            let quoted = line.split('`').skip(1).step_by(2);
            paths.extend(quoted.filter(|word| {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
                word.contains('/') && !word.starts_with('/') && word.chars().all(is_plain)
            }));
        }
    }
    paths
}

#[test]
fn sagas_are_filed_under_their_names() {
    let mut offenders = Vec::new();
    for file in files(&["yaml"])
        .iter()
        .filter(|file| file.path.starts_with("sagas/"))
    {
        // The catalogue describes what workers can do; it is not a saga.
        if file.name() == "operations.yaml" {
            continue;
        }
        let name = file
            .text
            .lines()
            .find_map(|line| line.strip_prefix("saga:"));
        let name = name.map(|name| name.split('#').next().unwrap_or(name).trim());
        if name.map(|name| format!("{name}.yaml")).as_deref() != Some(file.name()) {
            offenders.push(format!(
                "{}: saga {}",
                file.path,
                name.unwrap_or("without a name")
            ));
        }
    }
    assert_none(&offenders, "a saga's file is named after the saga");
}

#[test]
fn the_rules_see_what_they_look_for() {
    let manifest = "[package]\nname = \"a\"\n\n[dependencies]\nserde.workspace = true\n# none\n\
        lapin = \"4\"\n\n[dev-dependencies]\nproptest = { version = \"1\" }\n\n\
        [target.'cfg(unix)'.dependencies.backoff]\nversion = \"0.4\"\n";
    let found = dependencies(manifest);
    assert_eq!(
        found.normal.iter().collect::<Vec<_>>(),
        ["backoff", "lapin", "serde"]
    );
    assert!(found.all.contains("proptest"));
    assert_eq!(package_name(manifest).as_deref(), Some("a"));

    let text = "`a/b.rs` and `cargo x/y z`, `/v1/sagas`, `c/`\n```\n`d/e`\n```\n`https://f/g`";
    assert_eq!(quoted_paths(text), ["a/b.rs", "c/"]);

    assert!(is_listing("pub(crate) mod a;") && is_listing("pub use b::{"));
    assert!(is_listing("pub(in crate::a) use b::c;") && !is_listing("pub(crate) fn b() {}"));
    assert!(!is_listing("fn c() {}") && !is_listing("mod d {"));
}
