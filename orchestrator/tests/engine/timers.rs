//! Timers of a process that is gone.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::store::Store;
use saga_core::ids::SagaId;
use saga_core::saga::Status;
use serde_json::json;
use tokio::time::Instant;

use crate::bench::Bench;

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
    let saga: SagaId = started.expect("started").saga;
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
