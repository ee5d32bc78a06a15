//! The document, and how it is put together.

use std::collections::BTreeMap;

use broker::broker::Broker;
use saga_core::definition::DefinitionRef;
use saga_core::event::Event;
use saga_core::ids::SagaId;
use saga_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::content;
use super::redact::Redaction;
use crate::engine::Engine;
use crate::explain;
use crate::http::{EventView, ExplanationView};
use crate::store::{PAGE_ROWS_MAX, Snapshot, StoreError, snapshot};

/// The format that is written. Readers accept this one only.
pub const BUNDLE_FORMAT: u16 = 1;

/// Events of one bundle, at most; one with fewer than there are says so.
pub const EVENTS_MAX: usize = 50_000;

/// Bytes of all values of one bundle; those beyond are told by their shape only.
pub const VALUES_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Everything that is known of one saga.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bundle {
    /// [`BUNDLE_FORMAT`].
    pub format: u16,
    /// The version of amends that made it.
    pub amends: String,
    /// When.
    pub exported_at: Timestamp,
    /// The saga.
    pub id: SagaId,
    /// Data is replaced by shapes and digests.
    pub redacted: bool,
    /// What the saga runs.
    pub definition: BundledDefinition,
    /// Where it stands, as it is stored. Its form is not part of the API.
    #[schemars(with = "BTreeMap<String, Value>")]
    pub state: Snapshot,
    /// Why it does not move.
    pub explanation: ExplanationView,
    /// Everything that happened.
    pub events: Vec<EventView>,
    /// All of its events are here.
    pub events_are_complete: bool,
    /// Its data.
    pub values: Vec<BundledValue>,
}

/// A definition in a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BundledDefinition {
    /// Name and version.
    pub reference: DefinitionRef,
    /// Hex SHA-256 of the source; absent when it is not registered any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A value in a bundle: as it is, or its shape and digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BundledValue {
    /// What it is: `input`, `steps.charge.output`, `saga.output`, `signal 1`.
    pub name: String,
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Its fields, with the kind of each in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Value>,
    /// Equal within one bundle for equal values, and told to nobody else: the salt is forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Bytes of it, as JSON.
    pub bytes: usize,
}

/// Puts the bundle of a saga together; `None` when there is no such saga.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn collect(
    engine: &Engine,
    broker: &dyn Broker,
    id: SagaId,
    redact: bool,
) -> Result<Option<Bundle>, StoreError> {
    let store = &engine.shared().store;
    // The state first: events are never fewer than it says, and what came later is cut off.
    let (sagas, _) = store.load(&[id]).await?;
    let Some(saga) = sagas.into_iter().next() else {
        return Ok(None);
    };
    let (mut events, events_are_complete) = events(engine, id, saga.version).await?;
    // Explained as it is, and redacted then: queues, workers, letters and child sagas say more of it
    // than its own state does.
    let mut explained = explain::explain_as(engine, broker, saga).await?;
    let redaction = redact.then(|| Redaction::new(Uuid::now_v7().as_bytes()));
    if let Some(redaction) = &redaction {
        redaction.explained(&mut explained);
        events
            .iter_mut()
            .for_each(|event| redaction.event(&mut event.kind));
    }
    let reference = explained.saga.definition.clone();
    let stored = store.definition(&reference).await?;
    let state = snapshot(&explained.saga).map_err(|source| StoreError::Corrupt {
        what: format!("saga {id}"),
        source: Box::new(source),
    })?;
    let mut room = VALUES_BYTES_MAX;
    let mut values = Vec::new();
    for (key, value) in store.values(id).await? {
        values.push(content::bundled(
            &key,
            &value,
            redaction.as_ref(),
            &mut room,
        ));
    }
    Ok(Some(Bundle {
        format: BUNDLE_FORMAT,
        amends: env!("CARGO_PKG_VERSION").to_owned(),
        exported_at: store.now(),
        id,
        redacted: redact,
        definition: BundledDefinition {
            reference,
            digest: stored.as_ref().map(|stored| stored.digest.clone()),
            source: stored.map(|stored| stored.source),
        },
        state,
        explanation: explained.into(),
        events: events.into_iter().map(EventView::from).collect(),
        events_are_complete,
        values,
    }))
}

/// The events up to a version, and whether those are all.
async fn events(
    engine: &Engine,
    id: SagaId,
    version: u64,
) -> Result<(Vec<Event>, bool), StoreError> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.seq);
        if after >= version {
            return Ok((events, true));
        }
        if events.len() >= EVENTS_MAX {
            return Ok((events, false));
        }
        let store = &engine.shared().store;
        let page = store.history(id, after, PAGE_ROWS_MAX).await?;
        if page.is_empty() {
            return Ok((events, false));
        }
        events.extend(page.into_iter().filter(|event| event.seq <= version));
    }
}
