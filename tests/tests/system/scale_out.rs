//! Several orchestrators and several worker processes.

use std::time::Duration;

use serde_json::json;
use system_tests::deployment::Deployment;
use system_tests::process::Process;
use system_tests::{http, orders};
use tokio::time::{sleep, timeout};

/// Of each list.
const ELEMENTS: i64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_run_two_hundred_orders_and_the_books_balance() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let workers: Vec<_> = (1..=3)
        .map(|number| deployment.worker(&format!("worker-{number}")))
        .collect();
    orders::start(&deployment.client(), 0, 200).await;
    deployment.wait_for_ends(200).await;
    orders::audit(&deployment.database, 200).await;
    orders::audit_histories(&deployment.database).await;
    for worker in workers {
        worker.terminate();
    }
    orchestrator.terminate();
    let waiting = "SELECT count(*) FROM amends.outbox";
    assert_eq!(
        deployment.database.number(waiting).await,
        0,
        "commands left in the outbox"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_orchestrators_share_the_replies_and_one_takes_over_from_the_other() {
    let deployment = Deployment::prepare().await;
    let first = deployment.orchestrator();
    let second = deployment.second_orchestrator();
    let worker = deployment.worker("worker-1");
    orders::start(&deployment.client(), 0, 100).await;
    deployment.wait_for_ends(20).await;
    first.kill();
    deployment.wait_for_ends(100).await;
    orders::audit(&deployment.database, 100).await;
    orders::audit_histories(&deployment.database).await;
    for process in [worker, second] {
        process.terminate();
    }
}

/// Whoever has started two lists dies in their middle. The others take up its answers, and from then on
/// each of them moves both lists: one goes to its end, and one is undone from its end to its beginning.
#[tokio::test(flavor = "multi_thread")]
async fn orchestrators_move_the_same_long_lists_when_their_own_is_gone() {
    let deployment = Deployment::prepare().await;
    let doomed = deployment.orchestrator();
    let others = [(); 2].map(|()| deployment.second_orchestrator());
    let workers = ["worker-1", "worker-2"].map(|name| deployment.worker(name));
    for batch in ["printed", "unprintable"] {
        let ibans: Vec<String> = (0..ELEMENTS).map(|it| format!("{batch}-{it}")).collect();
        let input = json!({ "batchId": batch, "ibans": ibans });
        orders::start_one(&deployment.client(), "wide-payout", &input).await;
    }
    let begun = "SELECT count(*) FROM amends_worker.demo_services WHERE kind = 'do'";
    let some_are_paid = async {
        while deployment.database.number(begun).await < ELEMENTS / 4 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = timeout(Duration::from_secs(60), some_are_paid).await;
    in_time.expect("the lists go on");
    doomed.kill();
    deployment.wait_for_ends(2).await;
    orders::audit_histories(&deployment.database).await;
    let count = async |sql: &str| deployment.database.number(sql).await;
    let of = async |status: &str, kind: &str| {
        count(&format!(
            "SELECT count(*) FROM amends_worker.demo_services d
             JOIN amends.sagas s ON s.id = d.saga_id
             WHERE s.status = '{status}' AND d.kind = '{kind}'"
        ))
        .await
    };
    // Every payment, and one report.
    assert_eq!(of("completed", "do").await, ELEMENTS + 1);
    assert_eq!(of("completed", "undo").await, 0);
    assert_eq!(of("compensated", "do").await, ELEMENTS);
    assert_eq!(of("compensated", "undo").await, ELEMENTS);
    // No command was sent for an element that was done: the ledger has one row for each.
    let calls =
        "SELECT count(*) FROM amends_worker.step_ledger WHERE op = 'action' AND element > 0";
    assert_eq!(count(calls).await, 2 * ELEMENTS);
    let mut lost = 0.0;
    for process in &others {
        let address = process.logged("address").expect("its API's address");
        let metric = http::metric(&address, "amends_conflicts_total").await;
        lost += metric.expect("its metric");
    }
    assert!(lost > 0.0, "nobody was in the way");
    others
        .into_iter()
        .chain(workers)
        .for_each(Process::terminate);
}
