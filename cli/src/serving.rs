//! An orchestrator with its API, from start to drain.

use std::sync::Arc;
use std::time::Duration;

use broker::broker::Broker;
use broker::topology::Topology;
use orchestrator::auth::Gate;
use orchestrator::catalog::CatalogError;
use orchestrator::http::{Api, router};
use orchestrator::orchestrator::{Orchestrator, OrchestratorSettings};
use orchestrator::store::{Registration, Store};
use saga_core::compiler;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::config::Settings;
use crate::failure::{Failure, Kind};
use crate::sources::Source;

/// For requests that are under way when the API closes.
const REQUESTS_DRAIN: Duration = Duration::from_secs(5);

/// A running orchestrator and its API.
#[derive(Debug)]
pub struct Serving {
    orchestrator: Orchestrator,
    address: String,
    closing: CancellationToken,
    verbs: TaskTracker,
    api: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    /// Starts the orchestrator, registers the definitions, and opens the API.
    pub async fn start(
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        topology: Topology,
        settings: OrchestratorSettings,
        listener: TcpListener,
        gate: Gate,
    ) -> Result<Self, Failure> {
        let orchestrator = Orchestrator::start(store, broker, topology, settings)
            .await
            .map_err(|error| Failure::because("the orchestrator cannot start", &error))?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::because("the API has no address", &error))?
            .to_string();
        let api = Api::of(&orchestrator, gate);
        let (closing, verbs) = (api.closing().clone(), api.verbs().clone());
        let routes = router(api);
        let closed = closing.clone().cancelled_owned();
        let serve = axum::serve(listener, routes).with_graceful_shutdown(closed);
        let api = tokio::spawn(async move { serve.await });
        info!(address, "the API is open");
        Ok(Self {
            orchestrator,
            address,
            closing,
            verbs,
            api,
        })
    }

    /// Registers definitions; one with errors stops everything before any is registered.
    pub async fn register(&self, sources: &[Source]) -> Result<(), Failure> {
        let mut compiled = Vec::new();
        let mut problems = String::new();
        for source in sources {
            let one = compiler::compile(&source.file, &source.text);
            match one.definition {
                Some(definition) => compiled.push((source, definition)),
                None => problems.push_str(&compiler::render(
                    &one.diagnostics,
                    &source.file,
                    &source.text,
                    Settings::colour(),
                )),
            }
        }
        if !problems.is_empty() {
            let message = format!("nothing is registered, definitions have errors\n{problems}");
            return Err(Failure::error(message.trim_end().to_owned()));
        }
        for (source, definition) in compiled {
            let reference = definition.reference.clone();
            let catalog = &self.orchestrator.engine().shared().catalog;
            match catalog.register(definition).await {
                Ok(Registration::Added) => info!(definition = %reference, "registered"),
                Ok(Registration::Unchanged | Registration::Conflict) => {}
                Err(
                    error @ (CatalogError::Conflict(_) | CatalogError::OutlivesRetention { .. }),
                ) => {
                    let message = format!("{}: {error}", source.file);
                    return Err(Failure::new(Kind::Refused, message));
                }
                Err(error) => {
                    return Err(Failure::because(
                        &format!("cannot register {}", source.file),
                        &error,
                    ));
                }
            }
        }
        Ok(())
    }

    /// The orchestrator.
    pub const fn orchestrator(&self) -> &Orchestrator {
        &self.orchestrator
    }

    /// Address of the API.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Closes the API, finishes what is under way, and stops.
    pub async fn stop(self, limit: Duration) {
        self.closing.cancel();
        let mut api = self.api;
        if tokio::time::timeout(REQUESTS_DRAIN, &mut api)
            .await
            .is_err()
        {
            api.abort();
            let _aborted = api.await;
        }
        // What was asked is finished and written down, also when nobody waits for its answer.
        self.verbs.close();
        let _too_long = tokio::time::timeout(REQUESTS_DRAIN, self.verbs.wait()).await;
        self.orchestrator.shutdown(limit).await;
    }
}

/// Opens a port, before anything else is started, so that a port in use is told at once.
///
/// `what` is to answer there. Others than this machine reach it only when that is `safe`: because it
/// asks who they are, or because somebody has said so.
pub async fn listen(what: &str, address: &str, safe: bool) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let failure = Failure::because(&format!("{what} cannot listen on {address}"), &error);
        match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                failure.help("another process has that port; stop it or choose another")
            }
            _ => failure.help("the address reads 127.0.0.1:7600"),
        }
    })?;
    let local = listener
        .local_addr()
        .map_err(|error| Failure::because(&format!("{what} has no address"), &error))?;
    if !local.ip().is_loopback() && !safe {
        let message =
            format!("{what} would be open to the network on {local}, without any authentication");
        return Err(Failure::new(Kind::Refused, message).help(
            "listen on 127.0.0.1 or [::1]; or, for the API, set auth.tokens = true or \
             auth.oidc.issuer; http.expose_without_auth = true says that everybody may do anything",
        ));
    }
    Ok(listener)
}
