//! Looking into a saga: why, what if, what was.

use crate::amends::{Dev, TemporaryFile};

const SALE: &str = "saga: lonely\nversion: 1.0.0\nsteps:\n  - { id: prepare, action: nobody.prepare, no_effect: true }\n";

#[test]
fn a_saga_is_explained_planned_exported_replayed_and_watched() {
    let dev = Dev::start();
    let file = TemporaryFile::new("lonely.yaml", SALE.as_bytes());
    let applied = dev.run(&["definition", "apply", file.path()]);
    assert_eq!(applied.code, 0, "{applied:?}");
    let begun = dev.run(&["saga", "start", "lonely"]);
    let id = begun.out.trim();

    let paused = dev.run(&["saga", "pause", id, "--reason", "a look"]);
    assert_eq!(paused.code, 0, "{paused:?}");
    let told = dev.run(&["saga", "explain", id]);
    assert_eq!(told.code, 0, "{told:?}");
    for words in [
        "paused, needs an operator",
        "a look",
        "> amends saga resume",
    ] {
        assert!(
            told.out.contains(words),
            "`{words}` is missing in\n{}",
            told.out
        );
    }
    let json = dev.run(&["saga", "explain", id, "-o", "json"]).json();
    assert_eq!(json["cause"]["cause"], "paused");
    assert_eq!(json["cause"]["stuck"], true);
    let stuck = dev.run(&["saga", "list", "--stuck", "-o", "json"]).json();
    assert_eq!(stuck["stuck"], 1);
    assert_eq!(stuck["groups"][0]["sagas"][0], id);

    let plan = dev.run(&["saga", "plan", id]);
    assert!(plan.out.contains("cancelled now"), "{plan:?}");
    dev.run(&["saga", "plan", id, "--if-failed-at", "nope"])
        .failed(4, &["no step nope"]);

    let bundle = TemporaryFile::new("bundle.json", b"");
    let exported = dev.run(&["saga", "export", id, "--redact", "--file", bundle.path()]);
    assert_eq!(exported.code, 0, "{exported:?}");
    let replayed = dev.run(&["saga", "replay", bundle.path()]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert!(
        replayed.out.contains("give the state that is stored"),
        "{replayed:?}"
    );
    let text = std::fs::read_to_string(bundle.path()).expect("the bundle");
    let mut changed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    changed["state"]["version"] = 99.into();
    let wrong = TemporaryFile::new("wrong.json", changed.to_string().as_bytes());
    let replayed = dev.run(&["saga", "replay", wrong.path()]);
    assert_eq!(replayed.code, 1, "{replayed:?}");
    assert!(replayed.out.contains("/version"), "{replayed:?}");
    dev.run(&["saga", "replay", "no-such-file"])
        .failed(4, &["no-such-file"]);

    let ended = dev.run(&["saga", "terminate", id, "--reason", "enough"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let watched = dev.run(&["saga", "watch", id]);
    assert_eq!(watched.code, 0, "{watched:?}");
    assert!(watched.out.contains("terminated"), "{watched:?}");
    dev.run(&["saga", "plan", id]).failed(5, &["terminated"]);
    let over = dev.run(&["saga", "explain", id]);
    assert!(over.out.contains("it is over"), "{over:?}");
}
