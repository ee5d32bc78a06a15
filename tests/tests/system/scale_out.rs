//! One orchestrator and several worker processes.

use system_tests::deployment::Deployment;
use system_tests::orders;

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
