//! A worker process as others see it: how long it drains, what it announces, what it answers.

use std::time::{Duration, Instant};

use amends::client::{Client, encode};
use orchestrator::http::{Presence, WorkerView};
use serde_json::Value;
use system_tests::deployment::Deployment;
use system_tests::orders;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A handler waits this long for a lock before it gives up by itself.
const HANDLER_WAITS: Duration = Duration::from_secs(5);

/// While it is locked, every charge waits.
const CHARGES: &str = "amends_worker.demo_charges";

/// Handlers whose charge waits for the lock.
const HELD: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%demo_charges%'";

async fn until(deployment: &Deployment, sql: &str, wanted: i64) {
    let deadline = Instant::now() + PATIENCE;
    while deployment.database.number(sql).await != wanted {
        assert!(Instant::now() < deadline, "never {wanted}: {sql}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn workers(client: &Client) -> Vec<WorkerView> {
    client
        .get("/v1/workers")
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_drains_no_longer_than_it_is_told() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let hasty = deployment.worker_with("hasty", &[("WORKER__DRAIN_SECONDS", "1")]);
    let lock = deployment.database.lock(CHARGES).await;
    orders::start(&deployment.client(), 1, 2).await;
    until(&deployment, HELD, 1).await;
    let told = Instant::now();
    hasty.terminate();
    let took = told.elapsed();
    assert!(took >= Duration::from_secs(1), "it waited only {took:?}");
    assert!(took < HANDLER_WAITS, "it waited for the handler: {took:?}");
    drop(lock);
    let cancelled = "SELECT count(*) FROM amends.saga_history WHERE data::text LIKE '%cancelled%'";
    until(&deployment, cancelled, 1).await;

    let replacement = deployment.worker("replacement");
    deployment.wait_for_ends(1).await;
    let charges = "SELECT count(*) FROM amends_worker.demo_charges WHERE kind = 'charge'";
    assert_eq!(deployment.database.number(charges).await, 1);
    for process in [replacement, orchestrator] {
        process.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_time_to_drain_finishes_its_call() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let patient = deployment.worker_with("patient", &[("WORKER__DRAIN_SECONDS", "20")]);
    let lock = deployment.database.lock(CHARGES).await;
    orders::start(&deployment.client(), 1, 2).await;
    until(&deployment, HELD, 1).await;
    let told = Instant::now();
    let ended = tokio::task::spawn_blocking(move || patient.terminate());
    // It takes its leave only when it has drained; until then it is there and says what it does.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!ended.is_finished(), "it did not wait for its call");
    drop(lock);
    ended.await.expect("the worker has ended");
    assert!(told.elapsed() < Duration::from_secs(10));
    let charges = "SELECT count(*) FROM amends_worker.demo_charges WHERE kind = 'charge'";
    assert_eq!(deployment.database.number(charges).await, 1);
    let retried = "SELECT count(*) FROM amends.saga_history WHERE data::text LIKE '%cancelled%'";
    assert_eq!(deployment.database.number(retried).await, 0);
    let deadline = Instant::now() + PATIENCE;
    while workers(&deployment.client()).await[0].status != Presence::Left {
        assert!(Instant::now() < deadline, "its goodbye was not heard");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    orchestrator.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_listed_with_what_it_does_and_answers_for_itself() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let listen = [("WORKER__HTTP_LISTEN", "127.0.0.1:0")];
    let worker = deployment.worker_with("worker-1", &listen);
    let lock = deployment.database.lock(CHARGES).await;
    orders::start(&deployment.client(), 1, 2).await;
    let client = deployment.client();
    let deadline = Instant::now() + PATIENCE;
    let seen = loop {
        assert!(Instant::now() < deadline, "nobody said what is running");
        let all = workers(&client).await;
        if let Some(one) = all.into_iter().find(|it| !it.running.is_empty()) {
            break one;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (seen.name.as_str(), seen.status),
        ("worker-1", Presence::Alive)
    );
    assert_eq!(seen.running[0].operation.as_str(), "payments.charge");
    assert!(seen.operations.iter().any(|it| it.slots == 16));
    let proven =
        "SELECT count(*) FROM amends.saga_history WHERE data::text LIKE '%attempt_started%'";
    until(&deployment, proven, 1).await;
    let one: WorkerView = client
        .get(&format!("/v1/workers/{}", encode(&seen.id)))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(one.id, seen.id);

    let address = worker.logged("address").expect("its endpoint's address");
    let own = Client::at(&format!("http://{address}")).expect("a client");
    let ready: Value = own
        .get("/ready")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ready["ready"], true, "{ready}");
    drop(lock);
    deployment.wait_for_ends(1).await;
    for process in [worker, orchestrator] {
        process.terminate();
    }
}
