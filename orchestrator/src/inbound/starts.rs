//! Starts by message.

use std::time::Duration;

use broker::broker::Delivery;
use broker::envelope::start::StartMessage;
use broker::message::Incoming;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::delivery::keep;
use crate::catalog::CatalogError;
use crate::engine::{Engine, StartError, StartRequest};
use crate::letters;
use crate::store::{Committed, StoreError};

/// A store or broker that is away is tried again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Why a start did not lead to a saga.
pub(crate) enum NotStarted {
    /// It never will: the code and the reason.
    Refused(&'static str, String),
    /// It may later.
    Later(String),
    /// The process is going down.
    Stopping,
}

/// Starts the saga, and acknowledges once it is on disk. A start that is refused is kept for
/// people, with the reason.
pub(super) async fn take(
    engine: &Engine,
    queue: &str,
    delivery: Delivery,
    start: StartMessage,
    stopping: &CancellationToken,
) {
    let Delivery { message, receipt } = delivery;
    loop {
        match begin(engine, &message, &start).await {
            Ok(proof) => return receipt.ack(&proof),
            Err(NotStarted::Refused(code, reason)) => {
                let mut letter = letters::from_message(&message, queue, None, reason);
                letter.fingerprint = format!("start/{}/{code}", start.definition);
                return keep(engine, vec![letter], receipt).await;
            }
            Err(NotStarted::Later(reason)) => {
                warn!(
                    definition = start.definition,
                    reason, "starting a saga; trying again"
                );
            }
            // Unacknowledged, it goes back to its queue.
            Err(NotStarted::Stopping) => return,
        }
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(AGAIN_AFTER) => {}
        }
    }
}

/// Starts the saga that a message asks for.
pub(crate) async fn begin(
    engine: &Engine,
    message: &Incoming,
    start: &StartMessage,
) -> Result<Committed, NotStarted> {
    let catalog = &engine.shared().catalog;
    let definition = catalog
        .resolve(&start.definition, start.version.as_ref())
        .await
        .map_err(|error| no_definition(&error))?;
    // A message can come twice. Where nothing else tells the second from a new request, its id does.
    let id = &message.properties.message_id;
    let key = match (&start.key, &definition.key) {
        (None, None) if id.is_empty() => {
            let reason = "a start by message needs a key, or a message id to be known again by";
            return Err(NotStarted::Refused("no_key", reason.to_owned()));
        }
        (None, None) => Some(format!("message:{id}")),
        (key, _) => key.clone(),
    };
    let request = StartRequest {
        definition,
        input: start.input.clone(),
        key,
        labels: start.labels.clone(),
    };
    match engine.start_with_proof(request).await {
        Ok((_started, proof)) => Ok(proof),
        Err(error) => Err(not_started(&error)),
    }
}

fn no_definition(error: &CatalogError) -> NotStarted {
    let reason = crate::chain(error);
    match error {
        CatalogError::UnknownName { .. } | CatalogError::UnknownVersion(_) => {
            NotStarted::Refused("unknown_definition", reason)
        }
        CatalogError::Retired { .. } | CatalogError::NothingToStart(_) => {
            NotStarted::Refused("retired_definition", reason)
        }
        CatalogError::Conflict(_)
        | CatalogError::OutlivesRetention { .. }
        | CatalogError::Incompatible { .. } => NotStarted::Refused("bad_definition", reason),
        CatalogError::Store(StoreError::Refused { .. } | StoreError::Corrupt { .. }) => {
            NotStarted::Refused("store_error", reason)
        }
        CatalogError::Store(StoreError::Unavailable { .. }) | CatalogError::Broker(_) => {
            NotStarted::Later(reason)
        }
    }
}

fn not_started(error: &StartError) -> NotStarted {
    let reason = crate::chain(error);
    match error {
        StartError::Input(refused) => {
            let places = refused
                .violations
                .iter()
                .map(|it| format!("; /input{}: {}", it.pointer, it.message));
            NotStarted::Refused("invalid_input", reason + &places.collect::<String>())
        }
        StartError::KeyMismatch { .. } => NotStarted::Refused("key_mismatch", reason),
        StartError::KeyTaken(_) => NotStarted::Refused("key_taken", reason),
        StartError::Unstorable(_) => NotStarted::Refused("unstorable_input", reason),
        StartError::Overload(_) => NotStarted::Later(reason),
        StartError::ShuttingDown => NotStarted::Stopping,
    }
}
