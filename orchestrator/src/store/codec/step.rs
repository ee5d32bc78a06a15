//! What is stored of the steps of a saga, inside its state.

use std::collections::BTreeMap;
use std::fmt;

use saga_core::ids::StepKey;
use saga_core::input::StepError;
use saga_core::saga::{Elements, Retry, Saga, StepState, StepStatus, Work};
use saga_core::time::Timestamp;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The steps of a state, an object in JSON. They are only walked through on the way to and from the
/// saga's own map, so there is no second one in between.
#[derive(Default)]
pub(super) struct Listed(Vec<(StepKey, Step)>);

impl Listed {
    pub(super) fn of(saga: &Saga) -> Self {
        let steps = saga.steps.listed().iter();
        let stored = steps.map(|(key, state)| (key.clone(), encode(saga.started_at, state)));
        Self(stored.collect())
    }

    pub(super) fn into_states(self, started_at: Timestamp) -> BTreeMap<StepKey, StepState> {
        let stored = self.0.into_iter();
        stored
            .map(|(key, step)| (key, decode(started_at, step)))
            .collect()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, step)| (key, step)))
    }
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Listed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what became of each step")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut entries: M) -> Result<Listed, M::Error> {
        let mut listed = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            listed.push(entry);
        }
        Ok(Listed(listed))
    }
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
    error: Option<Box<StepError>>,
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

fn encode(started_at: Timestamp, state: &StepState) -> Step {
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
            since: micros_after(started_at, work.since),
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

fn decode(started_at: Timestamp, step: Step) -> StepState {
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
