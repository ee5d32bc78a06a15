//! The control state of a saga and the row that holds it.
//!
//! The control state is rewritten at each transition, so it is short: a step that succeeded at its
//! first attempt is `{}`, one that is pending is absent, and points in time are microseconds. What
//! has a column of its own is not in it.

use std::collections::BTreeMap;

use saga_core::definition::DefinitionRef;
use saga_core::event::{PauseCause, UnwindCause};
use saga_core::ids::{SagaId, StepName};
use saga_core::saga::{ParentState, Phase, Runs, Saga, SignalState, Steps};
use saga_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::DecodeError;
use super::step::Listed;

/// The newest format that is known, and written where it says more than the first: whoever knows the
/// first only would take elements that are done for untouched ones, and do them again.
const STATE_FORMAT: u16 = 2;

/// The format without [`State::done`]; all else is the same.
const WITHOUT_DONE: u16 = 1;

/// A row of `sagas`, apart from what is only there to be searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SagaRow<'a> {
    /// Its identity.
    pub id: SagaId,
    /// Sequence number of the last event.
    pub version: u64,
    /// The definition's name.
    pub definition: &'a str,
    /// The definition's version.
    pub definition_version: &'a str,
    /// Business key.
    pub key: Option<&'a str>,
    /// Labels as a JSON object.
    pub labels: &'a str,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The rest, from [`encode_state`].
    pub state: &'a str,
}

#[derive(Serialize, Deserialize)]
struct State {
    v: u16,
    phase: Phase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause: Option<PauseCause>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paused: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unwind: Option<UnwindCause>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<i64>,
    ends: i64,
    #[serde(default, skip_serializing_if = "Listed::is_empty")]
    steps: Listed,
    /// Elements that succeeded at their first attempt, by their step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    done: BTreeMap<StepName, Runs>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    signals: Vec<SignalState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<ParentState>,
}

/// Only the format's number, so that a newer one is recognised whatever else it holds.
#[derive(Deserialize)]
struct Format {
    v: u16,
}

/// The text of `sagas.state`.
pub fn encode_state(saga: &Saga) -> Result<String, serde_json::Error> {
    serde_json::to_string(&State {
        v: if saga.steps.done().is_empty() {
            WITHOUT_DONE
        } else {
            STATE_FORMAT
        },
        phase: saga.phase.clone(),
        pause: saga.pause.clone(),
        paused: saga.paused_at.map(Timestamp::as_micros),
        unwind: saga.unwind.clone(),
        deadline: saga.deadline.map(Timestamp::as_micros),
        ends: saga.lifetime_ends.as_micros(),
        steps: Listed::of(saga),
        done: saga.steps.done().clone(),
        signals: saga.signals.clone(),
        parent: saga.parent.clone(),
    })
}

/// The saga that a row holds.
pub fn decode_saga(row: &SagaRow<'_>) -> Result<Saga, DecodeError> {
    let state = read_state(row.state)?;
    let listed = state.steps.into_states(row.started_at);
    Ok(Saga {
        id: row.id,
        definition: decode_reference(row.definition, row.definition_version)?,
        version: row.version,
        phase: state.phase,
        pause: state.pause,
        paused_at: state.paused.map(Timestamp::from_micros),
        unwind: state.unwind,
        key: row.key.map(str::to_owned),
        labels: serde_json::from_str(row.labels).map_err(DecodeError::Malformed)?,
        started_at: row.started_at,
        deadline: state.deadline.map(Timestamp::from_micros),
        lifetime_ends: Timestamp::from_micros(state.ends),
        ended_at: row.ended_at,
        steps: Steps::from((listed, state.done)),
        signals: state.signals,
        parent: state.parent,
    })
}

fn read_state(text: &str) -> Result<State, DecodeError> {
    let read = serde_json::from_str::<State>(text);
    // What is malformed may be of a newer format, and only then is it looked at twice.
    let found = match &read {
        Ok(state) => state.v,
        Err(_) => serde_json::from_str(text).map_or(0, |Format { v }| v),
    };
    if found > STATE_FORMAT {
        let known = STATE_FORMAT;
        return Err(DecodeError::Newer { found, known });
    }
    read.map_err(DecodeError::Malformed)
}

/// The name and version in two columns.
pub(in crate::store) fn decode_reference(
    name: &str,
    version: &str,
) -> Result<DefinitionRef, DecodeError> {
    let version = version.parse().map_err(DecodeError::Version)?;
    Ok(DefinitionRef {
        name: name.into(),
        version,
    })
}
