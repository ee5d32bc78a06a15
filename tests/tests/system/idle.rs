//! What a deployment costs that has nothing to do.

use std::time::{Duration, Instant};

use system_tests::deployment::Deployment;
use system_tests::http;
use system_tests::statements::StatementCounter;
use system_tests::waiting;

/// Statements a minute of two orchestrators and four workers, at most.
const STATEMENTS_MAX: u64 = 60;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn idling_makes_fewer_than_sixty_statements_a_minute() {
    let mut deployment = Deployment::prepare().await;
    let counter = StatementCounter::to(&deployment.database.url).await;
    deployment.set("POSTGRES__URL", counter.url());
    deployment.set("WORKER__POSTGRES_URL", counter.url());
    // As a deployment has them that was not told otherwise; tests are less patient.
    deployment.set("ENGINE__LEASE_SECONDS", "30");
    deployment.set("WORKER__LEASE_SECONDS", "15");
    let first = deployment.orchestrator();
    let second = deployment.second_orchestrator();
    let workers: Vec<_> = (1..=4)
        .map(|number| deployment.worker(&format!("worker-{number}")))
        .collect();
    let said = "SELECT count(*) FROM amends.workers";
    let count = async || deployment.database.number(said).await;
    waiting::until("four workers", count, |count| *count == 4).await;
    // The start is over: whatever is done from now on is done over and over.
    assert!(counter.statements() > 0, "nothing went through the counter");
    let (before, begun) = (counter.statements(), Instant::now());
    tokio::time::sleep(MINUTE).await;
    let statements = counter.statements() - before;
    let a_minute = statements * 60 / begun.elapsed().as_secs().max(1);
    println!("{statements} statements in {:?}", begun.elapsed());
    assert!(a_minute < STATEMENTS_MAX, "{a_minute} statements a minute");
    assert!(statements > 0, "they do not even say that they live");
    let ready = http::get(deployment.address(), "/ready").await;
    assert_eq!(ready.map(|(status, _)| status), Some(200));
    for process in workers.into_iter().chain([second, first]) {
        process.terminate();
    }
}
