//! Telling a worker to drain.

use broker::broker::Broker as _;
use broker::envelope::drain as wire;
use broker::envelope::worker::{Announcement, Draining, Occasion};
use orchestrator::drain::{DrainError, drain};
use orchestrator::store::Store as _;
use saga_core::operator::By;

use crate::bench::Bench;

fn ada() -> By {
    By {
        who: "ada".to_owned(),
        reason: "the node is replaced".to_owned(),
    }
}

async fn says(bench: &Bench, worker: &str, occasion: Occasion, draining: Option<Draining>) {
    let said = Announcement {
        announcement: occasion,
        worker: worker.to_owned(),
        seq: 1,
        name: "w".to_owned(),
        build: "1".to_owned(),
        started_at: bench.store.now(),
        operations: Vec::new(),
        running: Vec::new(),
        draining,
    };
    let lease = std::time::Duration::from_secs(60);
    bench.store.announce(&[&said], lease).await.expect("heard");
}

#[tokio::test]
async fn a_worker_hears_it_once_and_others_do_not() {
    let bench = Bench::with_orchestrators(1).await;
    says(&bench, "w/1", Occasion::Hello, None).await;
    let queue = bench.topology.worker_queue("w/1");
    let mut own = bench
        .broker
        .consume_own(&queue, 1)
        .await
        .expect("its queue");
    let engine = bench.engine();
    let told = drain(engine, &*bench.broker, "w/1", ada()).await;
    assert_eq!(told.expect("told").announcement.worker, "w/1");
    let delivery = own.next().await.expect("the word");
    let heard = wire::decode(&delivery.message).expect("readable");
    assert_eq!((heard.worker.as_str(), heard.by), ("w/1", ada()));
    delivery.receipt.dead_letter();

    let since = bench.store.now();
    let draining = Some(Draining { since, by: None });
    says(&bench, "w/2", Occasion::Heartbeat, draining).await;
    let again = drain(engine, &*bench.broker, "w/2", ada()).await;
    assert!(
        again
            .expect("not told again")
            .announcement
            .draining
            .is_some()
    );
}

#[tokio::test]
async fn who_cannot_be_told_is_named_with_the_reason() {
    let bench = Bench::with_orchestrators(1).await;
    let engine = bench.engine();
    let refused = async |worker: &str| {
        let told = drain(engine, &*bench.broker, worker, ada()).await;
        told.expect_err("refused")
    };
    assert!(matches!(refused("w/9").await, DrainError::NoWorker(_)));
    says(&bench, "w/2", Occasion::Goodbye, None).await;
    assert!(matches!(refused("w/2").await, DrainError::Left(_)));
    says(&bench, "w/3", Occasion::Hello, None).await;
    assert!(matches!(refused("w/3").await, DrainError::Unreachable(_)));
    let long = "x".repeat(250);
    says(&bench, &long, Occasion::Hello, None).await;
    assert!(matches!(refused(&long).await, DrainError::Unreachable(_)));
    bench.broker.close().await;
    says(&bench, "w/4", Occasion::Hello, None).await;
    assert!(matches!(refused("w/4").await, DrainError::NotSent));
}
