//! What an operator mends: lost commands, dead letters, queues that are gone.

use broker::message::Properties;
use serde_json::Value;
use system_tests::command::amends;
use system_tests::deployment::Deployment;
use system_tests::middleman::Middleman;
use system_tests::{orders, rabbit, waiting};
use uuid::Uuid;

/// A command was taken from its queue and acknowledged, and nobody ever ran it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_command_is_found_by_reconciling_and_the_books_balance() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let order = orders::order(1, "ada", "book");
    let saga = orders::start_one(&deployment.client(), "order", &order).await;
    let middleman = Middleman::of(deployment.prefix()).await;
    middleman.take("orders.place").await.acknowledge();
    let worker = deployment.worker("worker-1");

    let patient = amends(&deployment, &["reconcile", "-o", "json"]).await;
    assert_eq!(patient.code, 0, "{patient:?}");
    assert_eq!(patient.json()["silent"], 0, "nobody is silent for long");
    let named = [
        "reconcile",
        "--dry-run",
        "--older-than",
        "1ms",
        "-o",
        "json",
    ];
    let named = amends(&deployment, &named).await.json();
    assert_eq!(named["missing"][0]["saga"], saga, "{named}");
    assert_eq!(named["missing"][0]["step"], "placeOrder");
    let sent = amends(&deployment, &["reconcile", "--older-than", "1ms"]).await;
    assert_eq!(sent.code, 0, "{sent:?}");
    assert!(sent.out.contains("sent again"), "{sent:?}");

    deployment.wait_for_ends(1).await;
    assert_eq!(orders::audit_balance(&deployment.database).await, 1);
    orders::audit_histories(&deployment.database).await;
    let resent = "SELECT count(*) FROM amends.saga_history
                  WHERE data::text LIKE '%\"command_resent\"%'";
    assert_eq!(deployment.database.number(resent).await, 1);
    worker.terminate();
    orchestrator.terminate();
}

/// A message that nobody can read, in a deployment that goes on.
#[tokio::test(flavor = "multi_thread")]
async fn letters_are_seen_judged_and_dropped() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let middleman = Middleman::of(deployment.prefix()).await;
    let order = orders::order(1, "ada", "book");
    let client = deployment.client();
    let saga = orders::start_one(&client, "order", &order).await;
    deployment.wait_for_ends(1).await;
    // The command of a saga that is over, from a backup of the broker for example.
    for body in ["{ no JSON", "{ none either"] {
        poison(&middleman, "order", &saga, body).await;
    }
    let kept = "SELECT count(*) FROM amends.dead_letters";
    let count = async || deployment.database.number(kept).await;
    waiting::until("two letters", count, |count| *count == 2).await;

    let (cause, id) = look_at_letters(&deployment, &saga).await;

    let why = ["--reason", "a test"];
    let refused = [&["dlq", "replay", &id], &why[..]].concat();
    let refused = amends(&deployment, &refused).await;
    assert_eq!(refused.code, 5, "{refused:?}");
    assert!(refused.out.contains("the saga is completed"), "{refused:?}");
    let all = [&["dlq", "drop", "--fingerprint", &cause], &why[..]].concat();
    let unsure = amends(&deployment, &all).await;
    assert_eq!(unsure.code, 2, "many need --yes: {unsure:?}");
    assert!(unsure.err.contains("2 letters"), "{unsure:?}");
    let would = amends(&deployment, &[&all[..], &["--dry-run"]].concat()).await;
    assert_eq!(would.code, 0, "{would:?}");
    let one = amends(&deployment, &[&["dlq", "drop", &id], &why[..]].concat()).await;
    assert_eq!(one.code, 0, "{one:?}");
    let again = amends(&deployment, &[&["dlq", "drop", &id], &why[..]].concat()).await;
    assert!(again.out.contains("already"), "{again:?}");
    let rest = [&all[..], &["--yes", "--rate", "50", "-o", "json"]].concat();
    let rest = amends(&deployment, &rest).await;
    assert_eq!(
        (rest.code, &rest.json()["done"]),
        (0, &Value::from(1)),
        "{rest:?}"
    );
    let none = amends(&deployment, &["dlq", "groups", "-o", "json"])
        .await
        .json();
    assert_eq!(none, serde_json::json!([]));
    worker.terminate();
    orchestrator.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_gone_is_seen_and_declared_again() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let middleman = Middleman::of(deployment.prefix()).await;
    let clean = amends(&deployment, &["topology", "diff"]).await;
    assert_eq!(clean.code, 0, "{clean:?}");
    assert!(
        clean.out.contains("no consumers"),
        "no worker runs: {clean:?}"
    );
    let queue = middleman.queue("stock.reserve");
    rabbit::control(&["delete_queue", &queue]).await;
    let missing = amends(&deployment, &["topology", "diff"]).await;
    assert_eq!(missing.code, 1, "{missing:?}");
    assert!(
        missing.out.contains(&format!("+ queue {queue}")),
        "{missing:?}"
    );
    assert!(missing.err.contains("amends topology apply"), "{missing:?}");
    let applied = amends(&deployment, &["topology", "apply"]).await;
    assert_eq!(applied.code, 0, "{applied:?}");

    // What exists with other settings is told with the argument that differs, and left alone.
    let mut other = Deployment::prepare().await;
    other.set("BROKER__PREFIX", deployment.prefix());
    other.set("BROKER__DELIVERY_LIMIT", "7");
    let doctor = amends(&other, &["doctor", "-o", "json"]).await;
    assert_eq!(doctor.code, 1, "{doctor:?}");
    let report = doctor.json();
    let said = report["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .any(|check| {
            let found = check["found"].as_str().unwrap_or_default();
            check["verdict"] == "fail" && found.contains("x-delivery-limit")
        });
    assert!(said, "{report}");
    orchestrator.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_nothing_wrong_with_a_deployment_that_works() {
    let deployment = Deployment::prepare().await;
    let before = amends(&deployment, &["doctor"]).await;
    assert_eq!(before.code, 1, "nothing runs yet: {before:?}");
    assert!(
        before.out.contains("start one with `amends serve`"),
        "{before:?}"
    );
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let said = "SELECT count(*) FROM amends.workers";
    let count = async || deployment.database.number(said).await;
    waiting::until("a worker", count, |count| *count == 1).await;
    let doctor = amends(&deployment, &["doctor", "-o", "json"]).await;
    let report = doctor.json();
    // The server of the tests is allowed to forget, which is the only thing to find.
    let mut forgets = Vec::new();
    for name in ["synchronous_commit", "fsync", "full_page_writes"] {
        if deployment.database.text(&format!("SHOW {name}")).await == "off" {
            forgets.push(name);
        }
    }
    let failed = report["checks"].as_array().expect("checks").iter();
    // Other tests use connections of the same server.
    let failed = failed.filter(|check| check["verdict"] != "ok" && check["name"] != "connections");
    let failed: Vec<_> = failed
        .map(|check| check["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(failed, forgets, "{report:#}");
    assert_eq!(doctor.code, i32::from(!forgets.is_empty()), "{doctor:?}");
    let checks = report["checks"].as_array().expect("checks").iter();
    let names: Vec<_> = checks
        .map(|check| check["name"].as_str().expect("a name"))
        .collect();
    for name in [
        "database",
        "schema",
        "fsync",
        "clock",
        "broker",
        "broker alarms",
        "orchestrators",
        "workers",
        "outbox",
        "definitions",
        "topology",
        "operations",
    ] {
        assert!(names.contains(&name), "{name} is not looked at: {names:?}");
    }
    let shown = amends(&deployment, &["doctor"]).await;
    println!("{}", shown.out);
    let queues = amends(&deployment, &["queue", "list"]).await;
    assert!(queues.out.contains("worker-1"), "{queues:?}");
    println!("{}", queues.out);
    worker.terminate();
    orchestrator.terminate();
}

/// What can be seen of two letters of one cause about this saga; returns the cause and one of them.
async fn look_at_letters(deployment: &Deployment, saga: &str) -> (String, String) {
    let groups = amends(deployment, &["dlq", "groups", "-o", "json"])
        .await
        .json();
    assert_eq!(groups[0]["letters"], 2, "{groups}");
    let cause = groups[0]["fingerprint"].as_str().expect("a fingerprint");
    let shown = amends(deployment, &["dlq", "groups"]).await;
    assert!(shown.out.contains(cause), "{shown:?}");
    let listed = amends(deployment, &["dlq", "list", "--saga", saga]).await;
    assert_eq!(listed.out.lines().count(), 3, "{listed:?}");
    let listed = ["dlq", "list", "--fingerprint", cause, "-o", "json"];
    let listed = amends(deployment, &listed).await.json();
    let id = listed["letters"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let letter = amends(deployment, &["dlq", "show", &id]).await;
    for words in [
        cause,
        saga,
        "amends-step: charge",
        "{ no",
        "amends dlq drop",
    ] {
        assert!(letter.out.contains(words), "`{words}` in {letter:?}");
    }
    assert!(
        letter.out.lines().all(|line| line.chars().count() <= 80),
        "{letter:?}"
    );
    (cause.to_owned(), id)
}

/// A command for the charge of a saga that no worker can read.
async fn poison(middleman: &Middleman, definition: &str, saga: &str, body: &str) {
    let headers = [
        ("saga", saga),
        ("definition", definition),
        ("version", "1.0.0"),
        ("step", "charge"),
        ("op", "action"),
        ("action", "payments.charge"),
        ("attempt", "1"),
    ];
    let headers = headers.map(|(name, value)| (format!("amends-{name}"), value.to_owned()));
    let properties = Properties {
        routing_key: middleman.queue("payments.charge"),
        message_id: Uuid::now_v7().to_string(),
        kind: "amends.command.v1".to_owned(),
        headers: headers.into(),
        ..Properties::default()
    };
    middleman.publish(properties, body).await;
}

/// What was wrong is not mended yet, so the first letter fails again and no other is tried.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_fails_again_stops_the_ramp() {
    const SAGAS: usize = 4;
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let middleman = Middleman::of(deployment.prefix()).await;
    let client = deployment.client();
    let mut sagas = Vec::new();
    for number in 0..SAGAS {
        let order = orders::order(number, "declined", "book");
        sagas.push(orders::start_one(&client, "careful-order", &order).await);
    }
    let paused = "SELECT count(*) FROM amends.sagas WHERE status = 'paused'";
    let count = async || deployment.database.number(paused).await;
    waiting::until("every order rests", count, |count| *count == 4).await;
    for saga in &sagas {
        poison(&middleman, "careful-order", saga, "{").await;
    }
    let kept = "SELECT count(*) FROM amends.dead_letters";
    let count = async || deployment.database.number(kept).await;
    waiting::until("four letters", count, |count| *count == 4).await;
    let cause = "SELECT min(fingerprint) FROM amends.dead_letters";
    let cause = deployment.database.text(cause).await;
    let replay = ["dlq", "replay", "--fingerprint", &cause, "--reason", "hope"];
    let replay = [&replay[..], &["--watch", "60s", "-o", "json"]].concat();
    let would = amends(&deployment, &[&replay[..], &["--dry-run"]].concat()).await;
    assert_eq!(would.json()["done"], SAGAS, "{would:?}");
    let ran = amends(&deployment, &[&replay[..], &["--yes"]].concat()).await;
    assert_eq!(ran.code, 3, "partly done: {ran:?}");
    let report = ran.json();
    for (name, count) in [("done", 1), ("failed_again", 1), ("not_tried", SAGAS - 1)] {
        assert_eq!(report[name], count, "{name} in {report:#}");
    }
    assert_eq!(report["letters"][0]["result"], "retried");
    assert!(ran.err.contains("1 of 1 failed again"), "{ran:?}");
    let open = "SELECT count(*) FROM amends.dead_letters WHERE handled_at IS NULL";
    assert_eq!(deployment.database.number(open).await, 3);
    let retried = "SELECT count(*) FROM amends.saga_history
                   WHERE data::text LIKE '%\"step_retried\"%'";
    assert_eq!(deployment.database.number(retried).await, 1);
    worker.terminate();
    orchestrator.terminate();
}
