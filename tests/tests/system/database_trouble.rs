//! The database is away, ends sessions, keeps everybody waiting: it shows while it lasts, heals by
//! itself, and costs no effect.

use orchestrator::http::ReadyView;
use system_tests::deployment::Deployment;
use system_tests::proxy::Proxy;
use system_tests::{http, orders, waiting};

const ORDERS: usize = 60;

fn count(orders: usize) -> i64 {
    i64::try_from(orders).expect("a small number")
}

/// Waits until `/ready` says of the store that it is well, or not.
async fn store_is(deployment: &Deployment, ok: bool) -> ReadyView {
    let look = async || http::document::<ReadyView>(deployment.address(), "/ready").await;
    let seen = waiting::until("what /ready says", look, |seen| {
        seen.as_ref().is_some_and(|seen| seen.store.ok == ok)
    });
    seen.await.expect("an answer")
}

async fn all_is_well(deployment: &Deployment) {
    deployment.wait_for_ends(count(ORDERS)).await;
    orders::audit(&deployment.database, ORDERS).await;
    orders::audit_histories(&deployment.database).await;
    store_is(deployment, true).await;
}

async fn store_errors(deployment: &Deployment) -> f64 {
    let errors = http::metric(deployment.address(), "amends_store_errors_total").await;
    errors.expect("the metric")
}

/// As when it is restarted: every session ends at once, with commits under way, and for a while
/// there is no new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_for_a_while_costs_nothing() {
    let mut deployment = Deployment::prepare().await;
    let proxy = Proxy::to(&deployment.database.url).await;
    deployment.set("POSTGRES__URL", proxy.url());
    deployment.set("WORKER__POSTGRES_URL", proxy.url());
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let client = deployment.client();
    orders::start(&client, 0, ORDERS / 2).await;
    deployment.wait_for_ends(5).await;
    proxy.cut();
    let first = store_is(&deployment, false).await;
    let errors = async || store_errors(&deployment).await;
    waiting::until("errors in the metrics", errors, |errors| *errors > 0.0).await;
    let later = store_is(&deployment, false).await;
    let since = |seen: &ReadyView| seen.store.trouble.as_ref().map(|trouble| trouble.since);
    assert_eq!(since(&first), since(&later), "since when does not move");
    assert!(!later.ready && later.broker.ok);
    proxy.mend();
    orders::start(&client, ORDERS / 2, ORDERS).await;
    all_is_well(&deployment).await;
    for process in [worker, orchestrator] {
        process.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_terminated_under_load_cost_nothing() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let client = deployment.client();
    let starting = tokio::spawn(async move { orders::start(&client, 0, ORDERS).await });
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for step in 1..=6 {
        deployment.wait_for_ends(count(step * ORDERS / 10)).await;
        let terminated = async || deployment.database.number(terminate).await;
        waiting::until("a session to terminate", terminated, |count| *count > 0).await;
    }
    starting.await.expect("the orders are started");
    all_is_well(&deployment).await;
    for process in [worker, orchestrator] {
        process.terminate();
    }
}

/// Somebody locks the sagas for longer than statements wait for a lock, and the orchestrator has one
/// connection: that is in use all the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_outlasts_the_timeout_and_uses_up_the_pool_costs_nothing() {
    let mut deployment = Deployment::prepare().await;
    deployment.set("POSTGRES__POOL_SIZE", "1");
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let client = deployment.client();
    orders::start(&client, 0, ORDERS / 2).await;
    let lock = "BEGIN; LOCK TABLE amends.sagas IN ACCESS EXCLUSIVE MODE";
    deployment.database.execute(lock).await;
    let seen = store_is(&deployment, false).await;
    assert!(seen.broker.ok);
    let busy = async || {
        let name = "amends_store_pool{state=\"busy\"}";
        http::metric(deployment.address(), name).await
    };
    waiting::until("a busy pool", busy, |busy| *busy == Some(1.0)).await;
    // Statements have given up on the lock, and are tried again.
    let errors = async || store_errors(&deployment).await;
    waiting::until("errors in the metrics", errors, |errors| *errors > 0.0).await;
    deployment.database.execute("COMMIT").await;
    orders::start(&client, ORDERS / 2, ORDERS).await;
    all_is_well(&deployment).await;
    for process in [worker, orchestrator] {
        process.terminate();
    }
}
