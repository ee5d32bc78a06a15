//! The broker is away, blocks, loses a queue, is restarted: it shows while it lasts, heals by itself,
//! and costs no effect.

use std::time::Duration;

use orchestrator::http::ReadyView;
use saga_core::ids::Op;
use system_tests::deployment::Deployment;
use system_tests::middleman::Middleman;
use system_tests::proxy::Proxy;
use system_tests::rabbit::Alarm;
use system_tests::{config, http, orders, rabbit, waiting};

const ORDERS: usize = 60;

fn count(orders: usize) -> i64 {
    i64::try_from(orders).expect("a small number")
}

/// Waits until `/ready` says of the broker what is expected: all is well, or a part of the problem.
async fn broker_is(deployment: &Deployment, problem: Option<&str>) -> ReadyView {
    let look = async || http::document::<ReadyView>(deployment.address(), "/ready").await;
    let seen = waiting::until("what /ready says", look, |seen| {
        seen.as_ref().is_some_and(|seen| {
            let trouble = seen.broker.trouble.as_ref();
            match problem {
                None => seen.broker.ok && trouble.is_none(),
                Some(problem) => {
                    !seen.ready && trouble.is_some_and(|it| it.problem.contains(problem))
                }
            }
        })
    });
    seen.await.expect("an answer")
}

async fn all_is_well(deployment: &Deployment) {
    deployment.wait_for_ends(count(ORDERS)).await;
    orders::audit(&deployment.database, ORDERS).await;
    orders::audit_gaps(&deployment.database).await;
    broker_is(deployment, None).await;
    let connected = http::metric(deployment.address(), "amends_broker_connected").await;
    assert_eq!(connected, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_cannot_be_reached_for_a_while_costs_nothing() {
    let proxy = Proxy::to(&config::amqp_url()).await;
    let mut deployment = Deployment::prepare().await;
    deployment.set("BROKER__URLS", proxy.url());
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let client = deployment.client();
    orders::start(&client, 0, ORDERS / 2).await;
    deployment.wait_for_ends(5).await;
    proxy.cut();
    let first = broker_is(&deployment, Some("cannot be reached")).await;
    let connected = http::metric(deployment.address(), "amends_broker_connected").await;
    assert_eq!(connected, Some(0.0));
    // What is started meanwhile is stored, and sent when the broker is back.
    orders::start(&client, ORDERS / 2, ORDERS).await;
    let later = broker_is(&deployment, Some("cannot be reached")).await;
    assert_eq!(first.broker, later.broker, "since when does not move");
    assert!(first.store.ok);
    proxy.mend();
    all_is_well(&deployment).await;
    for process in [worker, orchestrator] {
        process.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_blocks_is_waited_for() {
    let deployment = Deployment::prepare_alone().await;
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let client = deployment.client();
    orders::start(&client, 0, ORDERS / 2).await;
    deployment.wait_for_ends(5).await;
    let alarm = Alarm::raise().await;
    orders::start(&client, ORDERS / 2, ORDERS).await;
    broker_is(&deployment, Some("alarm")).await;
    let age = async || http::metric(deployment.address(), "amends_outbox_oldest_seconds").await;
    waiting::until("a growing outbox", age, |age| {
        age.is_some_and(|age| age >= 2.0)
    })
    .await;
    drop(alarm);
    all_is_well(&deployment).await;
    for process in [worker, orchestrator] {
        process.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_that_are_deleted_come_back() {
    let deployment = Deployment::prepare().await;
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let client = deployment.client();
    orders::start(&client, 0, ORDERS / 2).await;
    deployment.wait_for_ends(count(ORDERS / 2)).await;
    // What lay in them would be lost with them; nothing does.
    let middleman = Middleman::of(deployment.prefix()).await;
    let topology = middleman.topology();
    let charge = "payments.charge".parse().expect("an action");
    for queue in [
        topology.replies_queue(),
        topology.own_replies_queue(1),
        topology.dead(),
        topology.step_queue(&charge, Op::Action),
        topology.rung("payments", Duration::from_millis(250)),
    ] {
        rabbit::control(&["delete_queue", &queue]).await;
    }
    orders::start(&client, ORDERS / 2, ORDERS - 1).await;
    // Its retries go by the rungs.
    let flaky = orders::order(ORDERS - 1, "flaky-ada", "book");
    orders::start_one(&client, "order", &flaky).await;
    all_is_well(&deployment).await;
    for process in [worker, orchestrator] {
        process.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_restarted_costs_nothing() {
    let deployment = Deployment::prepare_alone().await;
    let orchestrator = deployment.orchestrator();
    let worker = deployment.worker("worker-1");
    let client = deployment.client();
    orders::start(&client, 0, ORDERS / 2).await;
    deployment.wait_for_ends(5).await;
    rabbit::control(&["stop_app"]).await;
    broker_is(&deployment, Some("cannot be reached")).await;
    orders::start(&client, ORDERS / 2, ORDERS).await;
    rabbit::control(&["start_app"]).await;
    all_is_well(&deployment).await;
    for process in [worker, orchestrator] {
        process.terminate();
    }
}
