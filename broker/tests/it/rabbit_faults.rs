//! What can go wrong between us and RabbitMQ, done to it for real.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, BrokerError, Health, Settled};
use broker::rabbit::{Rabbit, RabbitSettings};
use broker::topology::Topology;
use lapin::options::{ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use saga_core::ids::Op;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::config::amqp_url;
use crate::conformance::{
    OnDisk, PATIENCE, Subject, charge, declared, direct, next, step, wait_for_depth,
};
use crate::proxy::Proxy;
use crate::server::{NODE, connect, control, raw_channel, remove, run, settings};

/// The client library credits confirms to the wrong message when tasks share a channel, and
/// attaches returns to the wrong confirm even when they do not. Neither may show through.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn every_outcome_is_credited_to_its_own_message() {
    run(|broker, topology| async move { mixed_outcomes(broker, &topology).await }).await;
}

async fn mixed_outcomes(broker: Subject, topology: &Topology) {
    const TASKS: usize = 16;
    const ROUNDS: usize = 40;
    const BATCH: usize = 50;
    let open = declared(&broker, topology).await;
    let full = format!("{open}.full");
    let channel = raw_channel().await;
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(0));
    arguments.insert(
        "x-overflow".into(),
        AMQPValue::LongString("reject-publish".into()),
    );
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel
        .queue_declare(full.as_str().into(), options, arguments)
        .await
        .expect("declare");

    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (broker, open, full) = (Arc::clone(&broker), open.clone(), full.clone());
        tasks.spawn(async move {
            let mut wrong = BTreeMap::new();
            for round in 0..ROUNDS {
                let kinds: Vec<_> = (0..BATCH)
                    .map(|n| (task * 7 + round * 3 + n * n) % 3)
                    .collect();
                let message = |(n, kind): (usize, &usize)| {
                    let queue = [open.as_str(), "no.such.queue", full.as_str()][*kind];
                    direct(queue, &format!("{task}/{round}/{n}"))
                };
                let batch = kinds.iter().enumerate().map(message).collect();
                for (kind, fate) in kinds.iter().zip(broker.publish(batch).await) {
                    let due = [Settled::Confirmed, Settled::Unroutable, Settled::Refused][*kind];
                    if fate != due {
                        *wrong
                            .entry(format!("{due:?} told as {fate:?}"))
                            .or_insert(0) += 1;
                    }
                }
            }
            wrong
        });
    }
    let wrong: Vec<_> = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|w| !w.is_empty())
        .collect();
    channel
        .queue_delete(full.into(), QueueDeleteOptions::default())
        .await
        .expect("delete");
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Connections are killed again and again while messages flow; what was confirmed arrives, and
/// publisher and consumer come back by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn killed_connections_heal_and_lose_nothing_confirmed() {
    let _no_alarm = NODE.read().await;
    let settings = settings();
    let (topology, name) = (settings.topology.clone(), settings.name.clone());
    let broker = connect(settings).await;
    let subject = Arc::clone(&broker) as Subject;
    let queue = declared(&subject, &topology).await;
    let own_queue = topology.worker_queue("w/1");
    let mut own = broker.consume_own(&own_queue, 1).await.expect("consume");

    let publisher = tokio::spawn({
        let (broker, queue) = (Arc::clone(&broker), queue.clone());
        async move {
            let (mut confirmed, mut round) = (BTreeSet::new(), 0);
            let stop = Instant::now() + Duration::from_secs(8);
            while Instant::now() < stop {
                round += 1;
                let ids: Vec<_> = (0..20).map(|n| format!("{round}/{n}")).collect();
                let batch = ids.iter().map(|id| direct(&queue, id)).collect();
                for (id, fate) in ids.into_iter().zip(broker.publish(batch).await) {
                    match fate {
                        Settled::Confirmed => drop(confirmed.insert(id)),
                        Settled::Unknown => {}
                        Settled::Unroutable | Settled::Refused => panic!("{id} is {fate:?}"),
                    }
                }
            }
            confirmed
        }
    });
    let killer = tokio::spawn(async move {
        for _ in 0..3 {
            sleep(Duration::from_millis(1500)).await;
            kill_connections(&name).await;
        }
    });
    let mut consumer = broker.consume(&queue, 50).await.expect("consume");
    let mut seen = BTreeSet::new();
    while !publisher.is_finished() {
        if let Ok(Some(delivery)) = timeout(Duration::from_millis(100), consumer.next()).await {
            seen.insert(delivery.message.properties.message_id.clone());
            delivery.receipt.ack(&OnDisk);
        }
    }
    killer.await.expect("kills");
    let confirmed = publisher.await.expect("a publisher");
    assert!(
        confirmed.len() > 200,
        "only {} were confirmed",
        confirmed.len()
    );
    while !confirmed.is_subset(&seen) {
        let delivery = next(&mut consumer).await;
        seen.insert(delivery.message.properties.message_id.clone());
        delivery.receipt.ack(&OnDisk);
    }
    let mut health = broker.health();
    let healthy = health.wait_for(|health| *health == Health::Connected);
    assert!(timeout(PATIENCE, healthy).await.is_ok());
    // The queue of one process alone went with its connection, and is there again.
    let began = Instant::now();
    while broker.publish(vec![direct(&own_queue, "told")]).await != [Settled::Confirmed] {
        assert!(began.elapsed() < PATIENCE, "the own queue is still away");
    }
    let told = next(&mut own).await;
    assert_eq!(told.message.properties.message_id, "told");
    told.receipt.dead_letter();
    broker.close().await;
    remove(&topology).await;
}

/// Closes the connections that carry this name, and only those.
async fn kill_connections(name: &str) {
    let listed = control(&["-q", "list_connections", "pid", "client_properties"]).await;
    let ours = listed.lines().filter(|line| line.contains(name));
    let pids: Vec<_> = ours.filter_map(|line| line.split('\t').next()).collect();
    assert!(
        !pids.is_empty(),
        "no connection named {name} among:\n{listed}"
    );
    for pid in pids {
        control(&["close_connection", pid, "the test says so"]).await;
    }
}

/// A queue that is deleted under its consumer is declared and consumed again.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_heals() {
    run(|broker, topology| async move {
        let queue = declared(&broker, &topology).await;
        let mut consumer = broker.consume(&queue, 5).await.expect("consume");
        let before = direct(&queue, "before");
        assert_eq!(broker.publish(vec![before]).await, [Settled::Confirmed]);
        let held = next(&mut consumer).await;
        let mut health = broker.health();
        let deaf = tokio::spawn(async move {
            let (deaf, well) = (Health::Deaf, Health::Connected);
            health.wait_for(|health| *health == deaf).await.map(drop)?;
            health.wait_for(|health| *health == well).await.map(drop)
        });
        let options = QueueDeleteOptions::default();
        raw_channel()
            .await
            .queue_delete(queue.as_str().into(), options)
            .await
            .expect("delete");

        let deadline = Instant::now() + PATIENCE;
        while broker.publish(vec![direct(&queue, "after")]).await != [Settled::Confirmed] {
            assert!(Instant::now() < deadline, "the queue did not come back");
            sleep(Duration::from_millis(50)).await;
        }
        let after = next(&mut consumer).await;
        assert_eq!(after.message.properties.message_id, "after");
        let seen = timeout(PATIENCE, deaf).await.expect("in time");
        assert!(seen.expect("a watcher").is_ok(), "it showed, and passed");
        // Its queue is gone; settling it must harm nobody.
        held.receipt.ack(&OnDisk);
        after.receipt.ack(&OnDisk);
        wait_for_depth(&broker, &queue, 0).await;
    })
    .await;
}

/// An exchange that is deleted is declared again by whoever finds it gone, with everything that was
/// bound to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_exchange_heals() {
    run(|broker, topology| async move {
        let queue = declared(&broker, &topology).await;
        let exchange = topology.steps_exchange();
        raw_channel()
            .await
            .exchange_delete(exchange.as_str().into(), ExchangeDeleteOptions::default())
            .await
            .expect("delete");
        let lost = step(&topology, &queue, "lost");
        assert_eq!(broker.publish(vec![lost]).await, [Settled::Unroutable]);
        broker.restore(&exchange).await;
        let found = step(&topology, &queue, "found");
        assert_eq!(broker.publish(vec![found]).await, [Settled::Confirmed]);
        wait_for_depth(&broker, &queue, 1).await;
    })
    .await;
}

/// A consumer that is asked for after its queue was deleted brings the queue back, where this
/// process had declared it.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_comes_back_for_a_new_consumer() {
    run(|broker, topology| async move {
        let queue = declared(&broker, &topology).await;
        let options = QueueDeleteOptions::default();
        raw_channel()
            .await
            .queue_delete(queue.as_str().into(), options)
            .await
            .expect("delete");
        let mut consumer = broker.consume(&queue, 5).await.expect("consume");
        let deadline = Instant::now() + PATIENCE;
        while broker.publish(vec![direct(&queue, "after")]).await != [Settled::Confirmed] {
            assert!(Instant::now() < deadline, "the queue did not come back");
            sleep(Duration::from_millis(50)).await;
        }
        next(&mut consumer).await.receipt.ack(&OnDisk);
    })
    .await;
}

/// Workers answer to queues that they have not declared. One that is gone is brought back by them.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_queue_comes_back_by_whoever_answers() {
    run(|broker, topology| async move {
        broker.declare_base().await.expect("declare");
        let queue = topology.own_replies_queue(3);
        let answer = async || broker.publish(vec![direct(&queue, "answer")]).await;
        broker
            .restore(&topology.step_queue(&charge(), Op::Action))
            .await;
        assert_eq!(answer().await, [Settled::Unroutable]);
        broker.restore(&queue).await;
        assert_eq!(answer().await, [Settled::Confirmed]);
        wait_for_depth(&broker, &queue, 1).await;
    })
    .await;
}

/// A queue that is there with other settings is named, with what to do about it.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_other_settings_is_named() {
    run(|broker, topology| async move {
        let options = QueueDeclareOptions {
            durable: true,
            ..Default::default()
        };
        let taken = topology.replies_queue();
        let channel = raw_channel().await;
        let declared = channel.queue_declare(taken.as_str().into(), options, FieldTable::default());
        declared.await.expect("declare");
        let error = broker.declare_base().await.expect_err("a mismatch");
        assert!(matches!(&error, BrokerError::Declare { .. }), "{error:?}");
        assert_eq!(error.to_string(), format!("declare queue {taken}"));
        let said = chain(&error);
        assert!(said.contains("it exists with other settings"), "{said}");
        assert!(said.contains("PRECONDITION_FAILED"), "{said}");
        let options = QueueDeleteOptions::default();
        channel
            .queue_delete(taken.into(), options)
            .await
            .expect("delete");
        broker.declare_base().await.expect("declare");
    })
    .await;
}

/// While the broker blocks, nothing is lost, nothing hangs for good, and it shows.
#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_blocks_and_passes() {
    let _alone = NODE.write().await;
    let settings = RabbitSettings {
        confirm_timeout: Duration::from_secs(1),
        ..settings()
    };
    let topology = settings.topology.clone();
    let broker = connect(settings).await;
    let subject = Arc::clone(&broker) as Subject;
    let queue = declared(&subject, &topology).await;
    let mut consumer = broker.consume(&queue, 5).await.expect("consume");
    control(&["set_vm_memory_high_watermark", "0.00000001"]).await;
    let handed_over = tokio::spawn({
        let (broker, queue) = (Arc::clone(&broker), queue.clone());
        async move { broker.publish(vec![direct(&queue, "first")]).await }
    });
    let mut health = broker.health();
    let blocked = health.wait_for(|health| *health == Health::Blocked);
    let blocked = timeout(PATIENCE, blocked).await.map(drop);
    // Whatever happens, the alarm must be lifted again.
    let late = timeout(PATIENCE, broker.publish(vec![direct(&queue, "late")]));
    let waited = late.await.unwrap_or_default();
    // Longer than the confirm timeout: the connection must survive it.
    sleep(Duration::from_secs(2)).await;
    let still_waits = !handed_over.is_finished();
    control(&["set_vm_memory_high_watermark", "0.4"]).await;
    assert!(blocked.is_ok(), "the alarm does not show");
    assert_eq!(waited, [Settled::Unknown]);
    assert!(still_waits);
    assert_eq!(
        timeout(PATIENCE, handed_over)
            .await
            .expect("in time")
            .unwrap(),
        [Settled::Confirmed]
    );
    let delivery = next(&mut consumer).await;
    assert_eq!(delivery.message.properties.message_id, "first");
    assert!(!delivery.message.redelivered);
    delivery.receipt.ack(&OnDisk);
    let connected = health.wait_for(|health| *health == Health::Connected);
    assert!(timeout(PATIENCE, connected).await.is_ok());
    broker.close().await;
    remove(&topology).await;
}

/// A short outage only makes a publish late; a long one makes it unknown, not stuck.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_waited_out_up_to_the_confirm_timeout() {
    let _no_alarm = NODE.read().await;
    let proxy = Proxy::start().await;
    let confirm_timeout = Duration::from_secs(2);
    let settings = RabbitSettings {
        urls: vec![proxy.url()],
        confirm_timeout,
        ..settings()
    };
    let topology = settings.topology.clone();
    let broker = connect(settings).await;
    let subject = Arc::clone(&broker) as Subject;
    let queue = declared(&subject, &topology).await;
    let mut health = broker.health();

    proxy.cut();
    let down = health.wait_for(|health| *health == Health::Disconnected);
    assert!(timeout(PATIENCE, down).await.is_ok());
    // The publishing connection may notice only by this.
    let noticed = broker.publish(vec![direct(&queue, "noticed")]).await;
    assert_eq!(noticed, [Settled::Unknown]);
    let began = Instant::now();
    assert_eq!(
        broker.publish(vec![direct(&queue, "long")]).await,
        [Settled::Unknown]
    );
    assert!(began.elapsed() >= confirm_timeout && began.elapsed() < confirm_timeout * 2);

    let waits = tokio::spawn({
        let (broker, queue) = (Arc::clone(&broker), queue.clone());
        async move { broker.publish(vec![direct(&queue, "short")]).await }
    });
    sleep(confirm_timeout / 4).await;
    proxy.mend();
    // Reconnecting may take longer than the timeout after an outage of this length.
    let fate = waits.await.expect("a publish");
    let up = health.wait_for(|health| *health == Health::Connected);
    assert!(timeout(PATIENCE, up).await.is_ok());
    assert!(
        matches!(fate[..], [Settled::Confirmed | Settled::Unknown]),
        "{fate:?}"
    );
    assert_eq!(
        broker.publish(vec![direct(&queue, "after")]).await,
        [Settled::Confirmed]
    );
    broker.close().await;
    remove(&topology).await;
}

/// A peer that takes messages and never answers is given up after the confirm timeout.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_replaced() {
    let _no_alarm = NODE.read().await;
    let proxy = Proxy::start().await;
    let confirm_timeout = Duration::from_secs(1);
    let settings = RabbitSettings {
        urls: vec![proxy.url()],
        confirm_timeout,
        ..settings()
    };
    let topology = settings.topology.clone();
    let broker = connect(settings).await;
    let subject = Arc::clone(&broker) as Subject;
    let queue = declared(&subject, &topology).await;
    let own_queue = topology.worker_queue("w/1");
    let _own = broker.consume_own(&own_queue, 1).await.expect("consume");
    assert_eq!(
        broker.publish(vec![direct(&queue, "before")]).await,
        [Settled::Confirmed]
    );

    proxy.silence();
    let began = Instant::now();
    let batch = (0..10).map(|n| direct(&queue, &n.to_string())).collect();
    assert_eq!(broker.publish(batch).await, [Settled::Unknown; 10]);
    assert!(began.elapsed() >= confirm_timeout && began.elapsed() < confirm_timeout * 3);
    // Long before heartbeats would have told.
    while broker.publish(vec![direct(&queue, "after")]).await != [Settled::Confirmed] {
        assert!(began.elapsed() < PATIENCE, "still not replaced");
    }
    drop((subject, broker));
    remove(&topology).await;
}

#[tokio::test]
async fn a_wrong_password_is_said_at_once() {
    let (scheme, rest) = amqp_url()
        .split_once("://")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let host = rest
        .rsplit_once('@')
        .map_or(rest.clone(), |(_, host)| host.to_owned());
    let url = format!("{scheme}://somebody:s3cret@{host}");
    let said = refused(&url, PATIENCE).await;
    assert!(
        said.contains("refused user `somebody`: ACCESS_REFUSED"),
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
}

#[tokio::test]
async fn a_missing_virtual_host_is_said_at_once() {
    let url = amqp_url();
    let server = url.split_once("://").map_or(&*url, |(_, rest)| rest);
    let server = server.split_once('/').map_or(server, |(server, _)| server);
    let said = refused(&format!("amqp://{server}/nowhere"), PATIENCE).await;
    assert!(said.contains("has no virtual host `nowhere`"), "{said}");
}

#[tokio::test]
async fn a_refused_port_is_said_after_the_startup_timeout() {
    let began = Instant::now();
    let said = refused("amqp://guest:pw@127.0.0.1:1", Duration::from_secs(1)).await;
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(
        said.contains("connect to the broker at amqp://127.0.0.1:1"),
        "{said}"
    );
    assert!(
        said.contains("refused the connection; is RabbitMQ running there?"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_host_of_the_list_is_passed_over() {
    let _no_alarm = NODE.read().await;
    let mut settings = settings();
    settings
        .urls
        .insert(0, "amqp://guest:pw@127.0.0.1:1".to_owned());
    let topology = settings.topology.clone();
    let broker = connect(settings).await;
    broker.declare_base().await.expect("declare");
    broker.close().await;
    remove(&topology).await;
}

async fn refused(url: &str, startup_timeout: Duration) -> String {
    let settings = RabbitSettings::new(vec![url.to_owned()], Topology::new("t"));
    let attempt = Rabbit::connect(RabbitSettings {
        startup_timeout,
        ..settings
    });
    let error = timeout(PATIENCE, attempt)
        .await
        .expect("in time")
        .expect_err("refused");
    assert!(matches!(error, BrokerError::Connect { .. }));
    chain(&error)
}

fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        said = format!("{said}: {error}");
        source = error.source();
    }
    said
}
