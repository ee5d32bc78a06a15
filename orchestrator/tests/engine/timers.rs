//! Who wakes a saga whose time has come.

use std::time::Duration;

use saga_core::saga::Status;
use serde_json::json;

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
