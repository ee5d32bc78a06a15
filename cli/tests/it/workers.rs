//! Looking at workers.

use std::time::{Duration, Instant};

use crate::amends::Dev;
use crate::snapshot::Snapshot;

#[test]
fn workers_are_listed_and_shown() {
    let dev = Dev::start();
    let deadline = Instant::now() + Duration::from_secs(20);
    let worker = loop {
        // The worker says hello on its own time.
        let all = dev.run(&["worker", "list", "-o", "json"]).json();
        if let Some(worker) = all.as_array().expect("a list").first() {
            break worker.clone();
        }
        assert!(Instant::now() < deadline, "no worker was heard of");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(worker["name"], "dev-worker");
    assert_eq!(worker["status"], "alive");
    assert_eq!(worker["build"], env!("CARGO_PKG_VERSION"));
    let id = worker["id"].as_str().expect("an id");

    let listed = dev.run(&["worker", "list"]);
    assert!(listed.out.contains(id), "{}", listed.out);
    let shown = dev.run(&["worker", "show", "dev-worker"]);
    for words in [
        id,
        "payments.charge",
        "0/16",
        "closed",
        "nothing has been running",
    ] {
        assert!(
            shown.out.contains(words),
            "`{words}` is missing in\n{}",
            shown.out
        );
    }
    let json = dev.run(&["worker", "show", id, "-o", "json"]).json();
    assert_eq!(json["id"], worker["id"]);
    assert!(!json["operations"].as_array().expect("a list").is_empty());
    dev.run(&["worker", "show", "nobody"])
        .failed(4, &["no worker nobody", "amends worker list"]);
    let mut snapshot = Snapshot::default();
    for line in [&["worker", "list"][..], &["worker", "show", "dev-worker"]] {
        snapshot.add(line, &dev.run(line));
    }
    snapshot.check("workers");
}

#[test]
fn a_worker_is_drained_and_leaves() {
    let dev = Dev::start();
    let deadline = Instant::now() + Duration::from_secs(20);
    while dev.run(&["worker", "list", "-o", "json"]).json()[0].is_null() {
        assert!(Instant::now() < deadline, "no worker was heard of");
        std::thread::sleep(Duration::from_millis(20));
    }
    let drain = [
        "worker",
        "drain",
        "dev-worker",
        "--reason",
        "a test",
        "--as",
        "ada",
    ];
    let mut waited = drain.to_vec();
    waited.extend(["--wait", "--timeout", "20s"]);
    let drained = dev.run(&waited);
    assert_eq!(drained.code, 0, "{drained:?}");
    assert!(drained.out.contains("has left"), "{drained:?}");
    let id = &dev.run(&["worker", "list", "-o", "json"]).json()[0];
    assert_eq!(id["status"], "left");
    assert_eq!(id["draining"]["by"]["who"], "ada");
    let id = id["id"].as_str().expect("an id");
    let shown = dev.run(&["worker", "show", id]);
    assert!(shown.out.contains("ada: a test"), "{shown:?}");
    dev.run(&["worker", "drain", id, "--reason", "again"])
        .failed(5, &["has left already"]);
    dev.run(&["worker", "drain", "nobody", "--reason", "a test"])
        .failed(4, &["no worker nobody"]);
}
