//! An orchestrator with its API on a free port, and a client that shows all of an answer.

use std::sync::Arc;
use std::time::Duration;

use broker::broker::Broker;
use broker::memory::{MemoryBroker, MemorySettings};
use broker::topology::Topology;
use orchestrator::auth::{ApiToken, AuthSettings, Gate, Role, TokenSecret};
use orchestrator::http::{Api, AuditPageView, AuditView, router};
use orchestrator::orchestrator::{Orchestrator, OrchestratorSettings};
use orchestrator::store::{MemoryStore, Store};
use saga_core::compiler;
use saga_core::time::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

const DEFINITION: &str = "
saga: patient
version: 1.0.0
steps:
  - { id: wait, wait_for: { signal: go, timeout: 1h } }
";

pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) store: Arc<dyn Store>,
    memory: MemoryStore,
    _orchestrator: Orchestrator,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }
}

impl Server {
    /// One that asks nobody.
    pub(crate) async fn open() -> Self {
        Self::with(AuthSettings::default()).await
    }

    /// One that asks for tokens.
    pub(crate) async fn with_tokens() -> Self {
        Self::with(AuthSettings {
            tokens: true,
            ..AuthSettings::default()
        })
        .await
    }

    pub(crate) async fn with(auth: AuthSettings) -> Self {
        Self::over(auth, memory_broker).await
    }

    /// One that asks nobody, with an orchestrator that is set like this.
    pub(crate) async fn set(settings: OrchestratorSettings) -> Self {
        Self::start_with(AuthSettings::default(), settings, memory_broker).await
    }

    /// One over another broker.
    pub(crate) async fn over<B: Broker + 'static>(
        auth: AuthSettings,
        broker: impl FnOnce(Topology) -> B,
    ) -> Self {
        Self::start_with(auth, OrchestratorSettings::default(), broker).await
    }

    async fn start_with<B: Broker + 'static>(
        auth: AuthSettings,
        settings: OrchestratorSettings,
        broker: impl FnOnce(Topology) -> B,
    ) -> Self {
        let topology = Topology::new("test");
        let broker: Arc<dyn Broker> = Arc::new(broker(topology.clone()));
        let begin = "2026-01-01T00:00:00Z".parse().unwrap();
        let memory = MemoryStore::new(Uuid::now_v7(), begin);
        let store: Arc<dyn Store> = Arc::new(memory.another_owner(Uuid::now_v7()));
        let own = Arc::clone(&store);
        let orchestrator = Orchestrator::start(own, broker, topology, settings)
            .await
            .unwrap();
        let definition = compiler::compile("definition", DEFINITION).definition;
        let catalog = &orchestrator.engine().shared().catalog;
        catalog.register(definition.unwrap()).await.unwrap();
        let gate = Gate::new(auth, &store).unwrap();
        let routes = router(Api::of(&orchestrator, gate));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            address,
            store,
            memory,
            _orchestrator: orchestrator,
        }
    }

    /// From now on the store needs so many microseconds for each saga that it writes.
    pub(crate) fn commit_takes(&self, micros: u32) {
        self.memory.commit_takes(micros);
    }

    /// A new token of this role, by the name of the role.
    pub(crate) async fn token(&self, role: Role) -> String {
        self.token_until(role, None).await
    }

    /// The same, which expires then.
    pub(crate) async fn token_until(&self, role: Role, expires_at: Option<Timestamp>) -> String {
        let secret = TokenSecret::generate().unwrap();
        let token = ApiToken {
            id: Uuid::now_v7(),
            name: role.to_string(),
            role,
            hash: secret.hash(),
            created_at: self.store.now(),
            expires_at,
            revoked_at: None,
        };
        assert!(self.store.add_api_token(&token).await.unwrap());
        secret.reveal().to_owned()
    }

    /// Sends a request with these header lines.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let sending = exchange(&self.address, method, path, headers, body);
        tokio::time::timeout(PATIENCE, sending).await.unwrap()
    }

    /// Sends a request as whoever has this token.
    pub(crate) async fn ask(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.send(method, path, &[("Authorization", &bearer)], body)
            .await
    }

    /// Starts a saga that waits.
    pub(crate) async fn start(&self, token: &str) -> String {
        let body = json!({ "definition": "patient", "input": {} }).to_string();
        let answer = self.ask(token, "POST", "/v1/sagas", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// The whole audit log, the newest first.
    pub(crate) async fn audit(&self, token: &str, query: &str) -> Vec<AuditView> {
        let path = format!("/v1/audit?{query}");
        let answer = self.ask(token, "GET", &path, "").await;
        let page: AuditPageView = serde_json::from_str(&answer.body)
            .unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        page.records
    }
}

pub(crate) fn memory_broker(topology: Topology) -> MemoryBroker {
    MemoryBroker::new(MemorySettings::new(topology))
}

/// Sends a request to this address.
pub(crate) async fn exchange(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        head.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).await.unwrap();
    // A body that is too large may be refused before all of it was sent.
    let _refused = stream.write_all(body.as_bytes()).await;
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{method} {path}: {answer:?}"));
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
