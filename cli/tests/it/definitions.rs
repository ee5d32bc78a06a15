//! Definitions: checked, drawn, shown, compared, retired.

use serde_json::{Value, json};

use crate::amends::{Dev, TemporaryFile, run};

/// Nobody does what it asks for, so its sagas stay where they are.
const ORPHAN: &str = "\
saga: orphan
version: 1.0.0
steps:
  - { id: first, action: nobody.first, compensate: { action: nobody.undo } }
  - { id: second, action: nobody.second, no_effect: true }
";

#[test]
fn the_examples_fit_their_catalogue() {
    let ran = run(&["validate", "sagas", "sagas/operations.yaml"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("sagas/operations.yaml: 46 operations, ok"),
        "{}",
        ran.out
    );
    let source = std::fs::read_to_string(crate::amends::repository().join("sagas/order.yaml"))
        .expect("the order saga");
    let wrong = source.replace("action: payments.refund", "action: payments.refnud");
    let file = TemporaryFile::new("misspelled.yaml", wrong.as_bytes());
    let ran = run(&["validate", file.path()], &[]);
    assert_eq!(ran.code, 0, "no catalogue lies beside it: {ran:?}");
    let ran = run(
        &[
            "validate",
            "--operations",
            "sagas/operations.yaml",
            file.path(),
        ],
        &[],
    );
    ran.failed(1, &["AM071"]);
    assert!(
        ran.out.contains("did you mean `payments.refund`?"),
        "{}",
        ran.out
    );
}

/// The form that programs rely on, to the letter.
#[test]
fn json_has_one_object_for_each_file() {
    let good = TemporaryFile::new("good-json.yaml", ORPHAN.as_bytes());
    let wrong = TemporaryFile::new(
        "wrong-json.yaml",
        ORPHAN
            .replace("no_effect: true", "no_efect: true")
            .as_bytes(),
    );
    let ran = run(&["validate", "-o", "json", good.path(), wrong.path()], &[]);
    assert_eq!(ran.code, 1);
    let lines: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("one document a line"))
        .collect();
    assert_eq!(lines[0], json!({ "file": good.path(), "diagnostics": [] }));
    assert_eq!(
        lines[1],
        json!({
            "file": wrong.path(),
            "diagnostics": [
                {
                    "code": "AM040",
                    "severity": "error",
                    "message": "nothing undoes `second`",
                    "line": 5,
                    "column": 11,
                    "help": "add `compensate`, or `no_effect: true`, or `compensate: none` with \
                             `because`",
                },
                {
                    "code": "AM012",
                    "severity": "error",
                    "message": "a step has no field `no_efect`",
                    "line": 5,
                    "column": 42,
                    "help": "did you mean `no_effect`?",
                },
            ],
        })
    );
    assert_eq!(lines.len(), 2);
}

#[test]
fn what_a_saga_costs_is_told_when_asked() {
    let quiet = run(&["validate", "-o", "json", "sagas/order.yaml"], &[]);
    assert_eq!(quiet.json().get("load"), None);
    let asked = run(
        &["validate", "-o", "json", "--load", "sagas/order.yaml"],
        &[],
    );
    let load = &asked.json()["load"];
    assert_eq!(load["forward"]["messages"], 10);
    assert_eq!(load["undone"]["messages"], 20);
    assert_eq!(load["steps"][1]["action"]["attempts_max"], 5);
    let told = run(&["validate", "--load", "sagas/order.yaml"], &[]);
    assert!(
        told.out
            .contains("charge            5 attempts, 2m35s; undo"),
        "{}",
        told.out
    );
}

#[test]
fn sarif_is_a_log_of_one_run() {
    let file = TemporaryFile::new("sarif.yaml", b"saga: s\nversion: 1\nsteps: []\n");
    let ran = run(&["validate", "-o", "sarif", file.path()], &[]);
    assert_eq!(ran.code, 1);
    let log = ran.json();
    assert_eq!(log["version"], "2.1.0");
    let results = log["runs"][0]["results"].as_array().expect("results");
    let rules: Vec<&Value> = results.iter().map(|result| &result["ruleId"]).collect();
    assert_eq!(rules, ["AM018", "AM023"]);
}

#[test]
fn a_definition_is_drawn() {
    let svg = run(&["graph", "sagas/order.yaml"], &[]);
    assert!(
        svg.out.starts_with("<svg ") && svg.out.contains("payments.refund"),
        "{}",
        svg.out
    );
    let mermaid = run(&["graph", "-o", "mermaid", "sagas/order.yaml"], &[]);
    assert!(
        mermaid.out.contains("s_charge --> s_reserveProduct"),
        "{}",
        mermaid.out
    );
    let dot = run(&["graph", "-o", "dot", "sagas/order.yaml"], &[]);
    assert!(
        dot.out.contains("\"charge\" -> \"reserveProduct\""),
        "{}",
        dot.out
    );
    let wrong = TemporaryFile::new("undrawable.yaml", b"saga: s\n");
    run(&["graph", wrong.path()], &[]).failed(1, &["without errors", "AM013"]);
}

#[test]
fn a_registered_definition_is_shown_and_retired() {
    let dev = Dev::start();
    let shown = dev.run(&["definition", "show", "order"]);
    let source = std::fs::read_to_string(crate::amends::repository().join("sagas/order.yaml"));
    assert_eq!(shown.out, source.expect("the order saga"));
    let text = dev.run(&["definition", "show", "order@1.0.0", "-o", "text"]);
    assert!(
        text.out.contains("charge") && text.out.contains("payments.refund"),
        "{}",
        text.out
    );
    dev.run(&["definition", "show", "order@9.9.9"])
        .failed(4, &["order 9.9.9"]);

    let file = TemporaryFile::new("orphan.yaml", ORPHAN.as_bytes());
    let newer = ORPHAN.replace("1.0.0", "1.1.0");
    let newer = TemporaryFile::new("orphan-newer.yaml", newer.as_bytes());
    let applied = dev.run(&["definition", "apply", file.path(), newer.path()]);
    assert_eq!(applied.code, 0, "{applied:?}");
    let because = ["--reason", "it forgets the tax", "--as", "ada"];
    let retire = |verb: &str, which: &str| {
        let mut line = vec!["definition", verb, which];
        line.extend(because);
        dev.run(&line)
    };
    retire("retire", "orphan").failed(2, &["orphan@1.0.0"]);
    assert_eq!(
        retire("retire", "orphan@1.1.0").out,
        "orphan 1.1.0 starts no new sagas\n"
    );
    let list = dev.run(&["definition", "list"]);
    assert!(
        list.out.contains("retired by ada: it forgets the tax"),
        "{}",
        list.out
    );
    dev.run(&["saga", "start", "orphan", "--version", "1.1.0"])
        .failed(5, &["orphan 1.1.0 is retired", "ada", "it forgets the tax"]);
    let started = dev.run(&["saga", "start", "orphan", "-o", "json"]);
    assert_eq!(
        started.json()["version"],
        "1.0.0",
        "the highest that is not retired"
    );
    retire("retire", "orphan@1.0.0");
    dev.run(&["saga", "start", "orphan"])
        .failed(5, &["every version of `orphan`"]);
    assert_eq!(
        retire("unretire", "orphan@1.1.0").out,
        "orphan 1.1.0 starts sagas\n"
    );
    let started = dev.run(&["saga", "start", "orphan", "-o", "json"]);
    assert_eq!(started.json()["version"], "1.1.0");
}

#[test]
fn a_diff_says_who_could_move() {
    let dev = Dev::start();
    let file = TemporaryFile::new("diff.yaml", ORPHAN.as_bytes());
    dev.run(&["definition", "apply", file.path()]);
    for _ in 0..2 {
        let started = dev.run(&["saga", "start", "orphan"]);
        assert_eq!(started.code, 0, "{started:?}");
    }
    let diff = |text: String| {
        let other = TemporaryFile::new("diff-other.yaml", text.as_bytes());
        dev.run(&[
            "definition",
            "diff",
            "orphan@1.0.0",
            other.path(),
            "-o",
            "json",
        ])
        .json()
    };
    let newer = ORPHAN.replace("1.0.0", "2.0.0");
    let later = diff(newer.replace("nobody.second", "nobody.better"));
    assert_eq!(
        later["changes"],
        json!([{ "step": "second", "field": "action", "before": "nobody.second",
                 "after": "nobody.better" }])
    );
    assert_eq!(
        (&later["sagas"], &later["truncated"]),
        (&json!(2), &json!(false))
    );
    let position = &later["positions"][0];
    assert_eq!(position["sagas"], 2);
    assert_eq!(position["position"], "running: first scheduled");
    assert_eq!(position["movable"], true);
    let earlier = diff(newer.replace("nobody.first", "nobody.better"));
    let position = &earlier["positions"][0];
    assert_eq!(position["movable"], false);
    assert_eq!(
        position["obstacles"],
        json!(["step first has asked for nobody.first, in the other version it is nobody.better"])
    );
    let other = TemporaryFile::new("diff-told.yaml", newer.as_bytes());
    let told = dev.run(&["definition", "diff", "orphan@1.0.0", other.path()]);
    assert!(
        told.out.contains("nothing differs but the text"),
        "{}",
        told.out
    );
    assert!(
        told.out.contains("2  could move  running: first scheduled"),
        "{}",
        told.out
    );
}
