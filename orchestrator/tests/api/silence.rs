//! A broker that takes connections and answers nothing keeps nobody waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use broker::broker::{Broker, BrokerError, Consumer, Depth, Health, Settled};
use broker::envelope::worker::{Announcement, Occasion};
use broker::inspection::Inspected;
use broker::memory::MemoryBroker;
use broker::message::Outgoing;
use orchestrator::auth::AuthSettings;
use saga_core::ids::{ActionName, Op};
use serde_json::json;
use tokio::sync::watch;

use crate::server::{Server, memory_broker};

const LONELY: &str = "saga: lonely\nversion: 1.0.0\nsteps:\n  - { id: ask, action: nobody.ask, no_effect: true }\n  - { id: tell, action: nobody.tell, no_effect: true, depends_on: [] }\n";

/// It answers until it falls silent; its connection stands all the while.
#[derive(Debug)]
struct Silenced {
    broker: MemoryBroker,
    is_silent: Arc<AtomicBool>,
}

impl Silenced {
    async fn speaks(&self) -> &MemoryBroker {
        if self.is_silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        &self.broker
    }
}

#[async_trait]
impl Broker for Silenced {
    async fn declare_base(&self) -> Result<(), BrokerError> {
        self.speaks().await.declare_base().await
    }

    async fn declare_replies(&self, queues: u32) -> Result<(), BrokerError> {
        self.speaks().await.declare_replies(queues).await
    }

    async fn declare_steps(&self, steps: &[(ActionName, Op)]) -> Result<(), BrokerError> {
        self.speaks().await.declare_steps(steps).await
    }

    async fn restore(&self, name: &str) {
        self.speaks().await.restore(name).await;
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Settled> {
        self.speaks().await.publish(batch).await
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.speaks().await.consume(queue, prefetch).await
    }

    async fn consume_spare(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.speaks().await.consume_spare(queue, prefetch).await
    }

    async fn consume_own(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.speaks().await.consume_own(queue, prefetch).await
    }

    async fn depth(&self, queue: &str) -> Result<Option<Depth>, BrokerError> {
        self.speaks().await.depth(queue).await
    }

    async fn inspect(&self, steps: &[(ActionName, Op)]) -> Result<Vec<Inspected>, BrokerError> {
        self.speaks().await.inspect(steps).await
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.broker.health()
    }

    async fn close(&self) {
        self.broker.close().await;
    }
}

async fn announce(server: &Server) {
    let said = Announcement {
        announcement: Occasion::Hello,
        worker: "w".to_owned(),
        seq: 1,
        name: "w".to_owned(),
        build: "1".to_owned(),
        started_at: server.store.now(),
        operations: Vec::new(),
        running: Vec::new(),
        draining: None,
    };
    let lease = Duration::from_secs(60);
    server.store.announce(&[&said], lease).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_broker_keeps_no_request_for_longer_than_it_may_take() {
    let is_silent = Arc::new(AtomicBool::new(false));
    let broker = |topology| Silenced {
        broker: memory_broker(topology),
        is_silent: Arc::clone(&is_silent),
    };
    let server = Server::over(AuthSettings::default(), broker).await;
    let known = server.send("POST", "/v1/definitions", &[], LONELY).await;
    assert_eq!(known.status, 201, "{known:?}");
    announce(&server).await;
    let body = json!({ "definition": "lonely", "input": {} }).to_string();
    let started = server.send("POST", "/v1/sagas", &[], &body).await;
    let saga = started.json()["id"].as_str().unwrap().to_owned();

    is_silent.store(true, Ordering::SeqCst);
    let since = Instant::now();
    let explain = format!("/v1/sagas/{saga}/explain");
    let newer = LONELY.replace("1.0.0", "2.0.0");
    let reason = r#"{ "reason": "r" }"#;
    let (looks, verbs) = tokio::join!(
        futures_util::future::join_all([
            server.send("GET", "/v1/topology", &[], ""),
            server.send("GET", &explain, &[], ""),
            server.send("GET", "/v1/sagas?stuck=true", &[], ""),
            server.send("GET", "/v1/sagas?cause=any", &[], ""),
        ]),
        futures_util::future::join_all([
            server.send("POST", "/v1/definitions", &[], &newer),
            server.send("POST", "/v1/topology/apply", &[], ""),
            server.send("POST", "/v1/reconcile", &[], r#"{ "older_than": "0s" }"#),
            server.send("POST", "/v1/workers/w/drain", &[], reason),
        ])
    );
    assert!(
        since.elapsed() < Duration::from_secs(15),
        "{:?}",
        since.elapsed()
    );
    for look in &looks {
        assert_eq!(look.status, 200, "{look:?}");
    }
    assert!(looks[0].body.contains("has not answered"), "{:?}", looks[0]);
    assert!(looks[1].body.contains("does not answer"), "{:?}", looks[1]);
    for verb in &verbs {
        let what = format!("{verb:?}");
        assert_eq!(
            (verb.status, &*verb.code()),
            (503, "broker_unavailable"),
            "{what}"
        );
    }
    for verb in &verbs[..3] {
        assert!(
            verb.body.contains("has not answered within 10 s"),
            "{verb:?}"
        );
    }
}
