//! `docs/diagnostics.md`: every code, what it means, and what the compiler says about an example.
//!
//! Made from the table that `amends explain-code` reads and from the examples of the tests, so it
//! cannot say anything that is not so.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its files must stop"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use saga_core::compiler::{Code, Severity, compile_catalogue, explain, render};

use crate::definitions::{compile_file, examples, yaml_files};

const HEAD: &str = "\
# Diagnostics

What the compiler can say about a definition: `amends validate` says it, with every problem of a file
at once, and `amends explain-code AM012` tells the story below. Codes never change their meaning.
Each example is a test: the files are in `saga-core/tests/definitions/`, `saga-core/tests/operations/`
and `saga-core/tests/catalogues/`, those whose names begin with `good-` compile. This page is made
from them; after a change run the tests of `saga-core` with `AMENDS_UPDATE_GOLDEN=1`.
";

/// What is said about one example, for each code the first.
fn words() -> BTreeMap<Code, (Severity, String)> {
    let mut words = BTreeMap::new();
    for path in examples() {
        let source = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        for one in compile_file(&path).0.diagnostics {
            words.entry(one.code).or_insert_with(|| {
                let text = render(std::slice::from_ref(&one), name, &source, false);
                (one.severity, text)
            });
        }
    }
    let catalogues = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalogues");
    for path in yaml_files(&catalogues) {
        let source = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        for one in compile_catalogue(name, &source).diagnostics {
            words.entry(one.code).or_insert_with(|| {
                let text = render(std::slice::from_ref(&one), name, &source, false);
                (one.severity, text)
            });
        }
    }
    words
}

fn page() -> String {
    let words = words();
    let mut page = HEAD.to_owned();
    for code in Code::ALL {
        let story = explain(code);
        write!(
            page,
            "\n## {code}: {}\n\n{}\n",
            markdown(story.title),
            markdown(story.text)
        )
        .unwrap();
        if let Some((_, text)) = words.get(&code) {
            let text: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
            write!(page, "\n```text\n{}\n```\n", text.join("\n")).unwrap();
        }
    }
    page
}

/// What means something to Markdown outside of code is escaped.
fn markdown(text: &str) -> String {
    let mut out = String::new();
    let mut code = false;
    for c in text.chars() {
        code ^= c == '`';
        if !code && ['<', '*', '_', '['].contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[test]
fn the_page_says_what_the_compiler_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/diagnostics.md");
    let page = page();
    if crate::config::update_expectations() {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/diagnostics.md is out of date; run this test with AMENDS_UPDATE_GOLDEN=1"
    );
}

/// A code that only warns says so in its title, so that nobody searches for what is broken.
#[test]
fn titles_say_what_is_only_a_warning() {
    for (code, (severity, _)) in words() {
        let warns = explain(code).title.ends_with("(warning)");
        assert_eq!(warns, severity == Severity::Warning, "{code}");
    }
}
