//! What every broker does. Each function is one test over any implementation, on queues that
//! nobody else uses, with a delivery limit of [`DELIVERY_LIMIT`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use broker::broker::{
    Broker, BrokerError, Consumer, Delivery, Depth, Health, OWN_QUEUE_MESSAGES_MAX, Settled,
};
use broker::headers::Headers;
use broker::inspection::{Condition, Inspected};
use broker::message::{Death, Outgoing, Properties};
use broker::receipt::Durable;
use broker::topology::Topology;
use bytes::Bytes;
use saga_core::ids::{ActionName, Op};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// The delivery limit that the broker under test must have.
pub(crate) const DELIVERY_LIMIT: u32 = 3;

/// A condition that is not met by then never will be.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What has not come by then is taken not to come.
const QUIET: Duration = Duration::from_millis(300);

/// A broker under test.
pub(crate) type Subject = Arc<dyn Broker>;

/// Stands for a commit.
#[derive(Debug)]
pub(crate) struct OnDisk;

impl Durable for OnDisk {}

/// The action that the tests use.
#[must_use]
pub(crate) fn charge() -> ActionName {
    "payments.charge".parse().expect("a name")
}

/// Declares the queue of [`charge`] and returns its name.
pub(crate) async fn declared(broker: &Subject, topology: &Topology) -> String {
    broker
        .declare_steps(&[(charge(), Op::Action)])
        .await
        .expect("declare");
    topology.step_queue(&charge(), Op::Action)
}

/// A message for the steps exchange.
#[must_use]
pub(crate) fn step(topology: &Topology, routing_key: &str, id: &str) -> Outgoing {
    Outgoing {
        properties: Properties {
            exchange: topology.steps_exchange(),
            routing_key: routing_key.to_owned(),
            message_id: id.to_owned(),
            kind: "test.v1".to_owned(),
            ..Properties::default()
        },
        body: Bytes::copy_from_slice(id.as_bytes()),
    }
}

/// A message straight to a queue.
#[must_use]
pub(crate) fn direct(queue: &str, id: &str) -> Outgoing {
    let topology = Topology::new("unused");
    let mut message = step(&topology, queue, id);
    message.properties.exchange = String::new();
    message
}

/// Publishes messages with the ids `prefix0`, `prefix1`, and so on, all of which are confirmed.
pub(crate) async fn publish_some(broker: &Subject, queue: &str, prefix: &str, count: usize) {
    let batch: Vec<_> = (0..count)
        .map(|n| direct(queue, &format!("{prefix}{n}")))
        .collect();
    assert_eq!(broker.publish(batch).await, vec![Settled::Confirmed; count]);
}

/// The next delivery, which must come.
pub(crate) async fn next(consumer: &mut Consumer) -> Delivery {
    timeout(PATIENCE, consumer.next())
        .await
        .expect("a delivery in time")
        .expect("a delivery")
}

/// Nothing more is delivered.
pub(crate) async fn assert_quiet(consumer: &mut Consumer) {
    if let Ok(delivery) = timeout(QUIET, consumer.next()).await {
        panic!("unexpected: {delivery:?}");
    }
}

/// Waits until so many messages wait in the queue.
pub(crate) async fn wait_for_depth(broker: &Subject, queue: &str, messages: u32) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let depth = broker
            .depth(queue)
            .await
            .expect("depth")
            .expect("the queue");
        if depth.messages == messages {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{queue} has {depth:?}, not {messages} messages"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

fn id(delivery: &Delivery) -> &str {
    &delivery.message.properties.message_id
}

/// What is published arrives as it was sent.
pub(crate) async fn publish_then_consume(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    let sent = Outgoing {
        properties: Properties {
            correlation_id: Some("saga".to_owned()),
            reply_to: Some(topology.replies_queue()),
            priority: Some(4),
            headers: Headers::from([
                ("amends-step", "größe".to_owned()),
                ("empty", String::new()),
            ]),
            ..step(topology, &queue, "m/1").properties
        },
        body: Bytes::from_static(b"\x00\xff{}"),
    };
    let empty = Outgoing {
        body: Bytes::new(),
        ..step(topology, &queue, "m/2")
    };
    let settled = broker.publish(vec![sent.clone(), empty.clone()]).await;
    assert_eq!(settled, [Settled::Confirmed; 2]);
    assert_eq!(broker.publish(Vec::new()).await, []);

    let mut consumer = broker.consume(&queue, 10).await.expect("consume");
    for expected in [sent, empty] {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.message.properties, expected.properties);
        assert_eq!(delivery.message.body, expected.body);
        assert!(!delivery.message.redelivered);
        assert_eq!(delivery.message.death, None);
        delivery.receipt.ack(&OnDisk);
    }
    assert_quiet(&mut consumer).await;
    drop(consumer);
    let mut again = broker.consume(&queue, 10).await.expect("consume");
    assert_quiet(&mut again).await;
}

/// What nobody wants is told or kept, depending on where it was sent.
pub(crate) async fn unroutable(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    let nowhere = topology.step_queue(&charge(), Op::Settle);
    let mut event = step(topology, "order.completed", "event");
    event.properties.exchange = topology.events_exchange();
    let batch = vec![
        step(topology, &queue, "good"),
        step(topology, &nowhere, "kept"),
        direct("no.such.queue", "lost"),
        direct(&queue, "straight"),
        event,
    ];
    assert_eq!(
        broker.publish(batch).await,
        [
            Settled::Confirmed,
            Settled::Confirmed,
            Settled::Unroutable,
            Settled::Confirmed,
            Settled::Confirmed
        ]
    );
    let mut kept = broker
        .consume(&topology.unroutable(), 1)
        .await
        .expect("consume");
    let delivery = next(&mut kept).await;
    assert_eq!(
        (id(&delivery), &*delivery.message.properties.routing_key),
        ("kept", &*nowhere)
    );
    delivery.receipt.ack(&OnDisk);
}

/// An exchange that does not exist spoils no message beside it for good.
pub(crate) async fn missing_exchange(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    let mut lost = step(topology, &queue, "lost");
    lost.properties.exchange = format!("{}.gone", topology.steps_exchange());
    assert_eq!(broker.publish(vec![lost]).await, [Settled::Unroutable]);
    publish_some(&broker, &queue, "after", 3).await;
}

/// A consumer holds no more unsettled messages than its prefetch.
pub(crate) async fn prefetch_bounds(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    publish_some(&broker, &queue, "m", 6).await;
    let mut consumer = broker.consume(&queue, 3).await.expect("consume");
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(next(&mut consumer).await);
    }
    assert_quiet(&mut consumer).await;
    wait_for_depth(&broker, &queue, 3).await;
    held.remove(1).receipt.ack(&OnDisk);
    held.push(next(&mut consumer).await);
    assert_quiet(&mut consumer).await;
    let ids: Vec<_> = held.iter().map(id).collect();
    assert_eq!(ids, ["m0", "m2", "m3"]);
}

/// A spare consumer gets what the others have no room for, and all of it once they are gone.
pub(crate) async fn spare_consumer(broker: Subject, topology: &Topology) {
    broker.declare_replies(2).await.expect("declare");
    let queue = topology.own_replies_queue(2);
    let mut spare = broker.consume_spare(&queue, 10).await.expect("consume");
    let mut first = broker.consume(&queue, 2).await.expect("consume");
    publish_some(&broker, &queue, "m", 2).await;
    let held = [next(&mut first).await, next(&mut first).await];
    publish_some(&broker, &queue, "more", 1).await;
    assert_eq!(id(&next(&mut spare).await), "more0");
    drop(held);

    let queue = topology.own_replies_queue(1);
    let mut spare = broker.consume_spare(&queue, 10).await.expect("consume");
    let mut first = broker.consume(&queue, 30).await.expect("consume");
    for _ in 0..20 {
        publish_some(&broker, &queue, "again", 1).await;
        next(&mut first).await.receipt.ack(&OnDisk);
    }
    drop(first);
    publish_some(&broker, &queue, "last", 3).await;
    for _ in 0..3 {
        next(&mut spare).await.receipt.ack(&OnDisk);
    }
}

/// A dropped receipt brings the message back, an acknowledged one does not.
pub(crate) async fn requeue(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    publish_some(&broker, &queue, "m", 3).await;
    let mut consumer = broker.consume(&queue, 1).await.expect("consume");
    let first = next(&mut consumer).await;
    assert_eq!(id(&first), "m0");
    drop(first);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.message.redelivered, id(&delivery) == "m0");
        assert_eq!(delivery.message.death, None);
        seen.push(id(&delivery).to_owned());
        delivery.receipt.ack(&OnDisk);
    }
    seen.sort();
    assert_eq!(seen, ["m0", "m1", "m2"]);
    assert_quiet(&mut consumer).await;
}

/// What is dead-lettered lies in the dead queue with the reason.
pub(crate) async fn dead_letter(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    let settled = broker.publish(vec![step(topology, &queue, "bad")]).await;
    assert_eq!(settled, [Settled::Confirmed]);
    let mut consumer = broker.consume(&queue, 1).await.expect("consume");
    next(&mut consumer).await.receipt.dead_letter();

    let mut dead = broker.consume(&topology.dead(), 1).await.expect("consume");
    let delivery = next(&mut dead).await;
    assert_eq!(id(&delivery), "bad");
    assert_eq!(delivery.message.body, "bad");
    assert_eq!(delivery.message.properties.routing_key, queue);
    assert_eq!(delivery.message.properties.kind, "test.v1");
    assert_eq!(delivery.message.properties.headers, Headers::new());
    let reason = "rejected".to_owned();
    assert_eq!(delivery.message.death, Some(Death { queue, reason }));
    delivery.receipt.ack(&OnDisk);
    assert_quiet(&mut consumer).await;
}

/// What is never acknowledged ends in the dead queue.
pub(crate) async fn delivery_limit(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    publish_some(&broker, &queue, "poison", 1).await;
    let mut consumer = broker.consume(&queue, 5).await.expect("consume");
    for _ in 0..=DELIVERY_LIMIT {
        drop(next(&mut consumer).await);
    }
    let mut dead = broker.consume(&topology.dead(), 1).await.expect("consume");
    let delivery = next(&mut dead).await;
    let reason = "delivery_limit".to_owned();
    assert_eq!(delivery.message.death, Some(Death { queue, reason }));
    delivery.receipt.ack(&OnDisk);
    assert_quiet(&mut consumer).await;
}

/// A rung gives each message back after its delay, to the queue of its routing key.
pub(crate) async fn rung_delays(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    let mut consumer = broker.consume(&queue, 10).await.expect("consume");
    let delays = [Duration::from_secs(1), Duration::from_millis(250)];
    let began = Instant::now();
    for delay in delays {
        let mut message = step(topology, &queue, &format!("{delay:?}"));
        message.properties.exchange = topology.rung("payments", delay);
        assert_eq!(broker.publish(vec![message]).await, [Settled::Confirmed]);
    }
    for delay in [delays[1], delays[0]] {
        let delivery = next(&mut consumer).await;
        assert_eq!(id(&delivery), format!("{delay:?}"));
        assert!(
            began.elapsed() >= delay,
            "{delay:?} took {:?}",
            began.elapsed()
        );
        assert_eq!(delivery.message.properties.routing_key, queue);
        assert_eq!(
            delivery.message.properties.exchange,
            topology.steps_exchange()
        );
        assert_eq!(delivery.message.properties.headers, Headers::new());
        let rung = topology.rung("payments", delay);
        let death = Death {
            queue: rung,
            reason: "expired".to_owned(),
        };
        assert_eq!(delivery.message.death, Some(death));
        delivery.receipt.ack(&OnDisk);
    }
}

/// How many wait and who consumes can be asked; so can what does not exist.
/// What is not there is missing, what was declared is fine, and looking declares nothing.
pub(crate) async fn inspection(broker: Subject, topology: &Topology) {
    let steps = [(charge(), Op::Action)];
    let queue = topology.step_queue(&charge(), Op::Action);
    let look = async || {
        let found = broker.inspect(&steps).await.expect("inspect");
        let names: BTreeSet<_> = found.iter().map(|it| (it.kind, it.name.clone())).collect();
        assert_eq!(names.len(), found.len(), "each is told once");
        found
    };
    for _ in 0..2 {
        let found = look().await;
        let missing = |name: &str| {
            let mut named = found.iter().filter(|it| it.name == name);
            named.all(|it| it.condition == Condition::Missing)
        };
        assert!(missing(&queue), "{found:?}");
    }
    declared(&broker, topology).await;
    publish_some(&broker, &queue, "m", 2).await;
    wait_for_depth(&broker, &queue, 2).await;
    let found = look().await;
    let unwell = |it: &&Inspected| it.condition != Condition::Fine;
    assert_eq!(found.iter().find(unwell), None);
    let seen = found.iter().find(|it| it.name == queue);
    let depth = seen.and_then(|it| it.depth).expect("its depth");
    assert_eq!(depth.messages, 2);
    let own = topology.own_replies_queue(1);
    assert!(!found.iter().any(|it| it.name == own), "not asked for");
    broker.declare_replies(1).await.expect("declare");
    let found = look().await;
    assert!(found.iter().any(|it| it.name == own), "no {own}: {found:?}");
    let rung = topology.rung("payments", Duration::from_secs(1));
    assert!(
        found.iter().any(|it| it.name == rung),
        "no {rung}: {found:?}"
    );
}

pub(crate) async fn depth(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    assert_eq!(broker.depth("no.such.queue").await.expect("depth"), None);
    let empty = Depth {
        messages: 0,
        consumers: 0,
    };
    assert_eq!(broker.depth(&queue).await.expect("depth"), Some(empty));
    publish_some(&broker, &queue, "m", 4).await;
    wait_for_depth(&broker, &queue, 4).await;
    let mut consumer = broker.consume(&queue, 2).await.expect("consume");
    let _held = next(&mut consumer).await;
    wait_for_depth(&broker, &queue, 2).await;
    assert_eq!(
        broker
            .depth(&queue)
            .await
            .expect("depth")
            .map(|depth| depth.consumers),
        Some(1)
    );
    let refused = broker
        .consume("no.such.queue", 1)
        .await
        .expect_err("no such queue");
    assert!(matches!(&refused, BrokerError::Queue { queue, .. } if queue == "no.such.queue"));
}

/// Settling from many tasks in any order settles each message once and leaves none behind.
pub(crate) async fn settling_from_many_tasks(broker: Subject, topology: &Topology) {
    const MESSAGES: usize = 600;
    let queue = declared(&broker, topology).await;
    publish_some(&broker, &queue, "m", MESSAGES).await;
    let mut consumer = broker.consume(&queue, 40).await.expect("consume");
    let mut tasks = JoinSet::new();
    let mut seen = BTreeSet::new();
    for turn in 0..MESSAGES {
        let delivery = next(&mut consumer).await;
        assert!(
            seen.insert(id(&delivery).to_owned()),
            "{delivery:?} came twice"
        );
        tasks.spawn(async move {
            sleep(Duration::from_millis((turn as u64 * 7) % 13)).await;
            delivery.receipt.ack(&OnDisk);
        });
    }
    tasks.join_all().await;
    assert_quiet(&mut consumer).await;
    drop(consumer);
    let mut again = broker.consume(&queue, 40).await.expect("consume");
    assert_quiet(&mut again).await;
    wait_for_depth(&broker, &queue, 0).await;
}

/// A queue of a consumer's own takes a few messages, and is gone with the consumer.
pub(crate) async fn own_queue(broker: Subject, topology: &Topology) {
    let queue = topology.worker_queue("w/1");
    let to = |id: &str| vec![direct(&queue, id)];
    assert_eq!(broker.publish(to("early")).await, [Settled::Unroutable]);
    let mut consumer = broker.consume_own(&queue, 1).await.expect("consume");
    assert_eq!(broker.publish(to("first")).await, [Settled::Confirmed]);
    let first = next(&mut consumer).await;
    assert_eq!(id(&first), "first");
    let many = usize::from(OWN_QUEUE_MESSAGES_MAX);
    publish_some(&broker, &queue, "m", many).await;
    assert_eq!(broker.publish(to("late")).await, [Settled::Refused]);
    first.receipt.dead_letter();
    let second = next(&mut consumer).await;
    assert_eq!(id(&second), "m0");
    drop((second, consumer));
    let deadline = Instant::now() + PATIENCE;
    while broker.depth(&queue).await.expect("depth").is_some() {
        assert!(Instant::now() < deadline, "the queue stays");
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(broker.publish(to("after")).await, [Settled::Unroutable]);
}

/// A consumer that goes leaves what it had not taken; what it had can still be settled.
pub(crate) async fn dropped_consumer(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    publish_some(&broker, &queue, "m", 5).await;
    let mut first = broker.consume(&queue, 4).await.expect("consume");
    let held = next(&mut first).await;
    let dropped = next(&mut first).await;
    assert_eq!((id(&held), id(&dropped)), ("m0", "m1"));
    drop(first);
    drop(dropped);

    let mut second = broker.consume(&queue, 10).await.expect("consume");
    let mut rest = BTreeSet::new();
    for _ in 0..4 {
        let delivery = next(&mut second).await;
        rest.insert(id(&delivery).to_owned());
        delivery.receipt.ack(&OnDisk);
    }
    assert_eq!(rest, ["m1", "m2", "m3", "m4"].map(str::to_owned).into());
    assert_quiet(&mut second).await;
    held.receipt.ack(&OnDisk);
    assert_quiet(&mut second).await;
    wait_for_depth(&broker, &queue, 0).await;
}

/// A stopped consumer still gives what it was handed, which can be settled, and gets nothing more:
/// not even what the settling makes room for.
pub(crate) async fn stopped_consumer(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    publish_some(&broker, &queue, "m", 8).await;
    let mut stopped = broker.consume(&queue, 4).await.expect("consume");
    wait_for_depth(&broker, &queue, 4).await;
    // They are on their way to this process; all have come when the last one has.
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(next(&mut stopped).await);
    }
    sleep(QUIET).await;
    stopped.stop();
    while let Some(delivery) = timeout(PATIENCE, stopped.next()).await.expect("an end") {
        taken.push(delivery);
    }
    assert_eq!(taken.len(), 4);
    for delivery in taken {
        delivery.receipt.ack(&OnDisk);
    }
    let mut other = broker.consume(&queue, 8).await.expect("consume");
    for _ in 0..4 {
        let delivery = next(&mut other).await;
        assert!(
            !delivery.message.redelivered,
            "{} was handed to the stopped one",
            delivery.message.properties.message_id
        );
        delivery.receipt.ack(&OnDisk);
    }
    assert_quiet(&mut other).await;
    drop(stopped);
    let depth = broker.depth(&queue).await.expect("a depth");
    assert_eq!(depth.map(|it| (it.messages, it.consumers)), Some((0, 1)));
}

/// Many callers at once each learn what became of exactly their own messages.
pub(crate) async fn many_publishers(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let (broker, queue, sent) = (Arc::clone(&broker), queue.clone(), Arc::clone(&sent));
        tasks.spawn(async move {
            for round in 0..20 {
                let lost = |n: usize| (task + round + n).is_multiple_of(3);
                let target = |n| {
                    if lost(n) {
                        "no.such.queue"
                    } else {
                        queue.as_str()
                    }
                };
                let batch: Vec<_> = (0..10)
                    .map(|n| direct(target(n), &format!("{task}/{round}/{n}")))
                    .collect();
                for (n, fate) in broker.publish(batch).await.into_iter().enumerate() {
                    let due = if lost(n) {
                        Settled::Unroutable
                    } else {
                        Settled::Confirmed
                    };
                    assert_eq!(fate, due, "{task}/{round}/{n}");
                    sent.fetch_add(usize::from(!lost(n)), Ordering::Relaxed);
                }
            }
        });
    }
    tasks.join_all().await;
    let count = u32::try_from(sent.load(Ordering::Relaxed)).expect("few");
    wait_for_depth(&broker, &queue, count).await;
}

/// Declaring is free to repeat, and a closed broker says so everywhere.
pub(crate) async fn closing(broker: Subject, topology: &Topology) {
    let queue = declared(&broker, topology).await;
    declared(&broker, topology).await;
    broker.declare_base().await.expect("declare");
    assert_eq!(*broker.health().borrow(), Health::Connected);
    publish_some(&broker, &queue, "m", 2).await;
    let mut consumer = broker.consume(&queue, 1).await.expect("consume");
    next(&mut consumer).await.receipt.ack(&OnDisk);
    next(&mut consumer).await.receipt.ack(&OnDisk);
    broker.close().await;
    assert_eq!(*broker.health().borrow(), Health::Disconnected);
    assert!(
        timeout(PATIENCE, consumer.next())
            .await
            .expect("an end")
            .is_none()
    );
    assert_eq!(
        broker.publish(vec![direct(&queue, "late")]).await,
        [Settled::Unknown]
    );
    assert!(broker.consume(&queue, 1).await.is_err());
}
