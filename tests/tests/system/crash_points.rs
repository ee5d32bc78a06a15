//! A process dies, or is stopped, in every gap that a crash can tear open. It is started again, and
//! the books are audited.

use std::time::Duration;

use system_tests::deployment::Deployment;
use system_tests::process::Process;
use system_tests::{http, orders, waiting};

const ORDERS: usize = 12;

fn orders_wanted() -> i64 {
    i64::try_from(ORDERS).expect("a small number")
}

/// The orchestrator aborts when it comes to `point` for the `count`th time.
async fn orchestrator_dies(point: &str, count: u32) {
    let deployment = Deployment::prepare().await;
    let worker = deployment.worker("worker-1");
    let doomed = deployment.armed_orchestrator(&format!("abort {point} {count}"));
    let client = deployment.client();
    let starting = tokio::spawn(async move { orders::start(&client, 0, ORDERS).await });
    doomed.died_at(point).await;
    let restarted = deployment.orchestrator();
    starting.await.expect("the orders are started");
    all_is_well(&deployment).await;
    end(&deployment, [worker, restarted]).await;
}

/// A worker aborts when it comes to `point` for the `count`th time.
async fn worker_dies(point: &str, count: u32) {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let doomed = deployment.armed_worker("worker-1", &format!("abort {point} {count}"));
    orders::start(&deployment.client(), 0, ORDERS).await;
    doomed.died_at(point).await;
    let replacement = deployment.worker("worker-2");
    all_is_well(&deployment).await;
    end(&deployment, [replacement, orchestrator]).await;
}

async fn all_is_well(deployment: &Deployment) {
    deployment.wait_for_ends(orders_wanted()).await;
    orders::audit(&deployment.database, ORDERS).await;
    orders::audit_histories(&deployment.database).await;
}

/// Waits until everything is sent, what a dead process left in the outbox included, and drains the
/// processes, the orchestrator last.
async fn end(deployment: &Deployment, processes: impl IntoIterator<Item = Process>) {
    let unsent = async || {
        let rows = "SELECT count(*) FROM amends.outbox";
        deployment.database.number(rows).await
    };
    waiting::until("an empty outbox", unsent, |unsent| *unsent == 0).await;
    processes.into_iter().for_each(Process::terminate);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_orchestrator_dies_before_a_commit() {
    orchestrator_dies("orchestrator.before_commit", 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_orchestrator_dies_after_a_commit_and_before_it_publishes() {
    orchestrator_dies("orchestrator.after_commit", 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_orchestrator_dies_after_it_published_and_before_the_confirm_is_handled() {
    orchestrator_dies("orchestrator.after_publish", 15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_orchestrator_dies_after_the_confirm_and_before_the_row_is_deleted() {
    orchestrator_dies("orchestrator.after_confirm", 15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_orchestrator_dies_after_it_applied_a_reply_and_before_it_acknowledges() {
    orchestrator_dies("orchestrator.before_ack", 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_orchestrator_dies_with_a_timer_in_its_hands() {
    let point = "orchestrator.timer_claimed";
    let deployment = Deployment::prepare().await;
    let worker = deployment.worker("worker-1");
    let doomed = deployment.armed_orchestrator(&format!("abort {point}"));
    let order = orders::order(1, "flaky-ada", "book");
    orders::start_one(&deployment.client(), "patient-order", &order).await;
    doomed.died_at(point).await;
    let restarted = deployment.orchestrator();
    deployment.wait_for_ends(1).await;
    let charges = "SELECT count(*) FROM amends_worker.demo_charges WHERE kind = 'charge'";
    assert_eq!(deployment.database.number(charges).await, 1, "charges");
    orders::audit_histories(&deployment.database).await;
    end(&deployment, [worker, restarted]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_dies_before_the_effect() {
    worker_dies("worker.before_effect", 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_dies_after_the_effect_and_before_it_commits() {
    worker_dies("worker.after_effect", 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_dies_after_the_effect_is_committed_and_before_it_replies() {
    worker_dies("worker.after_commit", 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_dies_with_a_claim_and_before_it_calls_outside() {
    worker_dies("worker.before_call", 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_dies_after_an_outside_call_and_before_it_is_recorded() {
    worker_dies("worker.after_call", 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_dies_after_an_outside_call_is_recorded_and_before_it_replies() {
    worker_dies("worker.after_record", 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_dies_after_its_reply_is_confirmed_and_before_it_acknowledges() {
    worker_dies("worker.after_reply", 8).await;
}

/// A bug ends a task, not the process: whatever it held is given back or found in the store, and its
/// loop goes on.
async fn a_task_panics(point: &str, count: u32) {
    let deployment = Deployment::prepare().await;
    let worker = deployment.worker("worker-1");
    let mut orchestrator = deployment.armed_orchestrator(&format!("panic {point} {count}"));
    orders::start(&deployment.client(), 0, ORDERS).await;
    orchestrator.reached(point).await;
    all_is_well(&deployment).await;
    end(&deployment, [worker, orchestrator]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_panics_over_a_batch_goes_on() {
    a_task_panics("orchestrator.before_commit", 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lane_stored_and_could_not_send_is_found_in_the_store() {
    a_task_panics("orchestrator.after_commit", 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_publisher_lost_is_found_in_the_store() {
    a_task_panics("orchestrator.after_publish", 15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_that_panic_go_on() {
    let point = "orchestrator.timer_claimed";
    let deployment = Deployment::prepare().await;
    let worker = deployment.worker("worker-1");
    let mut orchestrator = deployment.armed_orchestrator(&format!("panic {point}"));
    let order = orders::order(1, "flaky-ada", "book");
    orders::start_one(&deployment.client(), "patient-order", &order).await;
    orchestrator.reached(point).await;
    deployment.wait_for_ends(1).await;
    end(&deployment, [worker, orchestrator]).await;
}

/// Compare-and-set makes a zombie harmless: it finds that others have moved its saga, and reads.
#[tokio::test(flavor = "multi_thread")]
async fn an_orchestrator_that_slept_past_its_lease_writes_nothing_stale() {
    let deployment = Deployment::prepare().await;
    // Every start is one commit, so it falls asleep over the third commit of replies.
    let point = "orchestrator.before_commit";
    let mut sleeper = deployment.armed_orchestrator(&format!("stop {point} {}", ORDERS + 3));
    orders::start(&deployment.client(), 0, ORDERS).await;
    let worker = deployment.worker("worker-1");
    sleeper.reached(point).await;
    let second = deployment.second_orchestrator();
    deployment.wait_for_ends(orders_wanted()).await;
    sleeper.go_on();
    let lost_races = async || http::metric(deployment.address(), "amends_conflicts_total").await;
    waiting::until("a lost race", lost_races, |lost| {
        lost.is_some_and(|lost| lost > 0.0)
    })
    .await;
    all_is_well(&deployment).await;
    end(&deployment, [worker, second, sleeper]).await;
}

/// A worker falls asleep between its outside call and recording it. Another takes the claim over
/// when the lease has ended. The first wakes up while the other is at it, and is fenced.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_slept_past_its_lease_is_fenced() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let mut sleeper = deployment.armed_worker("sleeper", "stop worker.after_call");
    let order = orders::order(1, "ada", "book");
    orders::start_one(&deployment.client(), "order", &order).await;
    sleeper.reached("worker.after_call").await;
    let mut second = deployment.armed_worker("second", "stop worker.before_call");
    second.reached("worker.before_call").await;
    sleeper.go_on();
    let fenced = "amends_inputs_ignored_total{reason=\"fenced\"}";
    let told = async || http::metric(deployment.address(), fenced).await;
    // More than once when its message is sent again over a new connection.
    waiting::until("a fenced worker", told, |told| {
        told.is_some_and(|told| told > 0.0)
    })
    .await;
    second.go_on();
    deployment.wait_for_ends(1).await;
    let calls = "SELECT calls::bigint FROM amends_worker.demo_notifications WHERE kind = 'send'";
    assert_eq!(
        deployment.database.number(calls).await,
        2,
        "one by each worker, with the same key"
    );
    let completed = "SELECT count(*) FROM amends.sagas WHERE status = 'completed'";
    assert_eq!(deployment.database.number(completed).await, 1);
    orders::audit_histories(&deployment.database).await;
    // Awake again, it works like any other.
    tokio::time::timeout(Duration::from_secs(60), async {
        orders::start_one(
            &deployment.client(),
            "order",
            &orders::order(2, "ada", "book"),
        )
        .await;
        deployment.wait_for_ends(2).await;
    })
    .await
    .expect("the second order ends");
    end(&deployment, [sleeper, second, orchestrator]).await;
}
