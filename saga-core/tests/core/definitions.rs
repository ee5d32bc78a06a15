//! Definitions that ship, and examples of what the compiler refuses with the words it uses.
//!
//! Each `definitions/*.yaml` has a `.txt` beside it with everything the compiler says about it.
//! `UPDATE_EXPECT=1 cargo test -p saga-core --test core` writes them anew; review the
//! difference like code.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its files must stop"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use saga_core::catalogue::Catalogue;
use saga_core::compiler::{
    Code, Compiled, EXPRESSIONS_MAX, FILE_BYTES_MAX, NESTING_MAX, NODES_MAX, STEPS_MAX, Severity,
    compile, compile_against, compile_bytes, compile_catalogue, render,
};
use saga_core::expression::{EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

pub(crate) fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
}

/// Definitions, most of them wrong; those under `operations` are checked against its catalogue.
pub(crate) fn examples() -> Vec<PathBuf> {
    let folders = ["tests/definitions", "tests/operations"];
    folders
        .iter()
        .flat_map(|folder| yaml_files(&root().join(folder)))
        .filter(|path| !is_catalogue(path))
        .collect()
}

/// The definitions that ship.
pub(crate) fn shipped() -> Vec<PathBuf> {
    yaml_files(&root().join("../sagas"))
        .into_iter()
        .filter(|path| !is_catalogue(path))
        .collect()
}

fn is_catalogue(path: &Path) -> bool {
    path.ends_with("operations.yaml")
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// The catalogue that lies beside a definition.
fn catalogue_beside(path: &Path) -> Option<Catalogue> {
    let source = fs::read_to_string(path.with_file_name("operations.yaml")).ok()?;
    let compiled = compile_catalogue("operations.yaml", &source);
    let rendered = render(&compiled.diagnostics, "operations.yaml", &source, false);
    assert_eq!(rendered, "", "{}", path.display());
    compiled.catalogue
}

/// What the compiler makes of a file, and what it says about it.
pub(crate) fn compile_file(path: &Path) -> (Compiled, String) {
    let source = fs::read_to_string(path).unwrap();
    let catalogue = catalogue_beside(path);
    let compiled = compile_against(name(path), &source, catalogue.as_ref());
    let rendered = render(&compiled.diagnostics, name(path), &source, false);
    (compiled, rendered)
}

/// A definition is there exactly when nothing is an error.
pub(crate) fn assert_consistent(compiled: &Compiled) {
    let errors = compiled
        .diagnostics
        .iter()
        .any(|d| d.severity == Severity::Error);
    assert_eq!(
        compiled.definition.is_none(),
        errors,
        "{:?}",
        compiled.diagnostics
    );
}

#[test]
fn the_sagas_that_ship_compile_without_a_word() {
    let files = shipped();
    assert!(files.len() >= 7, "{files:?}");
    for path in files {
        let (compiled, rendered) = compile_file(&path);
        assert_eq!(rendered, "", "{}", path.display());
        assert!(compiled.definition.is_some(), "{}", path.display());
    }
}

#[test]
fn every_example_gets_the_expected_words() {
    let update = crate::config::update_expectations();
    let mut wrong = Vec::new();
    for path in examples() {
        let (compiled, rendered) = compile_file(&path);
        assert_consistent(&compiled);
        let expected = path.with_extension("txt");
        if update {
            fs::write(&expected, &rendered).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != rendered {
            wrong.push(format!("{}\n{rendered}", path.display()));
        }
        let good = name(&path).starts_with("good-");
        assert_eq!(
            compiled.definition.is_some(),
            good,
            "{}\n{rendered}",
            path.display()
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_wrong_catalogue_gets_the_expected_words() {
    for path in yaml_files(&root().join("tests/catalogues")) {
        let source = fs::read_to_string(&path).unwrap();
        let compiled = compile_catalogue(name(&path), &source);
        assert!(compiled.catalogue.is_none(), "{}", path.display());
        let rendered = render(&compiled.diagnostics, name(&path), &source, false);
        let expected = path.with_extension("txt");
        if crate::config::update_expectations() {
            fs::write(&expected, &rendered).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(rendered, expected, "{}", path.display());
    }
}

#[test]
fn what_is_said_fits_a_terminal() {
    for path in examples() {
        let (_, rendered) = compile_file(&path);
        let wide: Vec<&str> = rendered
            .lines()
            .filter(|line| line.chars().count() > 80)
            .collect();
        assert!(wide.is_empty(), "{}: {wide:#?}", path.display());
    }
}

#[test]
fn every_code_has_an_example() {
    let mut seen: BTreeSet<Code> = BTreeSet::new();
    for path in examples() {
        seen.extend(
            compile_file(&path)
                .0
                .diagnostics
                .iter()
                .map(|diagnostic| diagnostic.code),
        );
    }
    for path in yaml_files(&root().join("tests/catalogues")) {
        let source = fs::read_to_string(&path).unwrap();
        let compiled = compile_catalogue(name(&path), &source);
        seen.extend(
            compiled
                .diagnostics
                .iter()
                .map(|diagnostic| diagnostic.code),
        );
    }
    for (code, source) in oversized() {
        let compiled = compile("oversized.yaml", &source);
        assert_consistent(&compiled);
        let codes: Vec<Code> = compiled.diagnostics.iter().map(|d| d.code).collect();
        assert!(codes.contains(&code), "{code} is missing in {codes:?}");
        seen.insert(code);
    }
    seen.extend(not_utf8());
    let unseen: Vec<String> = Code::ALL
        .iter()
        .filter(|code| !seen.contains(code))
        .map(ToString::to_string)
        .collect();
    assert!(unseen.is_empty(), "no example for {unseen:?}");
}

/// What is said about bytes that are no text.
fn not_utf8() -> BTreeSet<Code> {
    let (compiled, text) = compile_bytes("x.yaml", b"saga: \xff\xfe", None);
    assert_eq!(text, "saga: ");
    assert_eq!(compiled.diagnostics[0].span.column, 7);
    compiled.diagnostics.iter().map(|one| one.code).collect()
}

#[test]
fn bytes_over_the_limit_are_refused_even_in_the_middle_of_a_character() {
    let mut bytes = vec![b'#'; FILE_BYTES_MAX];
    bytes.extend_from_slice("ü".as_bytes());
    let (compiled, _) = compile_bytes("x.yaml", &bytes, None);
    let codes: Vec<Code> = compiled.diagnostics.iter().map(|one| one.code).collect();
    assert_eq!(codes, [Code::FileTooLarge]);
}

/// Definitions that are wrong by their size only.
pub(crate) fn oversized() -> Vec<(Code, String)> {
    let saga = |steps: &str| format!("saga: big\nversion: 1.0.0\nsteps:\n{steps}");
    let step = |id: usize, input: &str| {
        format!("  - {{ id: s{id}, action: a.b, no_effect: true, input: {input} }}\n")
    };
    let many: String = (0..=STEPS_MAX).map(|id| step(id, "{}")).collect();
    let expression = |text: &str| saga(&step(0, &format!("'${{{text}}}'")));
    vec![
        (Code::FileTooLarge, "#".repeat(FILE_BYTES_MAX + 1)),
        (
            Code::TooDeep,
            saga(&step(
                0,
                &["[".repeat(NESTING_MAX), "]".repeat(NESTING_MAX)].concat(),
            )),
        ),
        (
            Code::TooManyNodes,
            saga(&step(0, &format!("[{}]", "1,".repeat(NODES_MAX)))),
        ),
        (Code::StepCount, saga(&many)),
        (
            Code::TooManyExpressions,
            saga(&step(
                0,
                &format!("'{}'", "${input.a}".repeat(EXPRESSIONS_MAX + 1)),
            )),
        ),
        (
            Code::ExpressionTooLong,
            expression(&"1".repeat(EXPRESSION_BYTES_MAX + 1)),
        ),
        (
            Code::ExpressionTooLarge,
            expression(&format!("[{}1]", "1,".repeat(EXPRESSION_NODES_MAX))),
        ),
        (
            Code::ExpressionTooDeep,
            expression(&format!("1{}", "+1".repeat(EXPRESSION_DEPTH_MAX))),
        ),
    ]
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let path = root().join("tests/definitions/many-mistakes.yaml");
    let (compiled, rendered) = compile_file(&path);
    let codes: BTreeSet<Code> = compiled.diagnostics.iter().map(|d| d.code).collect();
    assert!(codes.len() >= 10, "{rendered}");
}

#[test]
fn a_span_covers_exactly_what_is_meant() {
    let source =
        "saga: s\nversion: 1.0.0\nsteps:\n  - id: a\n    actoin: x.y\n    no_effect: true\n";
    let compiled = compile("s.yaml", source);
    let diagnostic = compiled
        .diagnostics
        .iter()
        .find(|d| d.code == Code::UnknownField)
        .unwrap();
    assert_eq!(
        &source[diagnostic.span.start..diagnostic.span.end],
        "actoin"
    );
    assert_eq!((diagnostic.span.line, diagnostic.span.column), (5, 5));
    assert_eq!(diagnostic.help.as_deref(), Some("did you mean `action`?"));
}

#[test]
fn colour_only_adds_escapes() {
    let path = root().join("tests/definitions/many-mistakes.yaml");
    let source = fs::read_to_string(&path).unwrap();
    let compiled = compile("x.yaml", &source);
    let plain = render(&compiled.diagnostics, "x.yaml", &source, false);
    let mut painted = render(&compiled.diagnostics, "x.yaml", &source, true);
    assert_ne!(plain, painted);
    for style in [
        "\u{1b}[1;31m",
        "\u{1b}[1;33m",
        "\u{1b}[1;34m",
        "\u{1b}[1m",
        "\u{1b}[0m",
    ] {
        painted = painted.replace(style, "");
    }
    assert_eq!(plain, painted);
}

/// A change to a file: cut, double, swap or write over some of it.
fn mutated(mut text: String, changes: &[(usize, usize, u8, String)]) -> String {
    for (at, length, kind, insert) in changes {
        let boundary = |text: &str, at: usize| text.floor_char_boundary(at % (text.len() + 1));
        let start = boundary(&text, *at);
        let end = text
            .floor_char_boundary((start + length % 40).min(text.len()))
            .max(start);
        match kind % 4 {
            0 => text.replace_range(start..end, ""),
            1 => text.insert_str(start, insert),
            2 => {
                let copy = text[start..end].to_owned();
                let to = boundary(&text, at.wrapping_mul(7));
                text.insert_str(to, &copy);
            }
            _ => text.replace_range(start..end, insert),
        }
    }
    text
}

fn snippet() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "${",
        "}",
        "${input.a}",
        ":",
        "- ",
        "\n",
        "  ",
        "\t",
        "[",
        "]",
        "{",
        "\"",
        "'",
        "|",
        ">",
        "&a ",
        "*a",
        "!!str ",
        "---\n",
        "#",
        "\u{0}",
        "\u{feff}",
        "ü",
        "none",
        "yes",
        "1e999",
        "steps.charge.output",
        "pivot: true\n",
        "depends_on: [charge]\n",
        "$ref: '#'\n",
        "0",
        "-1",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "\\PC{0,12}"]
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(\\PC|\n|\t|  |: |- ){0,300}") {
        let compiled = compile("x.yaml", &text);
        assert_consistent(&compiled);
        let _ = render(&compiled.diagnostics, "x.yaml", &text, true);
    }

    #[test]
    fn mutated_definitions_never_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((0_usize..8000, 0_usize..60, any::<u8>(), snippet()), 1..6),
    ) {
        let files: Vec<PathBuf> = shipped().into_iter().chain(examples()).collect();
        let text = fs::read_to_string(which.get(&files)).unwrap();
        let text = mutated(text, &changes);
        let compiled = compile("x.yaml", &text);
        assert_consistent(&compiled);
        let _ = render(&compiled.diagnostics, "x.yaml", &text, false);
    }
}
