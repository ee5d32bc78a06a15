//! Whatever is wrong outside: one clear error that says what, where and what to do.

use std::net::TcpListener;

use crate::amends::{Dev, TemporaryFile, run};

#[test]
fn a_definition_that_cannot_be_read() {
    run(&["validate", "sagas/missing.yaml"], &[])
        .failed(1, &["sagas/missing.yaml", "No such file"]);
    let binary = TemporaryFile::new("binary.yaml", b"saga: \xff\xfe");
    let ran = run(&["validate", binary.path()], &[]);
    ran.failed(1, &["1 errors in 1 of 1 files", "AM029"]);
    assert!(
        ran.out.contains("AM029") && ran.out.contains(":1:7"),
        "{ran:?}"
    );
    let huge = TemporaryFile::new("huge.yaml", &vec![b'#'; 1024 * 1024 + 1]);
    let ran = run(&["validate", "-o", "json", huge.path()], &[]);
    ran.failed(1, &["AM001"]);
    assert_eq!(ran.json()["diagnostics"][0]["code"], "AM001");
    run(&["definition", "apply", huge.path()], &[]).failed(1, &[huge.path(), "1048576"]);
}

#[test]
fn a_definition_with_problems() {
    let source =
        "saga: order\nversion: 1.0.0\nsteps:\n  - id: charge\n    action: pay\n    retires: 3\n";
    let file = TemporaryFile::new("wrong.yaml", source.as_bytes());
    let ran = run(&["validate", file.path()], &[]);
    ran.failed(1, &["errors in 1 of 1 files", "explain-code"]);
    for words in ["retires", "retry", "pay", "^", file.path()] {
        assert!(
            ran.out.contains(words),
            "`{words}` is missing in\n{}",
            ran.out
        );
    }
    let json = run(&["validate", "-o", "json", file.path()], &[]);
    assert_eq!(json.code, 1);
    let report = json.json();
    assert_eq!(report["file"], file.path());
    let diagnostics = report["diagnostics"].as_array().expect("a list");
    assert!(diagnostics.len() >= 3, "{report}");
    for diagnostic in diagnostics {
        assert!(
            diagnostic["code"]
                .as_str()
                .expect("a code")
                .starts_with("AM")
        );
        assert!(diagnostic["line"].as_u64().expect("a line") >= 1);
        assert!(diagnostic["column"].as_u64().expect("a column") >= 1);
    }
    let code = diagnostics[0]["code"].as_str().expect("a code");
    let story = run(&["explain-code", code], &[]);
    assert_eq!(story.code, 0);
    assert!(
        story.out.contains(code) && story.out.lines().count() >= 3,
        "{}",
        story.out
    );
    run(&["explain-code", "AM999"], &[]).failed(4, &["AM999"]);
}

#[test]
fn the_examples_are_right() {
    let ran = run(&["validate", "sagas"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out
            .contains("sagas/order.yaml: order 1.0.0, 5 steps, ok"),
        "{}",
        ran.out
    );
}

#[test]
fn a_setting_that_is_wrong() {
    run(
        &["db", "status"],
        &[("AMENDS__POSTGRES__POOL_SIZE", "many")],
    )
    .failed(2, &["pool_size", "many"]);
    run(&["db", "status"], &[("AMENDS__POSTGRES__POLL_SIZE", "8")]).failed(2, &["poll_size"]);
    run(&["db", "status", "--config", "missing.toml"], &[]).failed(2, &["missing.toml"]);
    let file = TemporaryFile::new("settings.toml", b"[engine]\nlanes = \"two\"\n");
    run(&["serve", "--config", file.path()], &[]).failed(2, &["lanes", "two", file.path()]);
    run(&["serve"], &[("AMENDS__LOG__LEVEL", "loud")]).failed(2, &["log.level", "loud", "debug"]);
    run(&["serve"], &[("AMENDS__LOG__FORMAT", "xml")]).failed(2, &["log.format", "xml", "json"]);
}

#[test]
fn a_server_that_cannot_be_reached() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("its address").port();
    drop(free);
    let url = format!("postgres://amends:secret@127.0.0.1:{port}/amends");
    let listen = ("AMENDS__HTTP__LISTEN", "127.0.0.1:0");
    let ran = run(&["serve"], &[("AMENDS__POSTGRES__URL", &url), listen]);
    ran.failed(1, &["database", &format!("127.0.0.1:{port}")]);
    assert!(
        !ran.err.contains("secret"),
        "the password is shown\n{}",
        ran.err
    );
    let server = format!("http://127.0.0.1:{port}");
    run(&["saga", "list", "--server", &server], &[]).failed(1, &[&server, "amends dev"]);
    run(&["saga", "list", "--server", "ftp://x"], &[]).failed(2, &["ftp://x", "http://"]);
}

#[test]
fn a_port_that_is_in_use_or_open_to_the_network() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    run(&["serve"], &[("AMENDS__HTTP__LISTEN", &address)])
        .failed(1, &[&address, "in use", "another process"]);
    run(&["serve"], &[("AMENDS__HTTP__LISTEN", "0.0.0.0:0")])
        .failed(5, &["authentication", "127.0.0.1", "expose_without_auth"]);
}

#[test]
fn an_input_that_does_not_fit_starts_nothing() {
    let dev = Dev::start();
    let start = |input: &str| dev.run_with_input(&["saga", "start", "order", "-f", "-"], input);
    start(r#"{"orderId": 7, "customer": "ada", "amount": 0, "items": []}"#)
        .failed(1, &["/input/orderId", "/input/amount", "/input/items"]);
    start("{").failed(1, &["not JSON"]);
    dev.run(&["saga", "start", "ordr"])
        .failed(4, &["ordr", "order"]);
    dev.run(&["saga", "start", "order", "--version", "one"])
        .failed(2, &["one"]);
    dev.run(&["saga", "start", "order", "--version", "9.9.9"])
        .failed(4, &["order 9.9.9"]);
    dev.run(&["saga", "start", "order", "--label", "x"])
        .failed(2, &["name=value"]);
    dev.run(&["saga", "list", "--status", "wedged"])
        .failed(2, &["wedged", "compensating"]);
    dev.run(&["saga", "list", "--limit", "0"])
        .failed(2, &["limit 0"]);
    dev.run(&["saga", "list", "--cursor", "7"])
        .failed(2, &["cursor"]);
    dev.run(&["saga", "show", "7"])
        .failed(2, &["`7`", "saga id"]);
    let nobody = "01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11";
    for verb in ["show", "history", "wait"] {
        dev.run(&["saga", verb, nobody]).failed(4, &[nobody]);
    }
    let list = dev.run(&["saga", "list", "-o", "json"]);
    assert_eq!(list.json()["sagas"], serde_json::json!([]));
}

#[test]
fn a_definition_that_conflicts_registers_nothing() {
    let dev = Dev::start();
    let wrong = TemporaryFile::new("no-steps.yaml", b"saga: empty\nversion: 1.0.0\nsteps: []\n");
    dev.run(&["definition", "apply", wrong.path()])
        .failed(1, &["steps"]);
    let source = std::fs::read_to_string(crate::amends::repository().join("sagas/order.yaml"))
        .expect("the order saga");
    let same = TemporaryFile::new("same.yaml", source.as_bytes());
    let ran = dev.run(&["definition", "apply", same.path()]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "order 1.0.0 unchanged\n"));
    let other = TemporaryFile::new("other.yaml", format!("{source}# changed\n").as_bytes());
    dev.run(&["definition", "apply", other.path()])
        .failed(5, &["order 1.0.0", "new one"]);
    let list = dev.run(&["definition", "list", "-o", "json"]).json();
    let names: Vec<_> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["name"])
        .collect();
    let shipped = [
        "account-opening",
        "bulk-payout",
        "flight-booking",
        "order",
        "stock-move",
        "subscription-renewal",
        "warehouse-transfer",
    ];
    assert_eq!(names, shipped);
}
