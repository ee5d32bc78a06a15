//! The parts that `amends dev` runs on, by engine.

use std::path::Path;
use std::sync::Arc;

use broker::broker::Broker;
use broker::memory::{MemoryBroker, MemorySettings};
use broker::topology::Topology;
use local_engine::{LocalEngine, Options, Packages, can_install, install};
use orchestrator::store::{self, MemoryStore, Store};
use uuid::Uuid;
use worker_runtime::ledger::{Ledger, MemoryLedger};

use crate::config::Settings;
use crate::demo::Books;
use crate::failure::{Failure, Outcome};
use crate::run_args::EngineKind;
use crate::worker::postgres_ledger;
use crate::{clock, connections};

/// Where the local engine keeps its data, below the current folder.
const FOLDER: &str = ".amends/engine";

/// Store, broker and ledger, and the servers behind them if they were started for this.
#[derive(Debug)]
pub struct Parts {
    /// The orchestrator's store.
    pub store: Arc<dyn Store>,
    /// The broker.
    pub broker: Arc<dyn Broker>,
    /// Names on the broker.
    pub topology: Topology,
    /// The worker's ledger.
    pub ledger: Arc<dyn Ledger>,
    /// The demo's books.
    pub books: Books,
    servers: Option<LocalEngine>,
}

impl Parts {
    /// Makes or starts the parts.
    pub async fn start(kind: EngineKind, mut settings: Settings) -> Result<Self, Failure> {
        match kind {
            EngineKind::Embedded => Ok(Self::embedded()),
            EngineKind::Connect => Self::connect(&settings, None).await,
            EngineKind::Local => {
                let servers =
                    tokio::task::spawn_blocking(start_servers)
                        .await
                        .map_err(|error| {
                            Failure::because("the private servers cannot start", &error)
                        })??;
                settings.postgres.url = servers.postgres_url();
                settings.worker.postgres_url = servers.postgres_url();
                settings.broker.urls = servers.amqp_url();
                Self::connect(&settings, Some(servers)).await
            }
        }
    }

    fn embedded() -> Self {
        let topology = Topology::new(Topology::DEFAULT_PREFIX);
        Self {
            store: Arc::new(MemoryStore::new(Uuid::now_v7(), clock::now())),
            broker: Arc::new(MemoryBroker::new(MemorySettings::new(topology.clone()))),
            topology,
            ledger: Arc::new(MemoryLedger::default()),
            books: Books::in_memory(),
            servers: None,
        }
    }

    async fn connect(settings: &Settings, servers: Option<LocalEngine>) -> Result<Self, Failure> {
        store::migrate(&connections::postgres(settings))
            .await
            .map_err(|error| Failure::because("cannot migrate the database", &error))?;
        let store = connections::store(settings).await?;
        let broker = connections::broker(settings, "amends dev").await?;
        let (ledger, books) = postgres_ledger(&settings.worker).await?;
        let topology = connections::topology(settings);
        Ok(Self {
            store,
            broker,
            topology,
            ledger,
            books,
            servers,
        })
    }

    /// Closes the connections and stops the servers that were started.
    pub async fn stop(self) -> Outcome {
        let Self {
            store,
            broker,
            ledger,
            books,
            servers,
            ..
        } = self;
        broker.close().await;
        // Their connections go before the servers do, which would otherwise cut them off.
        drop((store, ledger, books));
        let Some(servers) = servers else {
            return Ok(());
        };
        tokio::task::spawn_blocking(|| servers.stop())
            .await
            .map_err(|error| Failure::because("the private servers cannot stop", &error))?
            .map_err(|error| Failure::because("the private servers cannot stop", &error))
    }
}

fn start_servers() -> Result<LocalEngine, Failure> {
    let packages = match Packages::find() {
        Ok(packages) => packages,
        Err(missing) if can_install() => {
            let names = missing.packages().join(" and ");
            tracing::warn!("installing {names} with apt-get");
            let log =
                std::env::temp_dir().join(format!("amends-install-{}.log", std::process::id()));
            install(&missing, &log)
                .map_err(|error| Failure::because(&format!("cannot install {names}"), &error))?;
            Packages::find().map_err(|missing| Failure::error(missing.to_string()))?
        }
        Err(missing) => return Err(Failure::error(missing.to_string())),
    };
    LocalEngine::start(&packages, Path::new(FOLDER), Options::default())
        .map_err(|error| Failure::because("the private servers cannot start", &error))
}
