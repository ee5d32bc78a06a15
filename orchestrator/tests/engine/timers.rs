//! Who wakes a saga whose time has come.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::store::Store;
use saga_core::saga::Status;
use serde_json::json;
use tokio::time::Instant;

use crate::bench::Bench;

const TIMED: &str = "
saga: timed
version: 1.0.0
deadline: 1m
steps:
  - { id: only, action: pool.only, compensate: { action: pool.undo } }
";

/// The other one has a timer of its own that is far away, and knows nothing of this one.
#[tokio::test(start_paused = true)]
async fn a_timer_of_an_orchestrator_that_is_gone_is_found_by_another() {
    let mut bench = Bench::with_orchestrators(2).await;
    bench.register(TIMED).await;
    let far = bench.start_at(1, json!({ "key": "far" })).await;
    far.expect("started");
    let near = bench.start_of(0, "timed", json!({})).await;
    let near = near.expect("started").saga;
    bench.stop_one(0).await;
    assert_eq!(bench.saga(near).await.status(), Status::Running);
    tokio::time::sleep(Duration::from_secs(75)).await;
    assert_eq!(
        bench.saga(near).await.status(),
        Status::Compensating,
        "its deadline of a minute has passed, and so has the period of the scan"
    );
    bench.stop().await;
}

const SLOW: &str = "
saga: slow
version: 1.0.0
steps:
  - { id: nap, sleep: 1h }
";

/// An orchestrator that knows of a timer in an hour must all the same find one that another process
/// has left behind.
#[tokio::test(start_paused = true)]
async fn a_timer_that_nobody_here_knows_of_is_at_most_one_scan_late() {
    let bench = Bench::with_orchestrators(1).await;
    bench.register(SLOW).await;
    let started = bench.start_of(0, "slow", json!({})).await;
    let saga = started.expect("started").saga;
    // Long enough that its first looks at the store are over.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let asleep = bench.until(saga, Status::Running).await;
    // What another process would have written, and died.
    let store: Arc<dyn Store> = Arc::new(bench.store.another_owner(uuid::Uuid::now_v7()));
    let due = store.now();
    let armed = store.rearm(&[(saga, asleep.version, Some(due))]).await;
    armed.expect("armed");
    let written = Instant::now();
    let claimed = async {
        // Found not due, it is armed anew for its real time.
        while store.next_wake().await.expect("a time") <= Some(due) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), claimed).await;
    in_time.expect("somebody looks");
    assert!(
        written.elapsed() <= Duration::from_secs(11),
        "found after {:?}",
        written.elapsed()
    );
    bench.stop().await;
}
