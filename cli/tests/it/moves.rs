//! Moving sagas to another version of their definition.

use serde_json::{Value, json};

use crate::amends::{Dev, Ran, TemporaryFile};

/// Nobody does what it asks for, so its sagas stay where they are.
const OLD: &str = "\
saga: mover
version: 1.0.0
steps:
  - { id: first, action: nobody.first, compensate: { action: nobody.undo } }
  - { id: second, action: nobody.second, no_effect: true }
";

/// With the versions that the sagas of these tests are moved to.
fn dev(test: &str) -> Dev {
    let dev = Dev::start();
    let second = OLD.replace("1.0.0", "1.1.0");
    let asks = "input: { type: object, required: [customer], properties: { customer: { type: \
                string } } }\nsteps:";
    let versions = [
        OLD.to_owned(),
        second.replace("nobody.second", "nobody.better"),
        OLD.replace("1.0.0", "2.0.0")
            .replace("nobody.first", "nobody.other"),
        OLD.replace("1.0.0", "3.0.0").replace("steps:", asks),
    ];
    for (number, text) in versions.iter().enumerate() {
        let file = TemporaryFile::new(&format!("{test}-{number}.yaml"), text.as_bytes());
        let applied = dev.run(&["definition", "apply", file.path()]);
        assert_eq!(applied.code, 0, "{applied:?}");
    }
    dev
}

fn start(dev: &Dev, input: &str) -> String {
    let started = dev.run_with_input(
        &["saga", "start", "mover", "--version", "1.0.0", "-f", "-"],
        input,
    );
    assert_eq!(started.code, 0, "{started:?}");
    started.out.trim().to_owned()
}

fn moved(dev: &Dev, arguments: &[&str]) -> Ran {
    let mut line = vec!["saga", "move"];
    line.extend(arguments);
    line.extend(["--reason", "new tax", "--as", "ada"]);
    dev.run(&line)
}

fn version(dev: &Dev, id: &str) -> Value {
    dev.run(&["saga", "show", id, "-o", "json"]).json()["version"].clone()
}

#[test]
fn one_saga_moves_or_says_why_not() {
    let dev = dev("one");
    let id = start(&dev, "{}");
    let dry = moved(&dev, &[&id, "--to", "1.1.0", "--dry-run"]);
    assert_eq!(dry.out, format!("{id} could move to 1.1.0\n"));
    assert_eq!(version(&dev, &id), "1.0.0");
    let obstacle = "step first has asked for nobody.first, in the other version it is nobody.other";
    moved(&dev, &[&id, "--to", "2.0.0", "--dry-run"]).failed(5, &[obstacle]);
    moved(&dev, &[&id, "--to", "2.0.0"]).failed(5, &["it cannot move", obstacle]);
    moved(&dev, &[&id, "--to", "9.9.9"]).failed(4, &["mover 9.9.9"]);
    moved(&dev, &[&id, "--to", "one"]).failed(2, &["`one` is not a semantic version"]);
    moved(&dev, &["--to", "1.1.0"]).failed(2, &["--definition"]);

    let done = moved(&dev, &[&id, "--to", "1.1.0"]);
    assert_eq!(done.out, format!("{id} runs mover 1.1.0 and is running\n"));
    let shown = dev.run(&["saga", "show", &id]);
    assert!(
        shown.out.contains("mover 1.1.0")
            && shown.out.contains("moved to mover 1.1.0, by ada: new tax"),
        "{}",
        shown.out
    );
    let history = dev.run(&["saga", "history", &id]);
    assert!(
        history
            .out
            .contains("moved to mover 1.1.0, by ada: new tax"),
        "{}",
        history.out
    );
    moved(&dev, &[&id, "--to", "1.1.0"]).failed(5, &["the saga runs mover 1.1.0 already"]);
    let back = moved(&dev, &[&id, "--to", "1.0.0", "-o", "json"]).json();
    assert_eq!(
        (&back["version"], &back["id"]),
        (&json!("1.0.0"), &json!(id))
    );

    let retire = [
        "definition",
        "retire",
        "mover@1.1.0",
        "--reason",
        "wrong tax",
    ];
    assert_eq!(dev.run(&retire).code, 0);
    moved(&dev, &[&id, "--to", "1.1.0"]).failed(5, &["mover 1.1.0 is retired", "wrong tax"]);
}

#[test]
fn those_that_can_move_do_and_the_others_are_named() {
    let dev = dev("many");
    let from = ["--definition", "mover", "--from", "1.0.0"];
    let many = |more: &[&str]| moved(&dev, &[&from[..], more].concat());
    let ids = [
        start(&dev, "{}"),
        start(&dev, r#"{"customer": "ada"}"#),
        start(&dev, "{}"),
    ];
    many(&["--to", "1.1.0"]).failed(2, &["--dry-run", "--yes"]);
    many(&["--to", "1.1.0", "--yes", "--limit", "0"]).failed(2, &["1..=100000"]);
    many(&["--to", "1.0.0", "--yes"]).failed(2, &["mover 1.0.0 run that version already"]);
    many(&["--to", "9.9.9", "--yes"]).failed(4, &["mover 9.9.9"]);

    // Asked one by one, told newest first.
    let dry = many(&["--to", "3.0.0", "--dry-run", "-o", "json"]);
    assert_eq!(dry.code, 3, "{dry:?}");
    let told = dry.json();
    let fates = |told: &Value| -> Vec<(Value, Value)> {
        let sagas = told["sagas"].as_array().expect("sagas").iter();
        let fate = |one: &Value| (one["id"].clone(), one["result"].clone());
        sagas.map(fate).collect()
    };
    let of = |number: usize, fate: &str| (json!(ids[number]), json!(fate));
    let expected = [of(2, "refused"), of(1, "would"), of(0, "refused")];
    assert_eq!(fates(&told), expected);
    let obstacle = "the saga's input does not fit: \"customer\" is a required property";
    assert_eq!(told["sagas"][0]["code"], "cannot_move");
    let detail = told["sagas"][0]["detail"].as_str().expect("a reason");
    assert!(detail.contains(obstacle), "{detail}");
    let stays = many(&["--to", "2.0.0", "--yes"]);
    assert_eq!(stays.code, 5, "{stays:?}");
    assert!(
        stays.out.contains("3 refused: cannot_move"),
        "{}",
        stays.out
    );
    stays.failed(5, &["3 of 3 were refused"]);
    for id in &ids {
        assert_eq!(version(&dev, id), "1.0.0", "a dry run moves nothing");
    }

    let some = many(&["--to", "3.0.0", "--yes"]);
    some.failed(3, &["2 of 3 were refused"]);
    for words in ["1 saga moved, 2 refused", &ids[0], &ids[2]] {
        assert!(some.out.contains(words), "`{words}` in\n{}", some.out);
    }
    assert_eq!(version(&dev, &ids[1]), "3.0.0");
    let one = many(&["--to", "1.1.0", "--yes", "--limit", "1"]);
    one.failed(3, &["more sagas may fit"]);
    let rest = many(&["--to", "1.1.0", "--yes", "--rate", "100", "-o", "json"]);
    assert_eq!(rest.code, 0, "{rest:?}");
    assert_eq!(fates(&rest.json()), [of(0, "done")], "{:?}", one.out);
    let none = many(&["--to", "1.1.0", "--yes"]);
    assert_eq!((none.code, none.out.as_str()), (0, "0 sagas moved\n"));
}
