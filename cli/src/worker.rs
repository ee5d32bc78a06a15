//! The demo's worker beside a running engine.

use std::sync::Arc;
use std::time::Duration;

use broker::broker::Broker;
use broker::topology::Topology;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::error;
use worker_runtime::ledger::{Ledger, PostgresLedger, PostgresSettings, migrate};
use worker_runtime::{Observer, WorkerError};

use crate::config::WorkerSection;
use crate::demo::Books;
use crate::failure::{Failure, Outcome};

/// A worker that runs in this process until it is stopped.
#[derive(Debug)]
pub struct RunningWorker {
    observer: Observer,
    stop: CancellationToken,
    task: JoinHandle<Result<(), WorkerError>>,
}

impl RunningWorker {
    /// Starts it. Told to stop, it lets running calls finish for `drain`.
    pub fn start(
        name: &str,
        broker: Arc<dyn Broker>,
        topology: Topology,
        ledger: Arc<dyn Ledger>,
        books: &Books,
        drain: Duration,
    ) -> Result<Self, Failure> {
        let observer = Observer::new()
            .map_err(|error| Failure::because("the worker cannot be observed", &error))?;
        let worker = crate::demo::demo_worker(name, broker, topology, ledger, books)
            .build(env!("CARGO_PKG_VERSION"))
            .observed(&observer)
            .drain_timeout(drain);
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker.run(stop.clone()));
        Ok(Self {
            observer,
            stop,
            task,
        })
    }

    /// What can be told of it.
    pub const fn observer(&self) -> &Observer {
        &self.observer
    }

    /// Whether it has ended by itself, which only a failure makes it do.
    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits until it ends by itself, which only a failure makes it do.
    pub async fn ended(&mut self) -> Outcome {
        outcome((&mut self.task).await)
    }

    /// Lets running calls finish, and ends.
    pub async fn stop(self) -> Outcome {
        self.stop.cancel();
        outcome(self.task.await)
    }
}

fn outcome(joined: Result<Result<(), WorkerError>, tokio::task::JoinError>) -> Outcome {
    match joined {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failed)) => Err(Failure::because("the worker cannot go on", &failed)),
        Err(panicked) => {
            error!(error = %panicked, "the worker ended");
            Err(Failure::because("the worker ended", &panicked))
        }
    }
}

/// The ledger and the books in the worker's own database; their tables are created when they are
/// missing.
pub async fn postgres_ledger(section: &WorkerSection) -> Result<(Arc<dyn Ledger>, Books), Failure> {
    let settings = PostgresSettings {
        schema: section.schema.clone(),
        connections: section.pool_size,
        lease: Duration::from_secs(section.lease_seconds),
        ..PostgresSettings::new(&section.postgres_url)
    };
    let failed = |error: &(dyn std::error::Error + 'static)| {
        Failure::because("cannot use the worker's database", error)
            .help("it is named by worker.postgres_url in the configuration, or AMENDS__WORKER__POSTGRES_URL")
    };
    migrate(&settings).await.map_err(|error| failed(&error))?;
    let ledger = PostgresLedger::new(&settings).map_err(|error| failed(&error))?;
    let books = Books::in_postgres(&ledger)
        .await
        .map_err(|error| failed(&error))?;
    Ok((Arc::new(ledger), books))
}
