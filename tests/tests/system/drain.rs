//! A worker is told to drain while it is busy; another takes over, and nothing is lost.

use std::time::Duration;

use amends::client::{Client, encode};
use orchestrator::http::{DrainBody, Presence, WorkerView};
use system_tests::deployment::Deployment;
use system_tests::{orders, waiting};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// While it is locked, every charge waits.
const CHARGES: &str = "amends_worker.demo_charges";

/// Commands that have gone to a worker and are not answered: orders wait at this step.
const CHARGING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%demo_charges%'";

async fn until(client: &Client, name: &str, wanted: Presence) -> WorkerView {
    let look = async || {
        let all: Result<Vec<WorkerView>, _> = client.get("/v1/workers").await;
        let all = all.unwrap_or_else(|error| panic!("{error}"));
        all.into_iter().find(|it| it.name == name)
    };
    let is = |seen: &Option<WorkerView>| seen.as_ref().is_some_and(|it| it.status == wanted);
    waiting::until(name, look, is).await.expect("a worker")
}

fn body() -> Vec<u8> {
    let body = DrainBody {
        reason: "the node is replaced".to_owned(),
        who: Some("ada".to_owned()),
    };
    serde_json::to_vec(&body).expect("a body")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_worker_drains_and_another_takes_all() {
    const ORDERS: usize = 60;
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let patient = [("WORKER__DRAIN_SECONDS", "25")];
    let leaving = deployment.worker_with("leaving", &patient);
    let client = deployment.client();
    // It holds calls that cannot end when it is told.
    let lock = deployment.database.lock(CHARGES).await;
    orders::start(&client, 0, ORDERS).await;
    let charging = async || deployment.database.number(CHARGING).await;
    waiting::until("a charge that waits", charging, |count| *count > 0).await;
    let staying = deployment.worker_with("staying", &patient);
    let id = until(&client, "leaving", Presence::Alive).await.id;
    let path = format!("/v1/workers/{}/drain", encode(&id));
    let told = client.post::<WorkerView>(&path, body()).await;
    assert_eq!(told.unwrap_or_else(|error| panic!("{error}")).1.id, id);
    let drains = until(&client, "leaving", Presence::Draining).await;
    let by = drains.draining.and_then(|it| it.by).expect("who told it");
    assert_eq!(
        (by.who.as_str(), by.reason.as_str()),
        ("ada", "the node is replaced")
    );
    drop(lock);

    leaving.ended(PATIENCE).await;
    until(&client, "leaving", Presence::Left).await;
    deployment
        .wait_for_ends(i64::try_from(ORDERS).expect("few"))
        .await;
    orders::audit(&deployment.database, ORDERS).await;
    orders::audit_histories(&deployment.database).await;
    let second =
        "SELECT count(*) FROM amends.saga_history WHERE data::text LIKE '%attempt_failed%'";
    assert_eq!(
        deployment.database.number(second).await,
        0,
        "attempts that failed"
    );
    let letters = "SELECT count(*) FROM amends.dead_letters";
    assert_eq!(deployment.database.number(letters).await, 0, "dead letters");

    let again = client.try_post::<WorkerView>(&path, body()).await;
    let refused = again.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(&*refused.expect_err("it has left").code, "refused");
    let nobody = client
        .try_post::<WorkerView>("/v1/workers/nobody%2F1/drain", body())
        .await;
    let refused = nobody.unwrap_or_else(|error| panic!("{error}"));
    let problem = refused.expect_err("nobody is there");
    assert_eq!((problem.status, &*problem.code), (404, "not_found"));
    for process in [staying, orchestrator] {
        process.terminate();
    }
}
