//! What an operator looks at and mends, over the embedded engine.

use std::net::TcpListener;

use crate::amends::{Dev, TemporaryFile, run};

const NOBODY: &str = "019a0000-0000-8000-8000-000000000001";

/// No line is longer than a terminal is wide.
fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "too long: {line}");
    }
}

#[test]
fn without_dead_letters_there_is_nothing_to_do() {
    let dev = Dev::start();
    for command in ["list", "groups"] {
        let none = dev.run(&["dlq", command]);
        assert_eq!((none.code, none.out.as_str()), (0, "no dead letters\n"));
    }
    let none = dev.run(&["dlq", "list", "--since", "1h", "-o", "json"]);
    assert_eq!(none.json()["letters"], serde_json::json!([]));
    assert_eq!(
        dev.run(&["dlq", "groups", "-o", "json"]).json(),
        serde_json::json!([])
    );
    dev.run(&["dlq", "show", NOBODY])
        .failed(4, &["no dead letter", NOBODY]);
    dev.run(&["dlq", "show", "7"])
        .failed(2, &["`7` is not the id"]);
    let cause = ["dlq", "drop", "--fingerprint", "x", "--reason", "r"];
    dev.run(&cause)
        .failed(4, &["fingerprint x", "amends dlq groups"]);
    let replayed = dev.run(&["dlq", "replay", NOBODY, "--reason", "r"]);
    replayed.failed(4, &["1 refused, nothing was done"]);
    assert!(replayed.out.contains("missing"), "{replayed:?}");
    dev.run(&["dlq", "list", "--cursor", "x"])
        .failed(2, &["`x` is no cursor"]);
    dev.run(&["dlq", "list", "--since", "soon"])
        .failed(2, &["--since"]);
    dev.run(&["dlq", "list", "--limit", "0"])
        .failed(2, &["between 1 and 1000"]);
}

#[test]
fn what_a_bulk_verb_needs_is_said_before_anything_happens() {
    run(&["dlq", "replay", "--reason", "r"], &[]).failed(2, &["<IDS>"]);
    run(&["dlq", "drop", NOBODY], &[]).failed(2, &["--reason"]);
    let both = ["dlq", "drop", NOBODY, "--fingerprint", "x", "--reason", "r"];
    run(&both, &[]).failed(2, &["cannot be used with"]);
    let dev = Dev::start();
    let many = ["dlq", "drop", NOBODY, NOBODY, "--reason", "r"];
    dev.run(&many)
        .failed(2, &["drop 2 letters", "--dry-run", "--yes"]);
    let blank = ["dlq", "drop", NOBODY, "--reason", " "];
    let blank = dev.run(&blank);
    assert!(blank.out.contains("say a reason"), "{blank:?}");
}

#[test]
fn reconciling_a_quiet_engine_finds_nothing() {
    let dev = Dev::start();
    let ran = dev.run(&["reconcile"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    fits(&ran.out);
    assert!(ran.out.contains("0 open sagas"), "{ran:?}");
    let found = dev.run(&["reconcile", "--dry-run", "-o", "json"]).json();
    assert_eq!(found["missing"], serde_json::json!([]));
    dev.run(&["reconcile", "--older-than", "soon"])
        .failed(2, &["`older_than` is no span"]);
}

#[test]
fn the_topology_is_clean_and_queues_say_who_serves_them() {
    let dev = Dev::start();
    let diff = dev.run(&["topology", "diff"]);
    assert_eq!(diff.code, 0, "{diff:?}");
    fits(&diff.out);
    let view = dev.run(&["topology", "diff", "-o", "json"]).json();
    assert_eq!(view["clean"], true);
    let items = view["items"].as_array().expect("items");
    for (kind, name) in [
        ("exchange", "amends.steps"),
        ("queue", "amends.replies"),
        ("queue", "amends.steps.payments.refund.undo"),
    ] {
        let mut found = items.iter().filter(|it| it["kind"] == kind);
        let found = found.find(|it| it["name"] == name);
        let missing = || panic!("no {kind} {name}");
        assert_eq!(found.unwrap_or_else(missing)["condition"], "ok");
    }
    assert_eq!(dev.run(&["topology", "apply"]).code, 0);
    let listed = dev.run(&["queue", "list"]);
    assert!(
        listed.out.contains("amends.steps.payments.charge"),
        "{listed:?}"
    );
    assert!(!listed.out.contains(".retry."), "{listed:?}");
    fits(&listed.out);
    let all = dev.run(&["queue", "list", "--all", "-o", "jsonl"]);
    assert!(all.out.contains(".retry."), "{all:?}");
}

/// Nothing is there, and each line says what to do.
#[test]
fn a_doctor_without_servers_says_what_to_start() {
    // Ports that are free now; nobody listens there.
    let port = || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("its address").port()
    };
    let (database, broker) = (port(), port());
    let config = format!(
        "[postgres]\nurl = \"postgres://a@127.0.0.1:{database}/a\"\n\
         [broker]\nurls = \"amqp://127.0.0.1:{broker}\"\n"
    );
    let file = TemporaryFile::new("doctor.toml", config.as_bytes());
    let ran = run(&["doctor", "--config", file.path()], &[]);
    ran.failed(1, &["2 of 3 checks failed"]);
    for words in ["FAIL  database", "FAIL  broker", "->", "postgres.url"] {
        assert!(ran.out.contains(words), "`{words}` in\n{}", ran.out);
    }
    fits(&ran.out);
    let json = run(&["doctor", "--config", file.path(), "-o", "json"], &[]);
    assert_eq!((json.code, &json.json()["ok"]), (1, &false.into()));
    for check in json.json()["checks"].as_array().expect("checks") {
        let known = ["ok", "warn", "fail"].map(serde_json::Value::from);
        assert!(known.contains(&check["verdict"]), "{check}");
        assert!(check["remedy"].is_string(), "{check}");
    }
    run(&["doctor", "--config", "no.toml"], &[]).failed(2, &["no.toml"]);
}
