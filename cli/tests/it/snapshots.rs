//! Every command as its users see it, and what it says when something is wrong.

use std::net::TcpListener;

use orchestrator::auth::Role;
use orchestrator::http::{EventView, SagaView};
use serde_json::Value;

use crate::amends::{Dev, Ran, TemporaryFile, run, run_with_input};
use crate::inside::{Inside, LONELY};
use crate::snapshot::Snapshot;

const NOBODY: &str = "01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11";

/// Commands one after the other, each kept with what it printed.
struct Story<F> {
    snapshot: Snapshot,
    run: F,
}

impl<F: Fn(&[&str], &str) -> Ran> Story<F> {
    fn new(run: F) -> Self {
        let snapshot = Snapshot::default();
        Self { snapshot, run }
    }

    fn tell(&mut self, arguments: &[&str]) -> Ran {
        self.tell_with(arguments, "")
    }

    fn tell_with(&mut self, arguments: &[&str], input: &str) -> Ran {
        let ran = (self.run)(arguments, input);
        self.snapshot.add(arguments, &ran);
        ran
    }
}

fn inside_story(inside: &Inside) -> Story<impl Fn(&[&str], &str) -> Ran> {
    Story::new(|arguments: &[&str], input: &str| inside.run_with_input(arguments, input))
}

#[test]
fn a_saga_that_nobody_works_for() {
    let inside = Inside::start(&[LONELY]);
    let id = inside.lonely("k-1");
    inside.lonely("k-2");
    let mut story = inside_story(&inside);
    for line in [
        &["saga", "list"][..],
        &["saga", "list", "-o", "wide"],
        &["saga", "list", "--limit", "1", "-o", "json"],
        &[
            "saga", "list", "--step", "prepare", "--limit", "1", "-o", "yaml",
        ],
        &["saga", "show", &id],
        &["saga", "explain", &id],
        &["saga", "explain", &id, "-o", "yaml"],
        &["saga", "plan", &id],
        &["saga", "pause", &id, "--reason", "a look"],
        &["saga", "list", "--stuck"],
        &["saga", "list", "--stuck=paused", "-o", "wide"],
        &["saga", "explain", &id],
        &[
            "saga",
            "wait",
            &id,
            "--until",
            "terminated",
            "--timeout",
            "1ms",
        ],
        &["saga", "resume", &id, "--reason", "seen enough"],
        &["saga", "history", &id],
        &["saga", "terminate", &id, "--reason", "of a test"],
        &["saga", "wait", &id, "--until", "terminated"],
        &["saga", "watch", &id],
        &["saga", "explain", &id],
        &["saga", "replay", &id],
        &["saga", "history", &id, "-o", "jsonl"],
    ] {
        story.tell(line);
    }
    story.snapshot.check("lonely");
}

/// One saga for each cause that needs no worker.
#[test]
fn why_sagas_do_not_move() {
    let one =
        |name: &str, step: &str| format!("saga: {name}\nversion: 1.0.0\nsteps:\n  - {step}\n");
    let definitions = [
        one(
            "signal",
            "{ id: hear, wait_for: { signal: ready, timeout: 2d } }",
        ),
        one("timer", "{ id: rest, sleep: 30d }"),
        one("parent", "{ id: child, saga: { name: timer } }"),
        one(
            "work",
            "{ id: work, action: nobody.works, no_effect: true }",
        ),
    ];
    let texts: Vec<&str> = definitions.iter().map(String::as_str).collect();
    let inside = Inside::start(&texts);
    let mut story = inside_story(&inside);
    for name in ["signal", "timer", "parent", "work"] {
        let started = story.tell(&["saga", "start", name]);
        let id = started.out.trim();
        story.tell(&["saga", "explain", id]);
        story.tell(&["saga", "show", id]);
    }
    story.tell(&["saga", "list", "--stuck"]);
    story.snapshot.check("causes");
}

#[test]
fn sagas_that_end_well_or_are_undone() {
    let dev = Dev::start();
    let mut story =
        Story::new(|arguments: &[&str], input: &str| dev.run_with_input(arguments, input));
    let order = |id: &str, sku: &str| {
        format!(
            r#"{{"orderId": "{id}", "customer": "ada", "amount": 100,
                "items": [{{"sku": "{sku}", "quantity": 1}}]}}"#
        )
    };
    let start = ["saga", "start", "order", "-f", "-", "--wait"];
    story.tell_with(&start, &order("o-1", "book"));
    let undone = story.tell_with(&start, &order("o-2", "out-of-stock"));
    story.tell(&[
        "saga",
        "list",
        "--definition",
        "order",
        "--status",
        "compensated",
    ]);
    let id = undone.out.lines().nth(1).expect("an id").to_owned();
    story.tell(&["saga", "history", &id]);
    story.tell(&["saga", "wait", &id]);
    // The same in colours, which a terminal would get.
    let fetch = |arguments: &[&str]| dev.run(arguments).json();
    let saga: SagaView =
        serde_json::from_value(fetch(&["saga", "show", &id, "-o", "json"])).expect("a saga");
    let history: Vec<EventView> =
        serde_json::from_value(fetch(&["saga", "history", &id, "-o", "json"])).expect("events");
    let drawn = amends::timeline::timeline(&saga, &history, true);
    story.snapshot.note(&drawn.replace('\u{1b}', "␛"));
    story.snapshot.check("orders");
}

#[test]
fn what_is_wrong_with_a_call() {
    let inside = Inside::start(&[LONELY]);
    let id = inside.lonely("k-1");
    let ended = inside.lonely("k-2");
    let end = ["saga", "terminate", &ended, "--reason", "of a test"];
    assert_eq!(inside.run(&end).code, 0);
    let why = ["--reason", "r"];
    let mut story = inside_story(&inside);
    for line in [
        &["saga", "show", NOBODY][..],
        &["saga", "cancel", NOBODY, "--reason", "r"],
        &["saga", "show", "7"],
        &["saga", "cancel", &ended, "--reason", "r"],
        &["saga", "resume", &id, "--reason", "r"],
        &["saga", "plan", &ended],
        &["saga", "list", "--cursor", "7"],
        &["saga", "list", "--status", "wedged"],
        &["saga", "list", "--stuck=bored"],
        &["saga", "list", "--label", "north"],
        &["saga", "list", "--since", "soon"],
        &["saga", "list", "--limit", "0"],
        &["saga", "start", "lonley"],
        &["saga", "wait", &id, "--until", "wedged"],
        &["dlq", "show", NOBODY],
        &["dlq", "list", "--cursor", "x"],
        &["worker", "show", "nobody"],
        &["explain-code", "AM999"],
    ] {
        story.tell(line);
    }
    let cancel = ["saga", "cancel", &id, "--reason", "r"];
    assert_eq!(inside.run(&cancel).code, 0);
    inside.lonely("k-3");
    let both = ["saga", "cancel", "--status", "open", "--yes"];
    story.tell(&[&both[..], &why].concat());
    story.snapshot.check("wrong-calls");
}

#[test]
fn nobody_is_there() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let server = format!("http://{}", free.local_addr().expect("its address"));
    drop(free);
    let mut story = Story::new(|arguments: &[&str], _: &str| run(arguments, &[]));
    story.tell(&["saga", "list", "--server", &server]);
    story.tell(&["saga", "list", "--server", "ftp://x"]);
    story.tell(&["saga", "list", "--profile", "staging"]);
    let pause = [
        "saga", "pause", "--status", "open", "--yes", "--reason", "r",
    ];
    story.tell(&[&pause[..], &["--server", &server]].concat());
    let config = TemporaryFile::new(
        "nobody.toml",
        format!(
            "[postgres]\nurl = \"postgres://a:secret@{0}/a\"\n[broker]\nurls = \"amqp://a:secret@{0}\"\n",
            &server["http://".len()..]
        )
        .as_bytes(),
    );
    let doctor = story.tell(&["doctor", "--config", config.path()]);
    story.tell(&["config", "show", "--config", config.path()]);
    story.tell(&["config", "check", "--config", config.path()]);
    story.tell(&["token", "list", "--config", config.path()]);
    story.tell(&["db", "retention", "--dry-run", "--config", config.path()]);
    let wrong = TemporaryFile::new(
        "wrong-settings.toml",
        b"[http]\nlisten = \"0.0.0.0:7600\"\n[engine]\nlanes = 0\n",
    );
    story.tell(&["config", "check", "--config", wrong.path()]);
    assert!(!doctor.out.contains("secret"), "{}", doctor.out);
    story.snapshot.check("nobody");
}

#[test]
fn who_may_do_what_and_who_did_it() {
    let inside = Inside::start_guarded(&[LONELY]);
    let olga = inside.token("olga", Role::Operator);
    let eve = inside.token("eve", Role::Viewer);
    let server = inside.server();
    let as_whom = |token: &str| {
        let (server, token) = (server.clone(), token.to_owned());
        move |arguments: &[&str], input: &str| {
            let settings = [("AMENDS_SERVER", &*server), ("AMENDS_TOKEN", &*token)];
            run_with_input(arguments, &settings, input)
        }
    };
    let (operator, viewer) = (as_whom(&olga), as_whom(&eve));
    let input = r#"{"id": "k-1", "list": [1, 2]}"#;
    let started = operator(&["saga", "start", "lonely", "-f", "-"], input);
    let id = started.out.trim();
    let group = "prepare/lonely/1.0.0/rejected";
    inside.keep_letter(id, group);
    inside.keep_letter(id, group);
    let mut story = Story::new(as_whom(""));
    story.tell(&["saga", "list"]);
    story.snapshot.note("As a viewer:\n");
    story.run = viewer;
    story.tell(&["saga", "pause", id, "--reason", "a look"]);
    let all = ["saga", "terminate", "--status", "open", "--yes"];
    story.tell(&[&all[..], &["--reason", "a look"]].concat());
    let drop = ["dlq", "drop", "--fingerprint", group, "--yes"];
    story.tell(&[&drop[..], &["--reason", "a look"]].concat());
    story.snapshot.note("As an operator:\n");
    story.run = operator;
    for line in [
        &["saga", "pause", id, "--reason", "a look", "--as", "ada"][..],
        &["saga", "pause", id, "--reason", "a look"],
        &["audit"],
        &[
            "audit",
            "--verb",
            "saga.pause",
            "--who",
            "olga",
            "--limit",
            "1",
        ],
        &["audit", "--all", "--limit", "1", "-o", "yaml"],
        &["audit", "--limit", "1", "-o", "jsonl"],
        &["audit", "--verify"],
        &["audit", "--verify", "-o", "yaml"],
        &["audit", "--since", "soon"],
        &["token", "create", "deploys", "--role", "king"],
    ] {
        story.tell(line);
    }
    story.snapshot.check("callers");
}

#[test]
fn dead_letters() {
    let inside = Inside::start(&[LONELY]);
    let group = "prepare/lonely/1.0.0/rejected";
    let ids = ["k-1", "k-2"].map(|key| inside.lonely(key));
    for id in &ids {
        inside.keep_letter(id, group);
    }
    let mut story = inside_story(&inside);
    story.tell(&["dlq", "groups"]);
    story.tell(&["dlq", "groups", "-o", "yaml"]);
    let list = story.tell(&["dlq", "list", "-o", "jsonl"]);
    let first: Value =
        serde_json::from_str(list.out.lines().next().expect("a letter")).expect("JSON");
    let letter = first["id"].as_str().expect("an id");
    for line in [
        &["dlq", "list"][..],
        &["dlq", "list", "-o", "wide"],
        &["dlq", "show", letter],
        &["saga", "list", "--letter-group", group],
        &[
            "saga",
            "pause",
            "--letter-group",
            group,
            "--dry-run",
            "--reason",
            "bad deploy",
        ],
        &[
            "saga",
            "pause",
            "--letter-group",
            group,
            "--yes",
            "--reason",
            "bad deploy",
        ],
        &["dlq", "drop", letter, "--reason", "of a test"],
        &["dlq", "drop", letter, "--reason", "of a test"],
        &[
            "dlq",
            "drop",
            "--fingerprint",
            group,
            "--dry-run",
            "--reason",
            "of a test",
        ],
        &["dlq", "list", "--handled", "-o", "wide"],
        &[
            "dlq",
            "replay",
            "--fingerprint",
            "none/of/these/-",
            "--reason",
            "r",
        ],
    ] {
        story.tell(line);
    }
    story.snapshot.check("dead-letters");
}

#[test]
fn definitions_queues_and_wiring() {
    let newer = LONELY
        .replace("1.0.0", "1.1.0")
        .replace("nobody.fan", "nobody.fans");
    let inside = Inside::start(&[LONELY, &newer]);
    inside.lonely("k-1");
    let wrong = TemporaryFile::new(
        "snapshot.yaml",
        b"saga: order\nversion: 1.0.0\nsteps:\n  - id: charge\n    action: pay\n    retires: 3\n",
    );
    let mut story = inside_story(&inside);
    for line in [
        &["definition", "list"][..],
        &["definition", "show", "lonely@1.0.0", "-o", "text"],
        &["definition", "diff", "lonely@1.0.0", "lonely@1.1.0"],
        &["definition", "retire", "lonely@1.0.0", "--reason", "old"],
        &["definition", "list"],
        &["definition", "retire", "lonely@1.0.0", "--reason", "old"],
        &["definition", "show", "lonely@9.9.9"],
        &["queue", "list"],
        &["topology", "diff"],
        &["topology", "diff", "-o", "yaml"],
        &["reconcile", "--dry-run"],
        &["worker", "list"],
        &["validate", wrong.path()],
        &["validate", "sagas/order.yaml"],
        &["validate", "sagas/order.yaml", "-o", "yaml"],
    ] {
        story.tell(line);
    }
    story.snapshot.check("wiring");
}
