//! Files as large as they may be, made to keep the compiler busy.

use std::time::Duration;

use saga_core::compiler::{
    Code, DIAGNOSTICS_MAX, FILE_BYTES_MAX, NESTING_MAX, NODES_MAX, compile, render,
};
use saga_core::expression::{EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX};

use crate::check::{now, peak_memory_kib};

/// What is refused is refused in milliseconds; a debug build on a busy machine gets this long.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);

/// Peak memory of the whole test process, in KiB.
const MEMORY_KIB_MAX: u64 = 256 * 1024;

fn saga(rest: &str) -> String {
    format!("saga: s\nversion: 1.0.0\n{rest}")
}

fn step(rest: &str) -> String {
    saga(&format!(
        "steps:\n  - {{ id: a, action: x.y, no_effect: true, {rest} }}\n"
    ))
}

fn numbered(count: usize, between: &str, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(between)
}

/// `laughs` to the power of ten thousand: each list names the one before it nine times.
fn billion_laughs() -> String {
    let line = |level: usize| {
        let names = vec![format!("*l{level}"); 9].join(", ");
        format!("l{}: &l{} [{names}]", level + 1, level + 1)
    };
    format!("l0: &l0 [laughs]\n{}\n", numbered(9, "\n", line))
}

/// Bombs, and the code that each is refused with.
fn bombs() -> Vec<(&'static str, Code, String)> {
    vec![
        ("a billion laughs", Code::Anchor, billion_laughs()),
        (
            "a hundred thousand aliases",
            Code::Anchor,
            format!(
                "a: &a [1]\nb: [{}]\n",
                numbered(40_000, ", ", |_| "*a".to_owned())
            ),
        ),
        (
            "flow nesting",
            Code::TooDeep,
            step(&format!("input: {}", "[".repeat(900_000))),
        ),
        (
            "block nesting",
            Code::TooDeep,
            numbered(NESTING_MAX * 4, "\n", |level| " ".repeat(level) + "a:"),
        ),
        (
            "nested lists in a line",
            Code::TooDeep,
            "- ".repeat(400_000),
        ),
        (
            "a list without end",
            Code::TooManyNodes,
            step(&format!("input: [{}]", "1,".repeat(500_000))),
        ),
        (
            "too large",
            Code::FileTooLarge,
            "#".repeat(FILE_BYTES_MAX + 1),
        ),
        (
            "a key twice",
            Code::DuplicateKey,
            saga(&"k: 1\n".repeat(20_000)),
        ),
    ]
}

/// The same inside `${…}`.
fn expression_bombs() -> Vec<(&'static str, Code, String)> {
    let expression = |text: &str| step(&format!("input: '${{{text}}}'"));
    let comprehensions = "input.a.map(x, ".repeat(5) + "1" + &")".repeat(5);
    vec![
        (
            "a long expression",
            Code::ExpressionTooLong,
            expression(&"1+".repeat(EXPRESSION_BYTES_MAX * 100)),
        ),
        (
            "a wide expression",
            Code::ExpressionTooLarge,
            expression(&format!("[{}1]", "1,".repeat(EXPRESSION_NODES_MAX))),
        ),
        (
            "a deep expression",
            Code::ExpressionTooDeep,
            expression(&format!(
                "{}1{}",
                "[".repeat(EXPRESSION_DEPTH_MAX * 4),
                "]".repeat(EXPRESSION_DEPTH_MAX * 4)
            )),
        ),
        (
            "a chain of operators",
            Code::ExpressionTooDeep,
            expression(&format!("1{}", "-1".repeat(900))),
        ),
        (
            "expressions without end",
            Code::TooManyExpressions,
            step(&format!("input: \"{}\"", "${input.a}".repeat(80_000))),
        ),
        (
            "loops in loops",
            Code::NestedComprehensions,
            expression(&comprehensions),
        ),
    ]
}

/// Files without one single fault to name, but a great many.
fn crowds() -> Vec<String> {
    let long = "n".repeat(60);
    vec![
        saga(&numbered(15_000, "\n", |n| format!("actoin{n}: 1"))),
        step(&format!(
            "input: {{ {} }}",
            numbered(15_000, ", ", |n| format!("k{n}: \"${{inptu.a}}\""))
        )),
        step(&format!("input: \"\\t{}\"", "${inptu.a}".repeat(80_000))),
        step(&format!("input: \"{}\"", "${input.a}".repeat(80_000))),
        step(&format!("input: \"{}\"", "${".repeat(400_000))),
        step(&format!(
            "depends_on: [{}]",
            numbered(12_000, ", ", |n| format!("{long}{n}"))
        )),
        step(&format!(
            "input: [{}]",
            numbered(8_000, ", ", |n| format!("\"${{steps.{long}{n}.output}}\""))
        )),
        saga(&format!(
            "input: {{ {} }}",
            numbered(12_000, ", ", |n| format!("k{n}: {{ $ref: \"#/k{n}\" }}"))
        )),
        step(&format!(
            "input: [{}]",
            numbered(NODES_MAX - 50, ",", |_| "1".to_owned())
        )),
    ]
}

#[test]
fn bombs_are_refused_at_once_and_by_name() {
    let mut wrong = Vec::new();
    for (name, code, source) in bombs().into_iter().chain(expression_bombs()) {
        let begun = now();
        let compiled = compile("bomb.yaml", &source);
        let took = now().duration_since(begun);
        let codes: Vec<Code> = compiled.diagnostics.iter().map(|one| one.code).collect();
        if compiled.definition.is_some() || !codes.contains(&code) {
            wrong.push(format!("{name}: {code} is not in {codes:?}"));
        }
        if took > REFUSED_WITHIN {
            wrong.push(format!("{name}: took {took:?}"));
        }
    }
    let memory = peak_memory_kib();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        memory.is_none_or(|peak| peak < MEMORY_KIB_MAX),
        "{memory:?} KiB"
    );
}

#[test]
fn crowds_of_mistakes_are_answered_in_good_time() {
    for source in crowds() {
        assert!(source.len() <= FILE_BYTES_MAX, "{}", source.len());
        let begun = now();
        let compiled = compile("crowd.yaml", &source);
        let rendered = render(&compiled.diagnostics, "crowd.yaml", &source, false);
        let took = now().duration_since(begun);
        assert!(compiled.diagnostics.len() <= DIAGNOSTICS_MAX);
        assert!(
            took < REFUSED_WITHIN * 5,
            "{took:?}: {}",
            &source[..source.floor_char_boundary(80)]
        );
        assert_eq!(rendered.is_empty(), compiled.diagnostics.is_empty());
    }
    let memory = peak_memory_kib();
    assert!(
        memory.is_none_or(|peak| peak < MEMORY_KIB_MAX),
        "{memory:?} KiB"
    );
}
