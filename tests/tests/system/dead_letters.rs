//! Whatever nobody can handle is kept, and its saga hears of it and comes to an end.

use broker::message::Properties;
use serde_json::{Value, json};
use system_tests::deployment::Deployment;
use system_tests::middleman::Middleman;
use system_tests::{orders, rabbit, waiting};
use uuid::Uuid;

const LETTERS: &str = "SELECT count(*) FROM amends.dead_letters";

/// A deployment with an orchestrator and one order that no worker has begun.
async fn one_order() -> (Deployment, system_tests::process::Process, Middleman) {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let order = orders::order(1, "ada", "book");
    orders::start_one(&deployment.client(), "order", &order).await;
    let middleman = Middleman::of(deployment.prefix()).await;
    (deployment, orchestrator, middleman)
}

async fn events(deployment: &Deployment, kind: &str) -> i64 {
    let sql =
        format!("SELECT count(*) FROM amends.saga_history WHERE data::text LIKE '%\"{kind}\"%'");
    deployment.database.number(&sql).await
}

/// The one letter: its saga, fingerprint, body, and headers.
async fn the_letter(deployment: &Deployment) -> (bool, String, Vec<u8>, Value) {
    let count = async || deployment.database.number(LETTERS).await;
    waiting::until("a dead letter", count, |count| *count > 0).await;
    let sql = "SELECT saga_id IS NOT NULL, fingerprint, body, properties::text
               FROM amends.dead_letters";
    let rows = deployment.database.query(sql).await;
    assert_eq!(rows.len(), 1, "letters");
    let properties: String = rows[0].get(3);
    (
        rows[0].get(0),
        rows[0].get(1),
        rows[0].get(2),
        serde_json::from_str(&properties).expect("JSON"),
    )
}

/// The command was probed once, and the order completes when a worker takes the probe.
async fn the_probe_completes(deployment: &Deployment) {
    let probed = async || events(deployment, "step_probed").await;
    waiting::until("a probe", probed, |probed| *probed == 1).await;
    let worker = deployment.worker("worker-1");
    deployment.wait_for_ends(1).await;
    let status = "SELECT status FROM amends.sagas";
    assert_eq!(deployment.database.text(status).await, "completed");
    assert_eq!(events(deployment, "step_probed").await, 1);
    assert_eq!(events(deployment, "step_settling").await, 0);
    orders::audit_gaps(&deployment.database).await;
    let placed = "SELECT count(*) FROM amends_worker.demo_orders WHERE kind = 'place'";
    assert_eq!(deployment.database.number(placed).await, 1);
    worker.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_given_up_is_sent_again_and_completes() {
    let (deployment, orchestrator, middleman) = one_order().await;
    let taken = middleman.take("orders.place").await;
    let (body, saga) = (taken.message().body.clone(), taken.command().saga);
    taken.reject();
    let (has_saga, fingerprint, kept, properties) = the_letter(&deployment).await;
    assert!(has_saga);
    assert_eq!(fingerprint, "placeOrder/order/1.0.0/rejected");
    assert_eq!(kept, body);
    assert_eq!(properties["headers"]["amends-saga"], saga.to_string());
    the_probe_completes(&deployment).await;
    orchestrator.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_can_read_is_heard_of_by_its_saga() {
    let (deployment, orchestrator, middleman) = one_order().await;
    let taken = middleman.take("orders.place").await;
    let mut properties = taken.message().properties.clone();
    properties.routing_key = middleman.queue("orders.place");
    middleman.publish(properties, "{ no JSON").await;
    taken.acknowledge();
    let worker = deployment.worker("reader");
    let (has_saga, fingerprint, kept, _) = the_letter(&deployment).await;
    assert!(has_saga);
    assert_eq!(fingerprint, "placeOrder/order/1.0.0/rejected");
    assert_eq!(kept, b"{ no JSON");
    the_probe_completes(&deployment).await;
    worker.terminate();
    orchestrator.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_an_operation_that_its_queue_does_not_serve_is_heard_of_by_its_saga() {
    let (deployment, orchestrator, middleman) = one_order().await;
    let taken = middleman.take("orders.place").await;
    let mut properties = taken.message().properties.clone();
    properties.routing_key = middleman.queue("stock.reserve");
    let body = String::from_utf8(taken.message().body.to_vec()).expect("text");
    middleman.publish(properties, &body).await;
    taken.acknowledge();
    let worker = deployment.worker("reader");
    let queue = "SELECT queue FROM amends.dead_letters";
    let (has_saga, ..) = the_letter(&deployment).await;
    assert!(has_saga);
    assert_eq!(
        deployment.database.text(queue).await,
        middleman.queue("stock.reserve")
    );
    the_probe_completes(&deployment).await;
    worker.terminate();
    orchestrator.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_queue_was_deleted_finds_it_again() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let middleman = Middleman::of(deployment.prefix()).await;
    rabbit::control(&["delete_queue", &middleman.queue("orders.place")]).await;
    let order = orders::order(1, "ada", "book");
    orders::start_one(&deployment.client(), "order", &order).await;
    let (has_saga, fingerprint, ..) = the_letter(&deployment).await;
    assert!(has_saga);
    assert_eq!(fingerprint, "placeOrder/order/1.0.0/unroutable");
    // The probe waits in the queue, although no worker has declared it.
    let depth = async || middleman.depth(&middleman.queue("orders.place")).await;
    waiting::until("the queue with the probe", depth, |depth| *depth == 1).await;
    the_probe_completes(&deployment).await;
    orchestrator.terminate();
}

fn reply(middleman: &Middleman) -> Properties {
    Properties {
        routing_key: middleman.topology().replies_queue(),
        message_id: Uuid::now_v7().to_string(),
        kind: "amends.replies.v1".to_owned(),
        ..Properties::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_nobody_can_read_is_heard_of_by_its_saga() {
    let (deployment, orchestrator, middleman) = one_order().await;
    let taken = middleman.take("orders.place").await;
    let command = taken.command();
    let answer = json!({
        "saga": command.saga, "step": "placeOrder", "op": "action", "attempt": 1,
        "command": command.message_id.to_string(), "outcome": "perhaps",
    });
    let body = json!({ "replies": [answer] }).to_string();
    middleman.publish(reply(&middleman), &body).await;
    taken.acknowledge();
    let (has_saga, fingerprint, kept, _) = the_letter(&deployment).await;
    assert!(has_saga);
    assert_eq!(fingerprint, "placeOrder/-/-/bad_reply");
    assert_eq!(kept, answer.to_string().as_bytes());
    the_probe_completes(&deployment).await;
    orchestrator.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_for_nobody_is_kept_once_however_often_it_comes() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let middleman = Middleman::of(deployment.prefix()).await;
    let saga = Uuid::now_v7();
    let body = json!({ "replies": [{
        "saga": saga, "step": "charge", "op": "action", "attempt": 1,
        "command": format!("{saga}/2"), "outcome": "done", "output": {},
    }] });
    for _ in 0..3 {
        let properties = reply(&middleman);
        middleman.publish(properties, &body.to_string()).await;
    }
    // Draining, the orchestrator finishes what it has taken.
    let queue = middleman.topology().replies_queue();
    let depth = async || middleman.depth(&queue).await;
    waiting::until("an empty queue", depth, |depth| *depth == 0).await;
    orchestrator.terminate();
    let (has_saga, fingerprint, ..) = the_letter(&deployment).await;
    assert!(has_saga);
    assert_eq!(fingerprint, "charge/-/-/unknown_saga");
}

/// The orchestrator dies between keeping a letter and acknowledging its message.
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_comes_again_after_a_crash_is_kept_once() {
    let point = "orchestrator.letter_kept";
    let deployment = Deployment::prepare().await;
    let doomed = deployment.armed_orchestrator(&format!("abort {point}"));
    let middleman = Middleman::of(deployment.prefix()).await;
    middleman.publish(reply(&middleman), "{").await;
    doomed.died_at(point).await;
    let restarted = deployment.orchestrator();
    let queue = middleman.topology().replies_queue();
    let depth = async || middleman.depth(&queue).await;
    waiting::until("an empty queue", depth, |depth| *depth == 0).await;
    restarted.terminate();
    assert_eq!(middleman.depth(&queue).await, 0, "it was acknowledged");
    let (has_saga, fingerprint, kept, _) = the_letter(&deployment).await;
    assert!(!has_saga);
    assert_eq!(fingerprint, "-/-/-/unreadable");
    assert_eq!(kept, b"{");
}

/// The same with a command's letter: its saga must not take the copy for the death of the probe,
/// or a bystander of a crash would be failed for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_saga_hears_once_of_a_letter_that_comes_again_after_a_crash() {
    let point = "orchestrator.before_ack";
    let deployment = Deployment::prepare().await;
    let doomed = deployment.armed_orchestrator(&format!("abort {point}"));
    let order = orders::order(1, "ada", "book");
    orders::start_one(&deployment.client(), "order", &order).await;
    let middleman = Middleman::of(deployment.prefix()).await;
    middleman.take("orders.place").await.reject();
    doomed.died_at(point).await;
    let restarted = deployment.orchestrator();
    let dead = middleman.topology().dead();
    let depth = async || middleman.depth(&dead).await;
    waiting::until("an empty queue", depth, |depth| *depth == 0).await;
    the_probe_completes(&deployment).await;
    assert_eq!(deployment.database.number(LETTERS).await, 1);
    restarted.terminate();
    assert_eq!(middleman.depth(&dead).await, 0, "it was acknowledged");
}

/// A command that kills whatever worker takes it. The broker gives it up after the delivery limit,
/// its probe too; then its saga turns back. Every other saga comes to its end: it completes, unless
/// its command and its probe were with the victims each time, up to the limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_kills_its_workers_is_given_up_and_no_other_is_stuck() {
    const BYSTANDERS: usize = 8;
    /// Deliveries of the command and of its probe, and some to spare.
    const CRASHES_MAX: usize = 30;
    let mut deployment = Deployment::prepare().await;
    deployment.set("BROKER__DELIVERY_LIMIT", "3");
    let orchestrator = deployment.orchestrator();
    let client = deployment.client();
    let poison = orders::order(0, "poison", "book");
    orders::start_one(&client, "order", &poison).await;
    for number in 1..=BYSTANDERS {
        let order = orders::order(number, "ada", "book");
        orders::start_one(&client, "order", &order).await;
    }
    let ended = async || {
        let sql = "SELECT count(*) FROM amends.sagas WHERE ended_at IS NOT NULL";
        deployment.database.number(sql).await
    };
    let mut crashes = 0;
    loop {
        let mut worker = deployment.armed_worker("victim", "abort demo.poisoned");
        while !worker.has_ended() && ended().await <= i64::try_from(BYSTANDERS).unwrap() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        if !worker.has_ended() {
            worker.terminate();
            break;
        }
        worker.died_at("demo.poisoned").await;
        crashes += 1;
        assert!(crashes <= CRASHES_MAX, "the poison is not given up");
    }
    assert!(
        crashes >= 8,
        "four deliveries and four of the probe: {crashes}"
    );
    let database = &deployment.database;
    let poisoned = "SELECT s.status FROM amends.sagas s WHERE s.key = 'order-0'";
    assert_eq!(database.text(poisoned).await, "compensated");
    let letters =
        "SELECT count(*) FROM amends.dead_letters d JOIN amends.sagas s ON s.id = d.saga_id
                   WHERE s.key = 'order-0' AND d.fingerprint LIKE 'charge/order/1.0.0/delivery_limit%'";
    assert_eq!(
        database.number(letters).await,
        2,
        "the command and its probe"
    );
    let stray = "SELECT count(*) FROM amends.sagas s WHERE s.key <> 'order-0'
                   AND s.status <> 'completed'
                   AND (s.status <> 'compensated' OR 2 > (
                       SELECT count(*) FROM amends.dead_letters d WHERE d.saga_id = s.id))";
    assert_eq!(database.number(stray).await, 0, "sagas failed for nothing");
    orders::audit_balance(database).await;
    orders::audit_gaps(database).await;
    orchestrator.terminate();
}
