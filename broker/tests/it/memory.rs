//! The conformance suite over the in-memory broker, in virtual time, and what only it does.

use std::sync::Arc;

use broker::broker::Settled;
use broker::memory::{MemoryBroker, MemorySettings};
use broker::topology::Topology;

use crate::conformance::{self, DELIVERY_LIMIT, Subject};
use crate::packed;

fn memory(queue_length_max: usize) -> (Subject, Topology) {
    let topology = Topology::new("t");
    let settings = MemorySettings {
        delivery_limit: DELIVERY_LIMIT,
        queue_length_max,
        ..MemorySettings::new(topology.clone())
    };
    (Arc::new(MemoryBroker::new(settings)), topology)
}

async fn run<F: Future<Output = ()>>(test: impl FnOnce(Subject, Topology) -> F) {
    let (broker, topology) = memory(100_000);
    test(broker, topology).await;
}

#[tokio::test(start_paused = true)]
async fn publish_then_consume() {
    run(async |broker, topology| conformance::publish_then_consume(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn own_queue() {
    run(async |broker, topology| conformance::own_queue(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn unroutable() {
    run(async |broker, topology| conformance::unroutable(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn missing_exchange() {
    run(async |broker, topology| conformance::missing_exchange(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn spare_consumer() {
    run(async |broker, topology| conformance::spare_consumer(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn prefetch_bounds() {
    run(async |broker, topology| conformance::prefetch_bounds(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn requeue() {
    run(async |broker, topology| conformance::requeue(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn dead_letter() {
    run(async |broker, topology| conformance::dead_letter(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn delivery_limit() {
    run(async |broker, topology| conformance::delivery_limit(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn rung_delays() {
    run(async |broker, topology| conformance::rung_delays(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn inspection() {
    run(async |broker, topology| conformance::inspection(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn depth() {
    run(async |broker, topology| conformance::depth(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn settling_from_many_tasks() {
    run(async |broker, topology| conformance::settling_from_many_tasks(broker, &topology).await)
        .await;
}

#[tokio::test(start_paused = true)]
async fn dropped_consumer() {
    run(async |broker, topology| conformance::dropped_consumer(broker, &topology).await).await;
}

#[tokio::test]
async fn stopped_consumer() {
    run(async |broker, topology| conformance::stopped_consumer(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn many_publishers() {
    run(async |broker, topology| conformance::many_publishers(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn closing() {
    run(async |broker, topology| conformance::closing(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses() {
    let (broker, topology) = memory(2);
    let queue = conformance::declared(&broker, &topology).await;
    let batch = (0..3)
        .map(|n| conformance::direct(&queue, &n.to_string()))
        .collect();
    assert_eq!(
        broker.publish(batch).await,
        [Settled::Confirmed, Settled::Confirmed, Settled::Refused]
    );
    let mut consumer = broker.consume(&queue, 1).await.expect("consume");
    conformance::next(&mut consumer)
        .await
        .receipt
        .ack(&conformance::OnDisk);
    conformance::wait_for_depth(&broker, &queue, 0).await;
    conformance::publish_some(&broker, &queue, "more", 1).await;
}

#[tokio::test(start_paused = true)]
async fn consumers_are_served_in_turn() {
    let (broker, topology) = memory(100);
    let queue = conformance::declared(&broker, &topology).await;
    let mut first = broker.consume(&queue, 10).await.expect("consume");
    let mut second = broker.consume(&queue, 10).await.expect("consume");
    conformance::publish_some(&broker, &queue, "m", 4).await;
    for (consumer, ids) in [(&mut first, ["m0", "m2"]), (&mut second, ["m1", "m3"])] {
        for id in ids {
            let delivery = conformance::next(consumer).await;
            assert_eq!(delivery.message.properties.message_id, id);
            delivery.receipt.ack(&conformance::OnDisk);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn parts_arrive_one_by_one() {
    run(async |broker, topology| packed::parts_arrive_one_by_one(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn parts_come_again_together() {
    run(async |broker, topology| packed::parts_come_again_together(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn parts_die_together() {
    run(async |broker, topology| packed::parts_die_together(broker, &topology).await).await;
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_handed_on() {
    run(async |broker, topology| packed::nonsense_is_handed_on(broker, &topology).await).await;
}
