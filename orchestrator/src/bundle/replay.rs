//! Folds the history of a bundle again and compares what comes out with the state in it.

use std::collections::BTreeMap;

use saga_core::event::Event;
use saga_core::evolve::evolve;
use saga_core::ids::StepKey;
use saga_core::saga::{Saga, Status, StepStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{BUNDLE_FORMAT, Bundle};
use crate::http::EventView;
use crate::store::{Snapshot, snapshot};

/// A history that was folded again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Each event with what it changed.
    pub events: Vec<ReplayedEvent>,
    /// Where the state that comes out differs from the one that is stored; empty when they are
    /// equal, as they must be.
    pub differences: Vec<Difference>,
}

/// One event, and the saga after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayedEvent {
    /// What happened.
    pub event: EventView,
    /// Where the saga stands then.
    pub status: Status,
    /// The pieces of work that stand elsewhere than before.
    pub moved: BTreeMap<String, StepStatus>,
}

/// One place where two states differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// JSON Pointer into the state.
    pub pointer: String,
    /// By the history.
    pub replayed: Value,
    /// By the row.
    pub stored: Value,
}

/// Why a bundle cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It is of another format.
    #[error("the bundle is of format {0}; this amends reads format {BUNDLE_FORMAT}")]
    Format(u16),
    /// Not all events are there.
    #[error("the bundle has {0} events and not all there are; replaying them proves nothing")]
    Incomplete(usize),
    /// The events do not follow one after the other.
    #[error("event {found} stands where event {wanted} should; the history has a gap")]
    Gap {
        /// What should come.
        wanted: u64,
        /// What comes.
        found: u64,
    },
    /// There is no history.
    #[error("the bundle has no events")]
    Empty,
    /// A bug.
    #[error("write a state down")]
    Encode(#[source] serde_json::Error),
}

/// Folds the history and compares.
///
/// # Errors
/// What keeps the history from being folded.
pub fn replay(bundle: &Bundle) -> Result<Replay, ReplayError> {
    if bundle.format != BUNDLE_FORMAT {
        return Err(ReplayError::Format(bundle.format));
    }
    if bundle.events.is_empty() {
        return Err(ReplayError::Empty);
    }
    if !bundle.events_are_complete {
        return Err(ReplayError::Incomplete(bundle.events.len()));
    }
    let mut saga = Saga::new(bundle.id, bundle.definition.reference.clone());
    let mut events = Vec::with_capacity(bundle.events.len());
    let mut statuses: BTreeMap<StepKey, StepStatus> = BTreeMap::new();
    for (wanted, view) in (1..).zip(&bundle.events) {
        if view.seq != wanted {
            return Err(ReplayError::Gap {
                wanted,
                found: view.seq,
            });
        }
        let event = Event {
            seq: view.seq,
            at: view.at,
            kind: view.event.clone(),
        };
        evolve(&mut saga, &event);
        events.push(ReplayedEvent {
            event: view.clone(),
            status: saga.status(),
            moved: moved(&mut statuses, &saga),
        });
    }
    let replayed = snapshot(&saga).map_err(ReplayError::Encode)?;
    let differences = compare(&replayed, &bundle.state).map_err(ReplayError::Encode)?;
    Ok(Replay {
        events,
        differences,
    })
}

fn moved(before: &mut BTreeMap<StepKey, StepStatus>, saga: &Saga) -> BTreeMap<String, StepStatus> {
    let mut moved = BTreeMap::new();
    for (key, state) in saga.steps.iter() {
        if before.get(&key) != Some(&state.status) {
            moved.insert(key.to_string(), state.status);
            before.insert(key, state.status);
        }
    }
    moved
}

fn compare(replayed: &Snapshot, stored: &Snapshot) -> Result<Vec<Difference>, serde_json::Error> {
    let mut found = Vec::new();
    let (replayed, stored) = (
        serde_json::to_value(replayed)?,
        serde_json::to_value(stored)?,
    );
    differ(String::new(), &replayed, &stored, &mut found);
    Ok(found)
}

fn differ(pointer: String, replayed: &Value, stored: &Value, found: &mut Vec<Difference>) {
    if let (Value::Object(a), Value::Object(b)) = (replayed, stored) {
        let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (a, b) = (a.get(name), b.get(name));
            let (a, b) = (a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null));
            let name = name.replace('~', "~0").replace('/', "~1");
            differ(format!("{pointer}/{name}"), a, b, found);
        }
    } else if replayed != stored {
        found.push(Difference {
            pointer,
            replayed: replayed.clone(),
            stored: stored.clone(),
        });
    }
}
