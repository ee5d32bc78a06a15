//! Messages that carry several commands, over any broker.

use std::collections::BTreeSet;

use broker::broker::{Consumer, Delivery, Settled};
use broker::envelope::{command, commands};
use broker::message::{Death, Outgoing, Properties};
use broker::topology::Topology;
use bytes::Bytes;

use crate::conformance::{
    DELIVERY_LIMIT, OnDisk, Subject, assert_quiet, declared, next, step, wait_for_depth,
};

/// A command of that id, sent for the first time.
fn single(topology: &Topology, queue: &str, id: &str) -> Outgoing {
    let mut message = step(topology, queue, id);
    command::KIND.clone_into(&mut message.properties.kind);
    message.properties.shares = true;
    let headers = &mut message.properties.headers;
    headers.insert("traceparent".to_owned(), format!("of {id}"));
    message.properties.correlation_id = Some(format!("saga of {id}"));
    message.body = Bytes::from(format!(r#"{{"input":"{id} \u0000"}}"#));
    message
}

/// One message with these commands is sent to the queue.
async fn published(broker: &Subject, topology: &Topology, queue: &str, ids: &[&str]) {
    let all: Vec<Outgoing> = ids.iter().map(|id| single(topology, queue, id)).collect();
    assert!(all.iter().all(commands::may_share));
    let others: Vec<&Outgoing> = all[1..].iter().collect();
    let message = commands::pack(&all[0], &others);
    assert_eq!(broker.publish(vec![message]).await, [Settled::Confirmed]);
}

async fn take(consumer: &mut Consumer, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(next(consumer).await);
    }
    taken
}

fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    let ids = deliveries.iter();
    ids.map(|it| &*it.message.properties.message_id).collect()
}

/// Each command comes as if it had come alone, and the message is done with when the last one is.
pub(crate) async fn parts_arrive_one_by_one(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    published(&broker, topology, &queue, &["a", "b", "c"]).await;
    wait_for_depth(&broker, &queue, 1).await;
    let mut consumer = broker.consume(&queue, 1).await.expect("consume");
    let parts = take(&mut consumer, 3).await;
    assert_eq!(ids(&parts), ["a", "b", "c"]);
    for part in &parts {
        let sent = single(topology, &queue, &part.message.properties.message_id);
        let received = Properties {
            shares: false,
            ..sent.properties
        };
        assert_eq!(part.message.properties, received);
        assert_eq!(part.message.body, sent.body);
        assert!(!part.message.redelivered && part.message.death.is_none());
    }
    let message = single(topology, &queue, "alone");
    assert_eq!(broker.publish(vec![message]).await, [Settled::Confirmed]);
    let mut parts = parts.into_iter();
    for part in parts.by_ref().take(2) {
        part.receipt.ack(&OnDisk);
    }
    // With a prefetch of one, the next message says that this one is settled.
    assert_quiet(&mut consumer).await;
    let last = parts.next().expect("the last part");
    last.receipt.ack(&OnDisk);
    let alone = next(&mut consumer).await;
    assert_eq!(alone.message.properties.message_id, "alone");
    alone.receipt.ack(&OnDisk);
    assert_quiet(&mut consumer).await;
}

/// What is not acknowledged comes again, and with it what came with it.
pub(crate) async fn parts_come_again_together(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    published(&broker, topology, &queue, &["a", "b"]).await;
    let mut consumer = broker.consume(&queue, 5).await.expect("consume");
    let mut parts = take(&mut consumer, 2).await.into_iter();
    drop(parts.next());
    parts.next().expect("b").receipt.ack(&OnDisk);
    let again = take(&mut consumer, 2).await;
    assert_eq!(ids(&again), ["a", "b"]);
    assert!(again.iter().all(|part| part.message.redelivered));

    // A consumer that is dropped gives back what it has not handed out.
    drop(again);
    let first = next(&mut consumer).await;
    drop(consumer);
    drop(first);
    let mut consumer = broker.consume(&queue, 5).await.expect("consume");
    for part in take(&mut consumer, 2).await {
        part.receipt.ack(&OnDisk);
    }
    assert_quiet(&mut consumer).await;
}

/// Whatever is given up of a message is given up with all of it, and known for what it is.
pub(crate) async fn parts_die_together(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    published(&broker, topology, &queue, &["a", "b", "c"]).await;
    let mut consumer = broker.consume(&queue, 5).await.expect("consume");
    for part in take(&mut consumer, 3).await {
        match &*part.message.properties.message_id {
            "b" => part.receipt.dead_letter(),
            _ => part.receipt.ack(&OnDisk),
        }
    }
    let mut dead = broker.consume(&topology.dead(), 5).await.expect("consume");
    assert_dead(&mut dead, &queue, &["a", "b", "c"], "rejected").await;

    published(&broker, topology, &queue, &["d", "e"]).await;
    for _ in 0..=DELIVERY_LIMIT {
        drop(take(&mut consumer, 2).await);
    }
    assert_dead(&mut dead, &queue, &["d", "e"], "delivery_limit").await;
    assert_quiet(&mut consumer).await;
}

async fn assert_dead(dead: &mut Consumer, queue: &str, wanted: &[&str], reason: &str) {
    let letters = take(dead, wanted.len()).await;
    let found: BTreeSet<&str> = ids(&letters).into_iter().collect();
    assert_eq!(found, wanted.iter().copied().collect());
    let death = Death {
        queue: queue.to_owned(),
        reason: reason.to_owned(),
    };
    for letter in letters {
        assert_eq!(letter.message.properties.kind, command::KIND);
        assert_eq!(letter.message.properties.routing_key, queue);
        assert_eq!(letter.message.death.as_ref(), Some(&death));
        letter.receipt.ack(&OnDisk);
    }
}

/// What says that it is such a message, and is none, comes as it is, for whoever gives it up.
pub(crate) async fn nonsense_is_handed_on(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    let mut consumer = broker.consume(&queue, 5).await.expect("consume");
    for body in [
        "",
        "{",
        r#"{"commands":[]}"#,
        r#"{"commands":[{"body":1}]}"#,
    ] {
        let mut message = step(topology, &queue, "odd");
        commands::KIND.clone_into(&mut message.properties.kind);
        message.body = Bytes::from(body);
        assert_eq!(broker.publish(vec![message]).await, [Settled::Confirmed]);
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.message.properties.kind, commands::KIND);
        assert_eq!(delivery.message.body, body);
        delivery.receipt.ack(&OnDisk);
    }
    assert_quiet(&mut consumer).await;
}
