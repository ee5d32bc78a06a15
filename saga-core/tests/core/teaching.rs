//! The pages that teach the language: their sagas compile without a word, and run as they say.
//!
//! In `docs/language.md` a block of `text` after a saga plays it: lines that are not indented are
//! inputs in the transcripts' form, the indented lines after them are the commands that follow and
//! where the saga stands then. `UPDATE_EXPECT=1` writes those anew; review the difference like
//! code.

use std::fs;
use std::path::{Path, PathBuf};

use saga_core::compiler::{compile, render};
use saga_core::saga::Phase;

use crate::driver::{self, Driver};
use crate::script::play_line;

/// What a line of a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Prose,
    Saga,
    Story,
    Other,
}

#[derive(Debug)]
struct Part {
    kind: Kind,
    /// Of the first line, from 1.
    line: usize,
    text: String,
}

fn page(path: &str) -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (path, text)
}

/// The page in parts; put together again they are the page. Fences belong to the prose.
fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut kind = Kind::Prose;
    for (index, line) in text.lines().enumerate() {
        let fence = line.strip_prefix("```");
        let of = if fence.is_some() { Kind::Prose } else { kind };
        match parts.last_mut() {
            Some(last) if last.kind == of => {
                last.text.push_str(line);
                last.text.push('\n');
            }
            Some(_) | None => parts.push(Part {
                kind: of,
                line: index + 1,
                text: format!("{line}\n"),
            }),
        }
        if let Some(label) = fence {
            kind = match (kind, label) {
                (Kind::Prose, "yaml") => Kind::Saga,
                (Kind::Prose, "text") => Kind::Story,
                (Kind::Prose, _) => Kind::Other,
                (Kind::Saga | Kind::Story | Kind::Other, _) => Kind::Prose,
            };
        }
    }
    parts
}

#[test]
fn every_saga_of_the_pages_compiles_without_a_word() {
    for (path, at_least) in [("docs/language.md", 13), ("sagas/README.md", 1)] {
        let sagas: Vec<Part> = parts(&page(path).1)
            .into_iter()
            // A catalogue is no saga.
            .filter(|part| part.kind == Kind::Saga && !part.text.starts_with("operations:"))
            .collect();
        assert!(
            sagas.len() >= at_least,
            "{path} has {} sagas only",
            sagas.len()
        );
        for Part { line, text, .. } in sagas {
            let name = format!("{path}:{line}");
            let compiled = compile(&name, &text);
            let said = render(&compiled.diagnostics, &name, &text, false);
            assert_eq!(said, "", "{name}");
        }
    }
}

#[test]
fn sagas_run_as_the_page_says() {
    let (path, text) = page("docs/language.md");
    let mut saga: Option<String> = None;
    let mut stories = 0;
    let mut played = String::new();
    for part in parts(&text) {
        match part.kind {
            Kind::Story => {
                let yaml = saga.as_ref().expect("a saga before its story");
                played.push_str(&play(yaml, &part));
                stories += 1;
            }
            Kind::Saga => {
                played.push_str(&part.text);
                saga = Some(part.text);
            }
            Kind::Prose | Kind::Other => played.push_str(&part.text),
        }
    }
    assert!(stories >= 12, "{stories} stories only");
    if crate::config::update_expectations() {
        fs::write(&path, played).expect("write the page");
        return;
    }
    let different = text.lines().zip(played.lines()).find(|(a, b)| a != b);
    assert_eq!(different, None, "what the page says, and what happens");
    assert_eq!(text, played);
}

/// The story with what is decided about its inputs now.
fn play(yaml: &str, story: &Part) -> String {
    let definition = driver::compile(yaml).unwrap_or_else(|why| panic!("{why}"));
    let mut driver = Driver::new(definition);
    let mut played = String::new();
    for (index, line) in story.text.lines().enumerate() {
        if line.is_empty() || line.starts_with(' ') {
            continue;
        }
        let decided = play_line(&mut driver, line)
            .unwrap_or_else(|why| panic!("line {}: {line}: {why}", story.line + index));
        played.push_str(line);
        played.push('\n');
        for said in decided.lines() {
            let outcome = said.starts_with("ignored") || said.starts_with("refused");
            assert!(!said.starts_with("illegal"), "{line}: {said}");
            if outcome {
                played.push_str("   ");
            }
            if outcome || said.starts_with("   ") {
                played.push_str(said);
                if let Phase::Compensated { residue } = &driver.saga.phase
                    && said.starts_with("   =")
                    && !residue.is_empty()
                {
                    played.push_str(", with residue");
                    for step in residue {
                        played.push(' ');
                        played.push_str(step.as_str());
                    }
                }
                played.push('\n');
            }
        }
    }
    played
}
