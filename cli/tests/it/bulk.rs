//! The same for many sagas: by filters, at a rate, stopped half-way, reported one by one.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::inside::{Inside, LONELY};

const WHY: [&str; 2] = ["--reason", "bad deploy"];

fn many(inside: &Inside, verb: &str, more: &[&str]) -> crate::amends::Ran {
    inside.run(&[&["saga", verb], more, &WHY[..]].concat())
}

fn status(inside: &Inside, id: &str) -> Value {
    inside.run(&["saga", "show", id, "-o", "json"]).json()["status"].clone()
}

#[test]
fn a_broken_deploy_is_paused_by_its_dead_letters_and_goes_on() {
    let inside = Inside::start(&[LONELY]);
    let ids: Vec<String> = (0..4).map(|n| inside.lonely(&format!("k-{n}"))).collect();
    let group = "prepare/lonely/1.0.0/rejected";
    for id in &ids[..3] {
        inside.keep_letter(id, group);
    }
    let by_group = ["--letter-group", group];
    let dry = many(&inside, "pause", &[&by_group[..], &["--dry-run"]].concat());
    assert_eq!(dry.code, 0, "{dry:?}");
    assert!(dry.out.ends_with("would pause 3 sagas\n"), "{dry:?}");
    assert!(!dry.out.contains(&ids[3]), "{dry:?}");
    assert_eq!(
        status(&inside, &ids[0]),
        "running",
        "a dry run does nothing"
    );

    many(&inside, "pause", &by_group).failed(2, &["pause 3 sagas", "--dry-run", "--yes"]);
    assert_eq!(status(&inside, &ids[0]), "running", "nobody said yes");
    let yes = [&by_group[..], &["--yes"]].concat();
    let done = many(&inside, "pause", &yes);
    assert_eq!((done.code, done.out.as_str()), (0, "3 sagas paused\n"));
    let told: Vec<_> = ids.iter().map(|id| status(&inside, id)).collect();
    assert_eq!(told, ["paused", "paused", "paused", "running"]);
    let again = many(&inside, "pause", &yes);
    assert_eq!((again.code, again.out.as_str()), (0, "0 sagas paused\n"));

    let report = many(&inside, "resume", &[&yes[..], &["-o", "json"]].concat());
    let report = report.json();
    assert_eq!(
        (&report["done"], &report["refused"]),
        (&json!(3), &json!(0))
    );
    let resumed = report["sagas"].as_array().expect("sagas").iter();
    let resumed: Vec<_> = resumed.map(|one| one["id"].clone()).collect();
    assert_eq!(resumed, [json!(ids[2]), json!(ids[1]), json!(ids[0])]);
    let history = inside.run(&["saga", "history", &ids[0]]);
    assert!(history.out.contains("bad deploy"), "{}", history.out);
}

#[test]
fn what_is_refused_is_told_by_reason_and_one_by_one() {
    let inside = Inside::start(&[LONELY]);
    let ids: Vec<String> = (0..2).map(|n| inside.lonely(&format!("k-{n}"))).collect();
    let step = ["--definition", "lonely", "--step", "prepare", "--yes"];
    let refused = many(&inside, "retry", &step);
    refused.failed(5, &["2 of 2 were refused"]);
    for words in [
        "0 sagas retried, 2 refused",
        "2 refused: in_flight",
        &ids[0],
        &ids[1],
    ] {
        assert!(refused.out.contains(words), "`{words}` in\n{}", refused.out);
    }
    let lines = many(&inside, "retry", &[&step[..], &["-o", "jsonl"]].concat());
    assert_eq!(lines.code, 5);
    for line in lines.out.lines() {
        let one: Value = serde_json::from_str(line).expect("a saga");
        assert_eq!(
            (&one["result"], &one["code"]),
            (&json!("refused"), &json!("in_flight"))
        );
        assert_eq!(one["step"], "prepare");
    }
    assert_eq!(lines.out.lines().count(), 2);

    // Of a step with elements each one is meant.
    let fan = "saga: fan\nversion: 1.0.0\nsteps:\n  - { id: fan, action: nobody.fan, for_each: \
               \"${input.list}\", no_effect: true }\n";
    let fans = Inside::start(&[fan]);
    let start = ["saga", "start", "fan", "-f", "-"];
    assert_eq!(fans.run_with_input(&start, r#"{"list": [1, 2]}"#).code, 0);
    let step = [
        "--definition",
        "fan",
        "--step",
        "fan",
        "--yes",
        "-o",
        "json",
    ];
    let report = many(&fans, "retry", &step).json();
    let told = report["sagas"].as_array().expect("sagas").iter();
    let told: Vec<_> = told.map(|one| (&one["step"], &one["code"])).collect();
    let in_flight = json!("in_flight");
    assert_eq!(
        told,
        [
            (&json!("fan[1]"), &in_flight),
            (&json!("fan[2]"), &in_flight)
        ]
    );

    // A verb about the whole saga is said once, however many of its elements fit.
    let by_step = ["--definition", "fan", "--step", "fan", "--yes"];
    let signal = ["saga", "signal", "ready", "--id", "s-1"];
    let told = fans.run(&[&signal[..], &by_step].concat());
    assert_eq!((told.code, told.out.as_str()), (0, "1 saga signalled\n"));
    let dry = many(&fans, "cancel", &[&by_step[..], &["--dry-run"]].concat());
    assert!(dry.out.ends_with("would cancel 1 saga\n"), "{dry:?}");
    let report = many(&fans, "cancel", &[&by_step[..], &["-o", "json"]].concat()).json();
    let told = report["sagas"].as_array().expect("sagas").iter();
    let told: Vec<_> = told.map(|one| (&one["step"], &one["result"])).collect();
    assert_eq!(told, [(&Value::Null, &json!("done"))], "{report}");

    // One of two can be cancelled, the other turns back already.
    let cancelled = many(&inside, "cancel", &[&ids[0]]);
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    let both = ["--definition", "lonely", "--status", "open", "--yes"];
    let partly = many(&inside, "cancel", &both);
    partly.failed(3, &["1 of 2 were refused"]);
    assert!(
        partly.out.contains("1 saga cancelled, 1 refused"),
        "{partly:?}"
    );
    // Those that turn back already are not meant unless somebody names them.
    let rest = many(&inside, "cancel", &["--definition", "lonely", "--yes"]);
    assert!(rest.out.starts_with("0 sagas cancelled"), "{rest:?}");
}

#[test]
fn who_means_what_must_be_said() {
    let inside = Inside::start(&[LONELY]);
    let id = inside.lonely("k-1");
    many(&inside, "cancel", &[]).failed(2, &["no saga is named", "--status open"]);
    many(&inside, "cancel", &[&id, "--definition", "lonely"]).failed(2, &["do not go together"]);
    many(&inside, "retry", &["--definition", "lonely"]).failed(2, &["--step"]);
    many(&inside, "skip", &[&id]).failed(2, &["which step"]);
    many(&inside, "cancel", &["--status", "wedged", "--yes"]).failed(2, &["wedged", "open"]);
    many(&inside, "cancel", &["--label", "north", "--yes"]).failed(2, &["name=value"]);
    many(&inside, "cancel", &["--since", "soon", "--yes"]).failed(2, &["--since"]);
    many(&inside, "cancel", &["--stuck=bored", "--yes"]).failed(2, &["bored", "step_failed"]);
    let signal = ["saga", "signal", "ready", "--definition", "lonely", "--yes"];
    inside.run(&signal).failed(2, &["--id"]);
    let signal = inside.run(&[&signal[..], &["--id", "s-1"]].concat());
    assert_eq!(
        (signal.code, signal.out.as_str()),
        (0, "1 saga signalled\n")
    );
    assert_eq!(status(&inside, &id), "running");
}

#[test]
fn a_listing_finds_sagas_by_step_cause_and_version() {
    let inside = Inside::start(&[LONELY]);
    let ids: Vec<String> = (0..3).map(|n| inside.lonely(&format!("k-{n}"))).collect();
    assert_eq!(many(&inside, "pause", &[&ids[1]]).code, 0);
    let found = |more: &[&str]| {
        let ran = inside.run(&[&["saga", "list", "-o", "json"], more].concat());
        let page = ran.json();
        let sagas = page["sagas"].as_array().expect("sagas").iter();
        sagas.map(|one| one["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(found(&["--stuck=paused"]), [json!(ids[1])]);
    assert_eq!(found(&["--stuck=step_failed"]), [] as [Value; 0]);
    assert_eq!(found(&["--step", "prepare"]).len(), 3);
    assert_eq!(
        found(&["--step", "fan"]),
        [] as [Value; 0],
        "it is not begun"
    );
    assert_eq!(found(&["--version", "1.0.0", "--limit", "2"]).len(), 2);
    assert_eq!(found(&["--version", "2.0.0"]), [] as [Value; 0]);
    assert_eq!(found(&["--status", "paused,completed"]), [json!(ids[1])]);
    assert_eq!(found(&["--status", "open"]).len(), 3);
    inside
        .run(&["saga", "list", "--stuck", "--status", "paused"])
        .failed(2, &["`status`", "stuck"]);
}

/// A saga that is not as the filters say any more is left alone, though it was found.
#[test]
fn filters_are_looked_at_again_when_a_sagas_turn_comes() {
    let inside = Inside::start(&[LONELY]);
    let ids: Vec<String> = (0..3).map(|n| inside.lonely(&format!("k-{n}"))).collect();
    let slow = [
        "saga",
        "pause",
        "--definition",
        "lonely",
        "--rate",
        "1",
        "--yes",
        "-o",
        "jsonl",
    ];
    let mut child = inside
        .command(&[&slow[..], &WHY[..]].concat())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start amends");
    let out = child.stdout.take().expect("its standard output");
    let mut lines = BufReader::new(out).lines().map_while(Result::ok);
    let first: Value = serde_json::from_str(&lines.next().expect("a line")).expect("a saga");
    assert_eq!(
        (&first["id"], &first["result"]),
        (&json!(ids[2]), &json!("done"))
    );
    // The last one, a second or two before its turn.
    assert_eq!(many(&inside, "terminate", &[&ids[0]]).code, 0);
    let rest: Vec<Value> = lines
        .map(|line| serde_json::from_str(&line).expect("a saga"))
        .collect();
    let told: Vec<_> = rest
        .iter()
        .map(|one| (&one["id"], &one["result"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!(ids[1]), &json!("done")),
            (&json!(ids[0]), &json!("passed_over"))
        ]
    );
    assert!(child.wait().expect("an end").success());
    assert_eq!(status(&inside, &ids[0]), "terminated");
}

/// Runs a slow command about twenty sagas and has something happen after the first of them.
fn halfway(
    inside: &mut Inside,
    happen: impl FnOnce(&mut Inside, u32),
) -> (i32, Vec<Value>, String) {
    for number in 0..20 {
        inside.lonely(&format!("k-{number}"));
    }
    let slow = [
        "saga",
        "pause",
        "--definition",
        "lonely",
        "--rate",
        "4",
        "--yes",
        "-o",
        "jsonl",
    ];
    let mut child = inside
        .command(&[&slow[..], &WHY[..]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start amends");
    let out = child.stdout.take().expect("its standard output");
    let mut lines = BufReader::new(out).lines().map_while(Result::ok);
    let first = lines.next().expect("a line");
    let begun = Instant::now();
    happen(inside, child.id());
    let mut told = vec![first];
    told.extend(lines);
    let output = child.wait_with_output().expect("an end");
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "it goes on and on"
    );
    let told = told
        .iter()
        .map(|line| serde_json::from_str(line).expect("a saga"));
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    (
        output.status.code().expect("an exit code"),
        told.collect(),
        err,
    )
}

#[test]
fn ctrl_c_stops_and_what_was_done_is_told() {
    let mut inside = Inside::start(&[LONELY]);
    let (code, told, err) = halfway(&mut inside, |_, process| {
        let sent = Command::new("kill")
            .args(["-INT", &process.to_string()])
            .status();
        assert!(sent.expect("kill").success());
    });
    assert_eq!(code, 3, "{err}");
    assert!(
        told.len() < 20 && told.iter().all(|one| one["result"] == "done"),
        "{told:?}"
    );
    let left = 20 - told.len();
    assert!(
        err.contains(&format!("stopped: somebody asked for it; {left} not tried")),
        "{err}"
    );
    // Exactly those are paused, and the same command again does the rest.
    let paused = inside
        .run(&["saga", "list", "--status", "paused", "-o", "json"])
        .json();
    assert_eq!(paused["sagas"].as_array().map(Vec::len), Some(told.len()));
    let rest = many(&inside, "pause", &["--definition", "lonely", "--yes"]);
    assert_eq!((rest.code, rest.out), (0, format!("{left} sagas paused\n")));
}

#[test]
fn a_server_that_goes_away_half_way_stops_it() {
    let mut inside = Inside::start(&[LONELY]);
    let (code, told, err) = halfway(&mut inside, |inside, _| inside.crash());
    assert_eq!(code, 3, "{err}");
    assert!(told.len() < 20, "{told:?}");
    assert!(err.contains("stopped: no orchestrator answers at"), "{err}");
    assert!(err.contains("not tried"), "{err}");
}

#[test]
fn a_limit_leaves_the_rest_for_the_next_time() {
    let inside = Inside::start(&[LONELY]);
    for number in 0..3 {
        inside.lonely(&format!("k-{number}"));
    }
    let two = ["--definition", "lonely", "--limit", "2", "--yes"];
    let first = many(&inside, "pause", &two);
    first.failed(3, &["more sagas may fit"]);
    assert_eq!(first.out, "2 sagas paused; more may fit\n");
    let last = many(&inside, "pause", &two);
    assert_eq!((last.code, last.out.as_str()), (0, "1 saga paused\n"));
}
