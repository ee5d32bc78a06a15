//! `amends serve`: the orchestrator.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::auth::{AuthSettings, Gate, KeySource, KeysError};
use orchestrator::store::Store;
use tracing::{info, warn};

use crate::config;
use crate::failure::{Failure, Outcome};
use crate::run_args::ServeArgs;
use crate::serving::{Serving, listen};
use crate::signals::asked_to_stop;
use crate::{connections, logging, sources};

/// Runs until SIGTERM or Ctrl-C, then drains.
pub async fn serve(args: &ServeArgs) -> Outcome {
    let settings = config::read(args.config.as_deref())?;
    logging::start(&settings.log, "info")?;
    let sources = sources::read(&args.paths)?;
    let auth = settings.auth()?;
    let safe = auth.is_configured() || auth.exposed;
    let listener = listen("the API", &settings.http.listen, safe).await?;
    let store = connections::store(&settings).await?;
    let gate = gate(auth, &store).await?;
    let broker = connections::broker(&settings, "amends serve").await?;
    let topology = connections::topology(&settings);
    let serving = Serving::start(
        store,
        Arc::clone(&broker),
        topology,
        settings.orchestrator(),
        listener,
        gate,
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

/// What lets callers in. A provider that is away now may be back when the first of them comes; a
/// file that cannot be read is a mistake in the settings.
async fn gate(auth: AuthSettings, store: &Arc<dyn Store>) -> Result<Gate, Failure> {
    if !auth.is_configured() && auth.exposed {
        warn!("http.expose_without_auth: whoever reaches the API may do anything");
    }
    let cannot = |error: &KeysError| {
        Failure::because("callers cannot be known by auth.oidc.jwks", error)
            .help("it names a file, or an https URL, with the provider's keys")
    };
    let is_file = matches!(&auth.oidc, Some(oidc) if matches!(oidc.keys, KeySource::File(_)));
    let gate = Gate::new(auth, store).map_err(|error| cannot(&error))?;
    match gate.check().await {
        Err(error) if is_file => Err(cannot(&error)),
        Err(_) | Ok(()) => Ok(gate),
    }
}
