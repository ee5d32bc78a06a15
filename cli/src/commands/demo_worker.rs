//! `amends demo-worker`: one worker process with the operations of the example sagas.

use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use crate::failure::Outcome;
use crate::run_args::DemoWorkerArgs;
use crate::serving::listen;
use crate::signals::asked_to_stop;
use crate::worker::{RunningWorker, postgres_ledger};
use crate::{config, connections, logging, worker_http};

/// Runs until SIGTERM or Ctrl-C, then drains.
pub async fn demo_worker(args: &DemoWorkerArgs) -> Outcome {
    let settings = config::read(args.config.as_deref())?;
    logging::start(&settings.log, "info")?;
    let endpoint = match settings.worker.http_listen.as_str() {
        "" => None,
        address => {
            let expose = settings.http.expose_without_auth;
            Some(listen("the worker's endpoint", address, expose).await?)
        }
    };
    let (ledger, books) = postgres_ledger(&settings.worker).await?;
    let broker = connections::broker(&settings, &args.name).await?;
    let topology = connections::topology(&settings);
    let drain = Duration::from_secs(settings.worker.drain_seconds);
    let mut worker = RunningWorker::start(
        &args.name,
        Arc::clone(&broker),
        topology,
        ledger,
        &books,
        drain,
    )?;
    if let Some(listener) = endpoint {
        worker_http::serve(listener, worker.observer().clone());
    }
    info!(worker = args.name, "ready");
    tokio::select! {
        asked = asked_to_stop() => asked?,
        ended = worker.ended() => return ended,
    }
    info!("draining");
    worker.stop().await?;
    broker.close().await;
    Ok(())
}
