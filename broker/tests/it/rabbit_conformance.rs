//! The conformance suite over RabbitMQ.

use crate::server::run;
use crate::{conformance, packed};

#[tokio::test(flavor = "multi_thread")]
async fn publish_then_consume() {
    run(|broker, topology| async move { conformance::publish_then_consume(broker, &topology).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_queue() {
    run(|broker, topology| async move { conformance::own_queue(broker, &topology).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unroutable() {
    run(|broker, topology| async move { conformance::unroutable(broker, &topology).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_exchange() {
    run(|broker, topology| async move { conformance::missing_exchange(broker, &topology).await })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spare_consumer() {
    run(|broker, topology| async move { conformance::spare_consumer(broker, &topology).await })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prefetch_bounds() {
    run(|broker, topology| async move { conformance::prefetch_bounds(broker, &topology).await })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requeue() {
    run(|broker, topology| async move { conformance::requeue(broker, &topology).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letter() {
    run(|broker, topology| async move { conformance::dead_letter(broker, &topology).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_limit() {
    run(|broker, topology| async move { conformance::delivery_limit(broker, &topology).await })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rung_delays() {
    run(|broker, topology| async move { conformance::rung_delays(broker, &topology).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inspection() {
    run(|broker, topology| async move { conformance::inspection(broker, &topology).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn depth() {
    run(|broker, topology| async move { conformance::depth(broker, &topology).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_from_many_tasks() {
    run(|broker, topology| async move {
        conformance::settling_from_many_tasks(broker, &topology).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_consumer() {
    run(|broker, topology| async move { conformance::dropped_consumer(broker, &topology).await })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_consumer() {
    run(|broker, topology| async move { conformance::stopped_consumer(broker, &topology).await })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_publishers() {
    run(|broker, topology| async move { conformance::many_publishers(broker, &topology).await })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing() {
    run(|broker, topology| async move { conformance::closing(broker, &topology).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_arrive_one_by_one() {
    run(|broker, topology| async move { packed::parts_arrive_one_by_one(broker, &topology).await })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_come_again_together() {
    run(|broker, topology| async move { packed::parts_come_again_together(broker, &topology).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_die_together() {
    run(|broker, topology| async move { packed::parts_die_together(broker, &topology).await })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_handed_on() {
    run(|broker, topology| async move { packed::nonsense_is_handed_on(broker, &topology).await })
        .await;
}
