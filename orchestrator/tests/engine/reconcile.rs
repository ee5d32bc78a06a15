//! Commands that the broker has lost.

use std::time::Duration;

use orchestrator::reconcile::reconcile;
use saga_core::ids::Op;
use saga_core::saga::Status;

use crate::bench::{Bench, answer, done};

#[tokio::test]
async fn what_nobody_has_is_sent_again_under_the_same_attempt() {
    let bench = Bench::with_orchestrators(1).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let saga = bench.start("k").await.expect("started").saga;
    // Acknowledged and forgotten: the broker has it no more, and no worker ever will.
    let lost = first.next().await;

    let (engine, broker) = (bench.engine(), &*bench.broker);
    let patient = reconcile(engine, broker, Duration::from_mins(5), false).await;
    let patient = patient.expect("a pass");
    assert_eq!((patient.sagas, patient.silent), (1, 0), "{patient:?}");

    let named = reconcile(engine, broker, Duration::ZERO, true).await;
    let named = named.expect("a pass").missing;
    assert_eq!((named.len(), named[0].saga), (1, saga), "{named:?}");
    assert_eq!(named[0].looked_in, "test.steps.pool.first");

    let sent = reconcile(engine, broker, Duration::ZERO, false).await;
    assert_eq!(sent.expect("a pass").missing, named, "naming sends nothing");
    let again = first.next().await;
    assert_eq!((again.saga, again.attempt), (saga, lost.attempt));
    assert_ne!(again.message_id, lost.message_id);
    assert_eq!(again.idempotency_key(), lost.idempotency_key());
    bench.reply(&[answer(&again, done())]).await;
    let mut second = bench.worker("pool.second", Op::Action).await;
    let command = second.next().await;
    bench.reply(&[answer(&command, done())]).await;
    bench.until(saga, Status::Completed).await;
    bench.stop().await;
}

#[tokio::test]
async fn what_waits_in_its_queue_is_not_missing() {
    let bench = Bench::with_orchestrators(1).await;
    bench.start("k").await.expect("started");
    let mut first = bench.worker("pool.first", Op::Action).await;
    let saga = first.next().await.saga;
    drop(first);
    bench.start("l").await.expect("started");
    bench.until_waiting("pool.first", 1).await;
    let named = reconcile(bench.engine(), &*bench.broker, Duration::ZERO, true).await;
    let named = named.expect("a pass");
    assert_eq!(named.silent, 2, "{named:?}");
    assert!(named.missing.is_empty(), "{named:?}: of {saga}");
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn looking_for_what_is_lost_costs_the_hot_path_nothing() {
    let bench = Bench::with_orchestrators(1).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    bench.start("k").await.expect("started");
    first.next().await;
    // Some passes are made meanwhile.
    tokio::time::sleep(Duration::from_mins(3)).await;
    // Events are copied for those who watch, and nobody does.
    assert_eq!(bench.engine().shared().feed.receiver_count(), 0);
    bench.stop().await;
}
