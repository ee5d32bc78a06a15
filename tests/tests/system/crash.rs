//! Processes that end half-way, without warning.

use system_tests::deployment::Deployment;
use system_tests::orders;

const ORDERS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn killing_a_worker_and_the_orchestrator_half_way_loses_and_doubles_nothing() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let first = deployment.worker("worker-1");
    let second = deployment.worker("worker-2");
    orders::start(&deployment.client(), 0, ORDERS / 2).await;
    // Half of these are over, so the other half is under way.
    deployment
        .wait_for_ends(i64::try_from(ORDERS / 4).expect("a small number"))
        .await;
    first.kill();
    orchestrator.kill();
    let restarted = deployment.orchestrator();
    let replacement = deployment.worker("worker-3");
    orders::start(&deployment.client(), ORDERS / 2, ORDERS).await;
    deployment
        .wait_for_ends(i64::try_from(ORDERS).expect("a small number"))
        .await;
    orders::audit(&deployment.database, ORDERS).await;
    orders::audit_histories(&deployment.database).await;
    for process in [second, replacement, restarted] {
        process.terminate();
    }
}
