//! Starting sagas and looking at them.

use crate::amends::Dev;

fn order(id: &str, customer: &str, sku: &str) -> String {
    format!(
        r#"{{"orderId": "{id}", "customer": "{customer}", "amount": 100,
            "items": [{{"sku": "{sku}", "quantity": 1}}]}}"#
    )
}

#[test]
fn a_saga_from_start_to_end() {
    let dev = Dev::start();
    let start = ["saga", "start", "order", "-f", "-"];
    let begun = dev.run_with_input(&start, &order("o-1", "ada", "book"));
    assert_eq!(begun.code, 0, "{begun:?}");
    let id = begun.out.trim();
    // The same key again is the same saga.
    let again = dev.run_with_input(&start, &order("o-1", "ada", "book"));
    assert!(
        again.out.starts_with(id) && again.out.contains("same business key"),
        "{again:?}"
    );

    let waited = dev.run(&["saga", "wait", id]);
    assert_eq!(waited.code, 0, "{waited:?}");
    let shown = dev.run(&["saga", "show", id]);
    for words in [
        id,
        "order 1.0.0",
        "completed",
        "key o-1",
        "placeOrder",
        "✔ succeeded",
    ] {
        assert!(
            shown.out.contains(words),
            "`{words}` is missing in\n{}",
            shown.out
        );
    }
    assert!(
        shown.out.lines().all(|line| line.chars().count() <= 80),
        "{}",
        shown.out
    );
    let json = dev.run(&["saga", "show", id, "-o", "json"]).json();
    assert_eq!(json["status"], "completed");
    assert_eq!(json["steps"].as_array().expect("steps").len(), 5);
    assert!(json["output"]["chargeId"].is_string(), "{json}");

    let history = dev.run(&["saga", "history", id]);
    assert!(
        history.out.contains("started order 1.0.0 with key o-1"),
        "{}",
        history.out
    );
    assert!(
        history.out.trim_end().ends_with("completed"),
        "{}",
        history.out
    );
    let events = dev.run(&["saga", "history", id, "-o", "jsonl"]);
    let seqs: Vec<u64> = events
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an event"))
        .map(|event| event["seq"].as_u64().expect("a number"))
        .collect();
    assert_eq!(seqs, (1..=12).collect::<Vec<_>>());
}

/// The orders on one line each.
fn orders(ids: &[&str]) -> String {
    let lines = ids.iter().map(|id| {
        let order = order(id, "ada", "book");
        order.replace('\n', " ") + "\n"
    });
    lines.collect()
}

#[test]
fn a_saga_for_each_line_of_a_file() {
    let dev = Dev::start();
    let start = ["saga", "start", "order", "--each", "-"];
    let all = dev.run_with_input(&start, &orders(&["e-1", "e-2", "e-3"]));
    assert_eq!((all.code, all.out.as_str()), (0, "3 started\n"));
    // More than one request holds, some of them for the second time.
    let many: Vec<String> = (1..=230).map(|number| format!("e-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let again = dev.run_with_input(&start, &orders(&many));
    let said = "227 started\n3 were there already, with the same business key\n";
    assert_eq!((again.code, again.out.as_str()), (0, said));

    let lines = orders(&["e-1"]) + "\n{\n" + r#"{"orderId": 7}"# + "\n" + &orders(&["e-231"]);
    let some = dev.run_with_input(&start, &lines);
    some.failed(3, &["2 of 4 lines started no saga"]);
    for words in [
        "1 started",
        "1 were there",
        "line 3: it is not JSON",
        "line 4: ",
        "/orderId",
    ] {
        assert!(some.out.contains(words), "`{words}` in\n{}", some.out);
    }
    let one_by_one = [&start[..], &["-o", "jsonl"]].concat();
    let told = dev.run_with_input(&one_by_one, &lines);
    let told: Vec<serde_json::Value> = told
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line"))
        .collect();
    let mut numbers: Vec<u64> = told.iter().filter_map(|it| it["line"].as_u64()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 3, 4, 5]);
    assert!(
        told.iter()
            .any(|it| it["id"].is_string() && it["created"] == false)
    );
}

#[test]
fn lines_get_keys_of_their_number_where_the_definition_computes_none() {
    let dev = Dev::start();
    let start = [
        "saga",
        "start",
        "stock-move",
        "--each",
        "-",
        "--key",
        "monday",
    ];
    let move_one = r#"{"moveId": "m", "from": "a", "to": "b", "sku": "book", "quantity": 1}"#;
    let lines = format!("{move_one}\n\n{move_one}\n");
    let first = dev.run_with_input(&start, &lines);
    assert_eq!((first.code, first.out.as_str()), (0, "2 started\n"));
    let again = dev.run_with_input(&start, &lines);
    assert!(again.out.contains("2 were there already"), "{again:?}");
    let listed = dev.run(&["saga", "list", "-o", "json"]).json();
    let sagas = listed["sagas"].as_array().expect("sagas");
    let mut keys: Vec<_> = sagas
        .iter()
        .filter_map(|saga| saga["key"].as_str())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["monday:1", "monday:3"]);
    let unknown = ["saga", "start", "nothing", "--each", "-"];
    dev.run_with_input(&unknown, &lines)
        .failed(4, &["no definition is named `nothing`"]);
}

#[test]
fn a_saga_that_is_undone() {
    let dev = Dev::start();
    let start = [
        "saga",
        "start",
        "order",
        "-f",
        "-",
        "--wait",
        "--label",
        "channel=web",
    ];
    let shown = dev.run_with_input(&start, &order("o-2", "ada", "out-of-stock"));
    assert_eq!(shown.code, 0, "{shown:?}");
    for words in [
        "compensated",
        "undone because reserveProduct failed",
        "out_of_stock",
    ] {
        assert!(
            shown.out.contains(words),
            "`{words}` is missing in\n{}",
            shown.out
        );
    }
    let listed = dev.run(&[
        "saga",
        "list",
        "--status",
        "compensated",
        "--label",
        "channel=web",
    ]);
    assert!(
        listed.out.contains("order 1.0.0") && listed.out.contains("o-2"),
        "{}",
        listed.out
    );
    let none = dev
        .run(&["saga", "list", "--status", "completed", "-o", "json"])
        .json();
    assert_eq!(none["sagas"], serde_json::json!([]));
    let recent = dev.run(&[
        "saga",
        "list",
        "--since",
        "1h",
        "--definition",
        "order",
        "-o",
        "jsonl",
    ]);
    assert_eq!(recent.out.lines().count(), 1, "{}", recent.out);
    let id = serde_json::from_str::<serde_json::Value>(&recent.out).expect("a saga")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    // A script that waits for success must notice that there was none.
    dev.run(&["saga", "wait", &id]).failed(1, &["compensated"]);
}

#[test]
fn elements_are_seen_for_what_became_of_them() {
    let dev = Dev::start();
    let start = ["saga", "start", "bulk-payout", "-f", "-", "--wait"];
    let batch = r#"{"batchId": "unprintable-1", "total": 300, "currency": "USD", "payees": [
        {"iban": "DE01", "amount": 100}, {"iban": "DE02", "amount": 200}]}"#;
    let shown = dev.run_with_input(&start, batch);
    assert_eq!(shown.code, 0, "{shown:?}");
    let of = |word: &str| {
        let line = shown.out.lines().find(|line| line.contains(word));
        line.unwrap_or_else(|| panic!("no `{word}` in\n{}", shown.out))
    };
    // All of the step's elements succeeded, and then all were undone: so it was, as a whole.
    assert!(of("  pay ").contains("↶ compensated"), "{}", shown.out);
    of("2 elements: 2 undone");
    of("undone because report failed");
}

#[test]
fn a_child_is_a_saga_to_look_at() {
    let dev = Dev::start();
    let start = ["saga", "start", "warehouse-transfer", "-f", "-", "--wait"];
    let transfer = r#"{"transferId": "t-1", "from": "north", "to": "short", "sku": "lamp",
        "quantity": 3}"#;
    let parent = dev.run_with_input(&start, transfer);
    let child = parent
        .out
        .lines()
        .find_map(|line| line.strip_prefix("    saga "))
        .unwrap_or_else(|| panic!("no child in {parent:?}"));
    let shown = dev.run(&["saga", "show", child]);
    for words in [
        "stock-move 1.0.0  compensated",
        "undone by the saga that it is a step of",
        "shelve             ↶ compensated",
    ] {
        assert!(
            shown.out.contains(words),
            "`{words}` is missing in\n{}",
            shown.out
        );
    }
    let history = dev.run(&["saga", "history", child]);
    for words in ["started stock-move 1.0.0 as move of saga", "reopened"] {
        assert!(
            history.out.contains(words),
            "`{words}` is missing in\n{}",
            history.out
        );
    }
}
