//! `amends serve`: the orchestrator.

use std::time::Duration;

use tracing::info;

use crate::config;
use crate::failure::Outcome;
use crate::run_args::ServeArgs;
use crate::serving::{Serving, listen};
use crate::signals::asked_to_stop;
use crate::{connections, logging, sources};

/// Runs until SIGTERM or Ctrl-C, then drains.
pub async fn serve(args: &ServeArgs) -> Outcome {
    let settings = config::read(args.config.as_deref())?;
    logging::start(&settings.log, "info")?;
    let sources = sources::read(&args.paths)?;
    let http = &settings.http;
    let listener = listen("the API", &http.listen, http.expose_without_auth).await?;
    let store = connections::store(&settings).await?;
    let broker = connections::broker(&settings, "amends serve").await?;
    let topology = connections::topology(&settings);
    let serving = Serving::start(
        store,
        std::sync::Arc::clone(&broker),
        topology,
        settings.orchestrator(),
        listener,
    )
    .await?;
    serving.register(&sources).await?;
    info!("ready");
    asked_to_stop().await?;
    info!("draining");
    serving
        .stop(Duration::from_secs(settings.engine.drain_seconds))
        .await;
    broker.close().await;
    Ok(())
}
