//! `amends test`: sagas through their failure matrix.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::amends::{Ran, TemporaryFile, repository, run};

/// Columns that a table may use.
const WIDTH: usize = 80;

fn test(arguments: &[&str]) -> Ran {
    run(&[&["test"], arguments].concat(), &[])
}

/// The files in `sagas/` that define sagas.
fn shipped() -> Vec<String> {
    let folder = std::fs::read_dir(repository().join("sagas")).expect("the folder of the sagas");
    let names = folder.map(|entry| entry.expect("an entry").file_name());
    let mut files: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".yaml") && name != "operations.yaml")
        .map(|name| format!("sagas/{name}"))
        .collect();
    files.sort();
    files
}

fn case<'a>(report: &'a Value, step: &str, fault: &str) -> &'a Value {
    report["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .find(|case| case["step"] == step && case["fault"] == fault)
        .unwrap_or_else(|| panic!("no case {step}={fault} in {report}"))
}

#[test]
fn every_shipped_saga_is_legal_through_its_whole_matrix() {
    let files = shipped();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let ran = test(&[&file, "-o", "json"]);
        assert_eq!(ran.code, 0, "{file}: {ran:?}");
        let report = ran.json();
        let cases = report["cases"].as_array().expect("cases");
        let kinds: BTreeSet<&str> = cases
            .iter()
            .filter_map(|case| case["fault"].as_str())
            .collect();
        assert!(cases.len() >= 10 && kinds.len() >= 5, "{file}: {report}");
        for case in cases {
            assert_eq!(case["legal"], true, "{file}: {case}");
        }
    }
}

#[test]
fn the_matrix_of_the_order_says_what_happens() {
    let report = test(&["sagas/order.yaml", "-o", "json"]).json();
    assert_eq!(report["saga"], "order");
    assert_eq!(
        *case(&report, "reserveProduct", "fail"),
        json!({ "step": "reserveProduct", "fault": "fail", "end": "compensated",
                "undone": ["charge", "placeOrder"], "virtual_seconds": 0.45, "legal": true })
    );
    let hung = case(&report, "charge", "timeout");
    let seconds = hung["virtual_seconds"].as_f64().expect("a number");
    assert!(
        (150.0..170.0).contains(&seconds),
        "5 attempts of 30 s: {hung}"
    );
    let crashed = case(&report, "charge", "crash_after_effect");
    assert_eq!(crashed["end"], "completed");
    let seconds = crashed["virtual_seconds"].as_f64().expect("a number");
    assert!(
        (15.0..17.0).contains(&seconds),
        "a lease of 15 s: {crashed}"
    );
    let stuck = case(&report, "charge", "undo_fails");
    assert_eq!(stuck["end"], "compensation_failed");
    assert_eq!(
        stuck["undone"],
        json!(["sendNotification", "reserveProduct"])
    );
    assert_eq!(
        report["skipped"][0]["step"], "scheduleDelivery",
        "nothing after it can fail: {report}"
    );
}

#[test]
fn the_same_run_twice_prints_the_same() {
    let arguments = [
        "sagas/flight-booking.yaml",
        "--fault",
        "hotel=crash_after_effect",
        "--fault",
        "payment=timeout",
        "--fault",
        "flight=duplicate",
        "--fault",
        "ticket=late_reply",
    ];
    let (first, second) = (test(&arguments), test(&arguments));
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(first.out, second.out);
    assert!(
        first.out.contains("hotel=crash_after_effect"),
        "{}",
        first.out
    );
}

#[track_caller]
fn prints_its_golden_table(name: &str) {
    let ran = test(&[&format!("cli/tests/trial/{name}.yaml")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let path = repository().join(format!("cli/tests/trial/{name}.txt"));
    let expected = std::fs::read_to_string(path).expect("the golden table");
    assert_eq!(ran.out, expected);
    for line in ran.out.lines() {
        assert!(line.chars().count() <= WIDTH, "too wide: {line}");
    }
}

/// Parallel branches, `when`, `on_failure`, residue, no effect, a deadline, steps without a limit.
#[test]
fn the_table_of_a_saga_with_branches_is_as_it_was() {
    prints_its_golden_table("fan");
}

/// A loop, a signal, a sleep, a child saga, a fallback.
#[test]
fn the_table_of_a_saga_with_every_kind_of_step_is_as_it_was() {
    prints_its_golden_table("everything");
}

#[test]
fn signals_are_canned_too_and_a_saga_that_is_not_there_is_missed() {
    let outputs = |text: &str, wanted: &str| {
        let file = TemporaryFile::new("signals.yaml", text.as_bytes());
        let saga = "cli/tests/trial/everything.yaml";
        test(&[saga, "--outputs", file.path(), "--fault", wanted])
    };
    let ran = outputs(
        "signals: { approved: { by: grace } }\n",
        "approve=duplicate",
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("got signal approved"), "{}", ran.out);
    outputs("signals: { aproved: {} }\n", "pay=fail").failed(1, &["did you mean `approved`?"]);
    outputs("signals: [approved]\n", "pay=fail").failed(1, &["`signals` must map"]);
    let lonely = TemporaryFile::new(
        "lonely.yaml",
        b"saga: lonely\nversion: 1.0.0\nsteps:\n\
          \x20 - { id: run, saga: { name: nobody-wrote-this, input: {} } }\n",
    );
    test(&[lonely.path()]).failed(1, &["nobody-wrote-this", "beside the file"]);
}

#[test]
fn an_undo_that_needs_what_was_never_answered_is_found() {
    let file = "cli/tests/trial/lost-output.yaml";
    assert_eq!(
        test(&[file]).code,
        0,
        "what the definition reads is made up where no output is canned"
    );
    let outputs = "cli/tests/trial/lost-output-outputs.yaml";
    let ran = test(&[file, "--outputs", outputs]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for words in ["✘", "the undo of charge failed", "no field `receipt`"] {
        assert!(
            ran.out.contains(words),
            "`{words}` is missing in\n{}",
            ran.out
        );
    }
    assert!(ran.err.contains("docs/testing-sagas.md"), "{}", ran.err);
    let report = test(&[file, "--outputs", outputs, "-o", "json"]);
    assert_eq!(report.code, 1);
    let failed = report.json();
    let failed = case(&failed, "ship", "fail");
    assert_eq!(failed["legal"], false);
    assert_eq!(failed["end"], "compensation_failed");
    assert_eq!(
        failed["problems"].as_array().map(Vec::len),
        Some(1),
        "{failed}"
    );
}

#[test]
fn an_outcome_stays_unknown_where_the_service_cannot_tell() {
    let outputs = TemporaryFile::new(
        "silent.yaml",
        b"cannot_tell: [payments.charge, payments.capture]\n",
    );
    let of = |file: &str, wanted: &str| {
        let ran = test(&[
            file,
            "--outputs",
            outputs.path(),
            "--fault",
            wanted,
            "-o",
            "json",
        ]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json()["cases"][0]["end"].clone()
    };
    let order = TemporaryFile::new(
        "silent-order.yaml",
        b"saga: silent\nversion: 1.0.0\nsteps:\n\
          \x20 - { id: charge, action: payments.charge, compensate: { action: payments.refund } }\n\
          \x20 - { id: pay, action: payments.capture, pivot: true }\n",
    );
    assert_eq!(
        of(order.path(), "charge=crash_after_effect"),
        "outcome_unknown"
    );
    assert_eq!(of(order.path(), "charge=timeout"), "outcome_unknown");
    assert_eq!(of(order.path(), "pay=crash_after_effect"), "paused");
    assert_eq!(of(order.path(), "charge=late_reply"), "completed");
}

#[test]
fn a_case_that_is_not_there_is_refused_with_a_hint() {
    let wanted = |wanted: &str| test(&["sagas/order.yaml", "--fault", wanted]);
    wanted("chrge=fail").failed(2, &["no step `chrge`", "did you mean `charge`?"]);
    wanted("zzz=fail").failed(2, &["no step `zzz`", "placeOrder, charge"]);
    wanted("charge=timeuot").failed(2, &["did you mean `timeout`?"]);
    wanted("charge=earthquake").failed(2, &["crash_after_effect", "undo_fails"]);
    wanted("charge").failed(2, &["STEP=KIND"]);
}

#[test]
fn files_that_do_not_fit_are_refused() {
    test(&["sagas/missing.yaml"]).failed(1, &["sagas/missing.yaml", "No such file"]);
    let wrong = TemporaryFile::new(
        "trial-wrong.yaml",
        b"saga: wrong\nversion: 1.0.0\nsteps: []\n",
    );
    test(&[wrong.path()]).failed(1, &["the definition has errors", "steps", wrong.path()]);

    let outputs = |text: &str| {
        let file = TemporaryFile::new("trial-outputs.yaml", text.as_bytes());
        test(&["sagas/order.yaml", "--outputs", file.path()])
    };
    outputs("payments.chrge: {}\n").failed(1, &["`payments.chrge`", "`payments.charge`?"]);
    outputs("cannot_tell: [stock.take]\n").failed(1, &["`stock.take`", "stock.reserve"]);
    outputs("cannot_tell: yes\n").failed(1, &["must be a list of operations"]);
    outputs("- payments.charge\n").failed(1, &["must map operations to outputs"]);
    outputs("payments.charge: {a: 1\n").failed(1, &["trial-outputs.yaml", "not YAML"]);

    let input = |text: &str| {
        let file = TemporaryFile::new("trial-input.json", text.as_bytes());
        test(&["sagas/order.yaml", "--input", file.path()])
    };
    input(r#"{"orderId": 7}"#).failed(1, &["/orderId", "order 1.0.0"]);
    input(r#"{"orderId": "#).failed(1, &["--input", "not YAML"]);
}

#[test]
fn an_input_that_cannot_be_made_up_is_asked_for() {
    let file = TemporaryFile::new(
        "iban.yaml",
        b"saga: iban\nversion: 1.0.0\ninput:\n  type: object\n  required: [iban]\n  properties:\n\
          \x20   iban: { type: string, pattern: '^DE[0-9]+$' }\nsteps:\n\
          \x20 - { id: pay, action: payments.pay, no_effect: true }\n",
    );
    test(&[file.path()]).failed(1, &["/iban", "pattern", "--input"]);
    let input = TemporaryFile::new("iban-input.yaml", b"iban: DE1\n");
    let ran = test(&[file.path(), "--input", input.path()]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_saga_that_never_completes_is_told_apart_from_its_faults() {
    let file = TemporaryFile::new(
        "sums.yaml",
        b"saga: sums\nversion: 1.0.0\nsteps:\n\
          \x20 - { id: ask, action: a.ask, no_effect: true }\n\
          \x20 - { id: add, action: a.add, no_effect: true, \
          input: { sum: '${1 + steps.ask.output.n}' } }\n",
    );
    test(&[file.path()]).failed(
        1,
        &["even without a fault", "expression_error", "--outputs"],
    );
    let outputs = TemporaryFile::new("sums-outputs.json", br#"{"a.ask": {"n": 2}}"#);
    let ran = test(&[file.path(), "--outputs", outputs.path()]);
    assert_eq!(ran.code, 0, "{ran:?}");
}
