//! The control state of a saga and the row that holds it.
//!
//! The control state is rewritten at each transition, so it is short: a step that succeeded at its
//! first attempt is `{}`, one that is pending is absent, and points in time are microseconds. What
//! has a column of its own is not in it.

use std::collections::BTreeMap;

use saga_core::definition::DefinitionRef;
use saga_core::event::{PauseCause, UnwindCause};
use saga_core::ids::{SagaId, StepKey, StepName};
use saga_core::input::StepError;
use saga_core::saga::{
    Elements, ParentState, Phase, Retry, Runs, Saga, SignalState, StepState, StepStatus, Steps,
    Work,
};
use saga_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::DecodeError;

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
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    steps: BTreeMap<StepKey, Step>,
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

/// What is usual is left out.
#[derive(Serialize, Deserialize)]
struct Step {
    #[serde(
        rename = "is",
        default = "succeeded",
        skip_serializing_if = "is_succeeded"
    )]
    status: StepStatus,
    #[serde(rename = "try", default = "one", skip_serializing_if = "is_one")]
    attempt: u32,
    #[serde(rename = "round", default, skip_serializing_if = "is_zero")]
    round: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    undo_round: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    undo_refused: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    substituted: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    fallback: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    residue: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    elements: Option<Elements>,
    #[serde(default, skip_serializing_if = "is_zero")]
    alarmed: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<StepError>,
    #[serde(default, skip_serializing_if = "is_zero")]
    late: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    work: Option<UnderWay>,
}

/// Each time is microseconds after the one before it.
#[derive(Serialize, Deserialize)]
struct UnderWay {
    #[serde(rename = "cmd")]
    command: u64,
    /// After the saga's start.
    since: i64,
    /// After `since`.
    #[serde(default, skip_serializing_if = "is_zero_span")]
    sent: i64,
    /// After `sent`, and whether that command is sent already.
    #[serde(rename = "next", default, skip_serializing_if = "Option::is_none")]
    retry: Option<(i64, bool)>,
    #[serde(default, skip_serializing_if = "is_false")]
    probed: bool,
    /// After `sent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<i64>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    first: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    spent: bool,
}

/// The text of `sagas.state`.
pub fn encode_state(saga: &Saga) -> Result<String, serde_json::Error> {
    let steps = saga
        .steps
        .listed()
        .iter()
        .map(|(key, state)| (key.clone(), encode_step(saga, state)));
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
        steps: steps.collect(),
        done: saga.steps.done().clone(),
        signals: saga.signals.clone(),
        parent: saga.parent.clone(),
    })
}

/// The saga that a row holds.
pub fn decode_saga(row: &SagaRow<'_>) -> Result<Saga, DecodeError> {
    let state = read_state(row.state)?;
    let steps = state.steps.into_iter();
    let listed = steps.map(|(key, step)| (key, decode_step(row.started_at, step)));
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
        steps: Steps::from((listed.collect(), state.done)),
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

fn encode_step(saga: &Saga, state: &StepState) -> Step {
    Step {
        status: state.status,
        attempt: state.attempt,
        round: state.round,
        undo_round: state.undo_round,
        undo_refused: state.undo_refused,
        substituted: state.substituted,
        fallback: state.fallback,
        residue: state.residue,
        elements: state.elements,
        alarmed: state.alarmed,
        error: state.error.clone(),
        late: state.late,
        work: state.work.map(|work| UnderWay {
            command: work.command,
            since: micros_after(saga.started_at, work.since),
            sent: micros_after(work.since, work.sent_at),
            retry: work
                .retry
                .map(|retry| (micros_after(work.sent_at, retry.at), retry.sent)),
            probed: work.probed,
            started: work.started.map(|at| micros_after(work.sent_at, at)),
            first: work.first,
            spent: work.spent,
        }),
    }
}

fn decode_step(started_at: Timestamp, step: Step) -> StepState {
    StepState {
        status: step.status,
        attempt: step.attempt,
        round: step.round,
        undo_round: step.undo_round,
        undo_refused: step.undo_refused,
        substituted: step.substituted,
        fallback: step.fallback,
        residue: step.residue,
        elements: step.elements,
        alarmed: step.alarmed,
        error: step.error,
        late: step.late,
        work: step.work.map(|work| {
            let since = plus_micros(started_at, work.since);
            let sent_at = plus_micros(since, work.sent);
            let retry = work.retry.map(|(after, sent)| Retry {
                at: plus_micros(sent_at, after),
                sent,
            });
            Work {
                command: work.command,
                since,
                sent_at,
                retry,
                probed: work.probed,
                started: work.started.map(|after| plus_micros(sent_at, after)),
                first: work.first,
                spent: work.spent,
            }
        }),
    }
}

/// The difference, wrapping, so that [`plus_micros`] gives back every point in time.
const fn micros_after(start: Timestamp, at: Timestamp) -> i64 {
    at.as_micros().wrapping_sub(start.as_micros())
}

const fn plus_micros(start: Timestamp, after: i64) -> Timestamp {
    Timestamp::from_micros(start.as_micros().wrapping_add(after))
}

const fn succeeded() -> StepStatus {
    StepStatus::Succeeded
}

const fn one() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "skip_serializing_if passes a reference"
)]
const fn is_succeeded(status: &StepStatus) -> bool {
    matches!(status, StepStatus::Succeeded)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "skip_serializing_if passes a reference"
)]
const fn is_one(attempt: &u32) -> bool {
    *attempt == 1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "skip_serializing_if passes a reference"
)]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "skip_serializing_if passes a reference"
)]
const fn is_zero_span(micros: &i64) -> bool {
    *micros == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "skip_serializing_if passes a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
