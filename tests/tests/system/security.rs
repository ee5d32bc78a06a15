//! Who may do what, and what is on record of it, with real processes and PostgreSQL.

use serde_json::Value;
use system_tests::command::{Ran, amends};
use system_tests::deployment::Deployment;
use system_tests::{http, orders, waiting};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// A new token, from the command line.
async fn token(deployment: &Deployment, name: &str, role: &str) -> String {
    let made = amends(deployment, &["token", "create", name, "--role", role]).await;
    assert_eq!(made.code, 0, "{made:?}");
    made.out.trim().to_owned()
}

fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.code, &*ran.out), (5, ""), "{ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "`{word}` is missing in {ran:?}");
    }
}

async fn audit(deployment: &Deployment, more: &[&str]) -> Vec<Value> {
    let listed = amends(deployment, &[&["audit", "-o", "json"], more].concat()).await;
    assert_eq!(listed.code, 0, "{listed:?}");
    let records = listed.json()["records"].take();
    records.as_array().expect("records").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_decide_who_may_do_what() {
    let mut deployment = Deployment::prepare().await;
    deployment.set("AUTH__TOKENS", "true");
    let viewer = token(&deployment, "eve", "viewer").await;
    let operator = token(&deployment, "olga", "operator").await;
    let again = ["token", "create", "eve", "--role", "admin"];
    refused(&amends(&deployment, &again).await, &["`eve` already"]);
    // With callers that are known, every address will do.
    let (_, port) = deployment.address().rsplit_once(':').expect("a port");
    deployment.set("HTTP__LISTEN", &format!("0.0.0.0:{port}"));
    let orchestrator = deployment.orchestrator();

    let unnamed = amends(&deployment, &["saga", "list"]).await;
    refused(&unnamed, &["say who you are", "AMENDS_TOKEN"]);
    let list = amends(&deployment, &["saga", "list", "--token", &viewer]).await;
    assert_eq!(list.code, 0, "{list:?}");
    let start = ["saga", "start", "patient-order", "--token"];
    let denied = amends(&deployment, &[&start[..], &[&viewer]].concat()).await;
    refused(
        &denied,
        &["takes the role operator", "eve has the role viewer"],
    );
    let drop = ["dlq", "drop", "019a0000-0000-8000-8000-000000000001"];
    let drop = [&drop[..], &["--reason", "r", "--token", &operator]].concat();
    let denied = amends(&deployment, &drop).await;
    assert_ne!(denied.code, 0);
    let said = format!("{}{}", denied.out, denied.err);
    assert!(said.contains("takes the role admin"), "{denied:?}");

    let revoke = ["token", "revoke", "olga", "--reason", "it was in a log"];
    assert_eq!(amends(&deployment, &revoke).await.code, 0);
    assert_eq!(amends(&deployment, &revoke).await.code, 4);
    let look = async || {
        let ran = amends(&deployment, &["saga", "list", "--token", &operator]).await;
        ran.code
    };
    waiting::until("the end of a revoked token", look, |code| *code == 5).await;

    let listed = amends(&deployment, &["token", "list"]).await;
    for text in ["viewer    good     ", "operator  revoked  ", "eve", "olga"] {
        assert!(listed.out.contains(text), "{text}: {}", listed.out);
    }
    let secret = viewer.strip_prefix("amends_").expect("the prefix");
    for (table, text) in [("api_tokens", "api_tokens"), ("audit_log", "audit_log")] {
        let rows =
            format!("SELECT count(*) FROM amends.{table} WHERE {text}::text LIKE '%{secret}%'");
        assert_eq!(deployment.database.number(&rows).await, 0);
    }
    let records = audit(&deployment, &["--token", &viewer, "--verb", "token.create"]).await;
    assert_eq!(records.len(), 3);
    assert_eq!(records[0]["phase"], "refused");
    assert_eq!(
        (&records[2]["target"], &records[2]["role"]),
        (&"eve".into(), &"database".into())
    );
    orchestrator.terminate();
}

/// Starts an order that nobody works on.
async fn waiting_order(deployment: &Deployment) -> String {
    let order = orders::order(1, "ada", "book");
    orders::start_one(&deployment.client(), "order", &order).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_the_audit_log_shows() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let saga = waiting_order(&deployment).await;
    for verb in ["pause", "resume", "pause", "cancel"] {
        let verb = ["saga", verb, &saga, "--reason", "r", "--as", "ada"];
        assert_eq!(amends(&deployment, &verb).await.code, 0, "{verb:?}");
    }
    let records = audit(&deployment, &["--saga", &saga, "--who", "ada"]).await;
    assert_eq!(records.len(), 4);
    assert_eq!(records[0]["verb"], "saga.cancel");
    let verify = amends(&deployment, &["audit", "--verify"]).await;
    assert_eq!(verify.code, 0, "{verify:?}");
    let anchor = verify
        .out
        .split("anchor ")
        .nth(1)
        .expect("an anchor")
        .trim()
        .to_owned();
    let with_anchor = ["audit", "--verify", "--anchor", &anchor];
    assert_eq!(amends(&deployment, &with_anchor).await.code, 0);

    let rows = deployment
        .database
        .number("SELECT count(*) FROM amends.audit_log")
        .await;
    assert!(anchor.starts_with(&format!("{rows}:")), "{anchor}");
    let disarm = "ALTER TABLE amends.audit_log DISABLE TRIGGER USER";
    deployment.database.execute(disarm).await;
    let cut = format!("DELETE FROM amends.audit_log WHERE seq > {}", rows - 2);
    deployment.database.execute(&cut).await;
    assert_eq!(
        amends(&deployment, &["audit", "--verify"]).await.code,
        0,
        "a chain is left"
    );
    let cut_off = amends(&deployment, &with_anchor).await;
    assert_eq!((cut_off.code, &*cut_off.out), (1, ""), "{cut_off:?}");
    assert!(cut_off.err.contains("its end was cut off"), "{cut_off:?}");
    let change = "UPDATE amends.audit_log SET who = 'mallory' WHERE seq = 3";
    deployment.database.execute(change).await;
    let changed = amends(&deployment, &["audit", "--verify", "-o", "json"]).await;
    assert_eq!(changed.code, 1, "{changed:?}");
    assert_eq!(changed.json()["holds"], false);
    assert!(changed.err.contains("record 3 was changed"), "{changed:?}");
    orchestrator.terminate();
}

/// What the log says of `saga.pause`, as phases, the newest first.
async fn phases(deployment: &Deployment) -> Vec<String> {
    let records = audit(deployment, &["--all", "--verb", "saga.pause"]).await;
    let phase = |record: &Value| record["phase"].as_str().expect("a phase").to_owned();
    records.iter().map(phase).collect()
}

/// The orchestrator dies while a saga is paused; returns how the saga stands.
async fn dies_while_pausing(point: &str) -> String {
    let deployment = Deployment::prepare().await;
    let doomed = deployment.armed_orchestrator(&format!("abort {point} 1"));
    let saga = waiting_order(&deployment).await;
    let verb = ["saga", "pause", &saga, "--reason", "bank is down"];
    let (lost, ()) = tokio::join!(amends(&deployment, &verb), doomed.died_at(point));
    assert_eq!(lost.code, 1, "{lost:?}");
    let restarted = deployment.orchestrator();
    assert_eq!(phases(&deployment).await, ["asked"]);
    let told = amends(&deployment, &["audit"]).await;
    assert!(told.out.contains("asked, and no more is known"), "{told:?}");
    let shown = amends(&deployment, &["saga", "show", &saga, "-o", "json"]).await;
    let verified = amends(&deployment, &["audit", "--verify"]).await;
    assert_eq!(verified.code, 0, "{verified:?}");
    restarted.terminate();
    shown.json()["status"]
        .as_str()
        .expect("a status")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_whose_orchestrator_dies_is_on_record_whether_it_took_effect_or_not() {
    assert_eq!(
        dies_while_pausing("orchestrator.verb_on_record").await,
        "running"
    );
    assert_eq!(dies_while_pausing("orchestrator.verb_done").await, "paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_takes_no_record_with_it() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let saga = waiting_order(&deployment).await;
    let lock = deployment.database.lock("amends.audit_log").await;
    let mut stream = TcpStream::connect(deployment.address())
        .await
        .expect("connect");
    let (host, body) = (deployment.address(), r#"{ "reason": "r" }"#);
    let request = format!(
        "POST /v1/sagas/{saga}/pause HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("send");
    let held = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%audit_log%'";
    let look = async || deployment.database.number(held).await;
    waiting::until("a verb that waits for its record", look, |held| *held > 0).await;
    drop(stream);
    // The orchestrator has seen that nobody waits any more: it answers others on the same tasks.
    assert!(http::get(deployment.address(), "/live").await.is_some());
    drop(lock);
    let look = async || phases(&deployment).await;
    waiting::until("both records", look, |phases| phases == &["done", "asked"]).await;
    orchestrator.terminate();
}
