//! Telling a saga what it waits for.

use crate::amends::{Dev, Ran};

const APPLICATION: &str = r#"{"applicationId": "a-1", "coolingOff": "1ms",
    "applicant": {"name": "Ada", "email": "ada@example.com"}}"#;

fn open_account(dev: &Dev) -> String {
    let start = ["saga", "start", "account-opening", "-f", "-"];
    let begun = dev.run_with_input(&start, APPLICATION);
    assert_eq!(begun.code, 0, "{begun:?}");
    begun.out.trim().to_owned()
}

fn says(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, 0, "{ran:?}");
    for word in words {
        assert!(
            ran.out.contains(word),
            "`{word}` is missing in\n{}",
            ran.out
        );
    }
}

#[test]
fn a_signal_ends_a_wait() {
    let dev = Dev::start();
    let id = open_account(&dev);
    let signal = |more: &[&str]| {
        let words: Vec<&str> = ["saga", "signal", &id, "reviewed"]
            .iter()
            .chain(more)
            .copied()
            .collect();
        dev.run(&words)
    };
    signal(&["--payload", "{"]).failed(2, &["--payload", "not JSON"]);
    let told = signal(&[
        "--id",
        "review-1",
        "--payload",
        r#"{"approved": true, "by": "Grace"}"#,
    ]);
    says(&told, &[&id, "has reviewed"]);
    // It may be sent again: the saga has it, whether it is over by now or not.
    let again = signal(&["--id", "review-1", "-o", "json"]);
    assert_eq!(again.json()["id"], id.as_str(), "{again:?}");

    let ended = dev.run(&["saga", "wait", &id]);
    says(&ended, &["account-opening 1.0.0  completed", "✔ succeeded"]);
    let history = dev.run(&["saga", "history", &id]);
    assert_eq!(
        history.out.matches("got signal reviewed").count(),
        1,
        "{}",
        history.out
    );
    // A new one has nobody to be told.
    signal(&[]).failed(5, &["completed"]);
}

#[test]
fn a_wait_is_seen_for_what_it_is() {
    let dev = Dev::start();
    let id = open_account(&dev);
    // It gets there by itself; the last check is the last thing before it.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let shown = loop {
        let shown = dev.run(&["saga", "show", &id]);
        if shown.out.contains("◷ waiting") {
            break shown;
        }
        assert!(std::time::Instant::now() < deadline, "{}", shown.out);
    };
    says(&shown, &["waits for the signal reviewed, until "]);
    assert!(
        shown.out.lines().all(|line| line.chars().count() <= 80),
        "{}",
        shown.out
    );
}

#[test]
fn a_signal_for_nobody() {
    let dev = Dev::start();
    let nobody = "01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11";
    dev.run(&["saga", "signal", nobody, "reviewed"])
        .failed(4, &[nobody]);
    dev.run(&["saga", "signal", "7", "reviewed"])
        .failed(2, &["`7`", "saga id"]);
    let id = open_account(&dev);
    let long = "x".repeat(300);
    dev.run(&["saga", "signal", &id, &long])
        .failed(2, &["`name`"]);
    let help = dev.run(&["saga", "signal", "--help"]);
    says(
        &help,
        &["Example: amends saga signal", "--payload", "kept until"],
    );
}
