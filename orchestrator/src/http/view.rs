//! What the API shows: twins of the core's types that may change less often than those.

use std::collections::BTreeMap;

use saga_core::definition::{Definition, Step, StepKind};
use saga_core::event::{Event, EventKind, PauseCause, UnwindCause};
use saga_core::ids::StepKey;
use saga_core::saga::{Elements, Phase, Saga, Status, StepState, StepStatus};
use saga_core::time::Timestamp;
use saga_core::values::{ValueKey, Values};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::explain::Selected;
use crate::store::StoredDefinition;

/// Body of `POST /v1/sagas`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartBody {
    /// Name of the definition.
    pub definition: String,
    /// Its version; without it the highest that is no pre-release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<semver::Version>,
    /// The payload.
    pub input: Value,
    /// Business key; starting twice with it returns the same saga.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Answer to `POST /v1/sagas`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StartedView {
    /// The saga.
    pub id: String,
    /// What it runs.
    pub definition: String,
    /// In which version.
    pub version: String,
    /// It is new; otherwise it had the same business key.
    pub created: bool,
}

/// Answer to an operator's verb: it is on disk.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OperatedView {
    /// The saga.
    pub id: String,
    /// Where it stands now.
    pub status: Status,
}

/// One saga. In a listing the fields after `ended_at` are absent,
/// except `at` and `cause` where those were asked for.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SagaView {
    /// Its identity.
    pub id: String,
    /// What it runs.
    pub definition: String,
    /// In which version.
    pub version: String,
    /// State in one word.
    pub status: Status,
    /// Business key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Why it rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseCause>,
    /// Why it undoes what it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwinding: Option<UnwindCause>,
    /// Steps whose effect remains although the saga was undone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub residue: Vec<String>,
    /// Its steps, in the order of the definition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepView>,
    /// In a listing by step: the pieces of it that are begun and not done, such as `pay[3]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<String>,
    /// In a listing of those that are stuck: the first cause, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What it was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// What it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// One step of a saga.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// Its id.
    pub step: String,
    /// The worker operation, or what else it does.
    pub action: String,
    /// Where it stands.
    pub status: StepStatus,
    /// How far it is, of a step that runs once for each element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elements: Option<Elements>,
    /// The saga that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<String>,
    /// The attempt that is under way, or was the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Attempts in all; 0 means no limit.
    pub maximum_attempts: u32,
    /// The next attempt runs then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// The last error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<saga_core::input::StepError>,
    /// What it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// A page of `GET /v1/sagas`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PageView {
    /// The rows.
    pub sagas: Vec<SagaView>,
    /// Pass it as `cursor` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One event of a saga's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventView {
    /// Its place in the history.
    pub seq: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub event: EventKind,
}

/// A registered definition.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DefinitionView {
    /// Name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// Hex SHA-256 of its text.
    pub digest: String,
    /// When it was registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Timestamp>,
    /// It starts no new sagas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<RetirementView>,
}

/// Why a definition starts no new sagas.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RetirementView {
    /// Since when.
    pub at: Timestamp,
    /// Who said so.
    pub who: String,
    /// And why.
    pub reason: String,
}

/// A registered definition with its text.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DefinitionSourceView {
    /// Which.
    pub definition: DefinitionView,
    /// Its YAML, as it was registered.
    pub source: String,
}

impl SagaView {
    /// A saga in full. Without its definition, which happens only when that does not compile any
    /// more, the steps are missing.
    pub(super) fn full(saga: &Saga, definition: Option<&Definition>, values: &Values) -> Self {
        let residue = match &saga.phase {
            Phase::Compensated { residue } => residue.iter().map(ToString::to_string).collect(),
            Phase::Running
            | Phase::Compensating
            | Phase::Completed
            | Phase::CompensationFailed
            | Phase::Terminated => Vec::new(),
        };
        let steps = definition.map_or_else(Vec::new, |definition| {
            definition
                .steps
                .iter()
                .map(|step| StepView::of(saga, step, values))
                .collect()
        });
        Self {
            id: saga.id.to_string(),
            definition: saga.definition.name.to_string(),
            version: saga.definition.version.to_string(),
            status: saga.status(),
            key: saga.key.clone(),
            started_at: saga.started_at,
            ended_at: saga.ended_at,
            labels: saga.labels.clone(),
            paused: saga.pause.clone(),
            unwinding: saga.unwind.clone(),
            residue,
            steps,
            at: Vec::new(),
            cause: None,
            input: values.get(&ValueKey::Input).cloned(),
            output: values.get(&ValueKey::Result).cloned(),
        }
    }
}

impl From<Selected> for SagaView {
    fn from(selected: Selected) -> Self {
        let row = selected.saga;
        Self {
            id: row.id.to_string(),
            definition: row.definition.name.to_string(),
            version: row.definition.version.to_string(),
            status: row.status,
            key: row.key,
            started_at: row.started_at,
            ended_at: row.ended_at,
            labels: BTreeMap::new(),
            paused: None,
            unwinding: None,
            residue: Vec::new(),
            steps: Vec::new(),
            at: selected.at.iter().map(ToString::to_string).collect(),
            cause: selected.cause.map(str::to_owned),
            input: None,
            output: None,
        }
    }
}

impl StepView {
    fn of(saga: &Saga, step: &Step, values: &Values) -> Self {
        let key = StepKey::whole(step.name.clone());
        let state = saga.steps.get(&key);
        Self {
            step: step.name.to_string(),
            action: action(step.plan(state.is_some_and(|state| state.fallback)).kind),
            status: status(saga, &key),
            elements: state.and_then(|state| state.elements),
            child: child(saga, step, &key),
            attempt: state
                .map(|state| state.attempt)
                .filter(|attempt| *attempt > 0),
            maximum_attempts: step.retry.maximum_attempts,
            retry_at: state
                .and_then(|state| state.work?.retry)
                .map(|retry| retry.at),
            error: state.and_then(StepState::last_error),
            output: values.get(&ValueKey::Output(key)).cloned(),
        }
    }
}

/// Where a step stands. Of one with elements that the saga turned back from, those say it: the step
/// as a whole stays where it was.
fn status(saga: &Saga, key: &StepKey) -> StepStatus {
    let whole = saga.step_status(key);
    let forward = matches!(saga.phase, Phase::Running | Phase::Completed);
    let split = saga.elements(&key.step).is_some();
    if forward || !split || !matches!(whole, StepStatus::Scheduled | StepStatus::Succeeded) {
        return whole;
    }
    let pieces: Vec<StepStatus> = saga
        .pieces(&key.step)
        .map(|piece| saga.step_status(&piece))
        .collect();
    // What needs a person first, then what is under way, then what is over.
    let order = [
        StepStatus::CompensationFailed,
        StepStatus::OutcomeUnknown,
        StepStatus::Settling,
        StepStatus::Compensating,
        StepStatus::Succeeded,
        StepStatus::Compensated,
        StepStatus::Failed,
        StepStatus::NeverHappened,
        StepStatus::Skipped,
    ];
    let found = order.into_iter().find(|status| pieces.contains(status));
    found.unwrap_or(whole)
}

/// The saga that a step runs, once it was asked to start.
fn child(saga: &Saga, step: &Step, key: &StepKey) -> Option<String> {
    let state = saga.steps.get(key)?;
    let runs = matches!(step.kind, StepKind::Saga(_)) && state.elements.is_none();
    (runs && state.attempt > 0).then(|| saga.id.child(key, state.round).to_string())
}

/// What a step does, in a word or two.
fn action(kind: &StepKind) -> String {
    match kind {
        StepKind::Action(call) => call.action.to_string(),
        StepKind::Wait(wait) => format!("wait for {}", wait.signal),
        StepKind::Sleep(_) => "sleep".to_owned(),
        StepKind::Saga(child) => format!("saga {}", child.name),
    }
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            seq: event.seq,
            at: event.at,
            event: event.kind,
        }
    }
}

impl From<StoredDefinition> for DefinitionView {
    fn from(stored: StoredDefinition) -> Self {
        Self {
            name: stored.reference.name.to_string(),
            version: stored.reference.version.to_string(),
            digest: stored.digest,
            registered_at: Some(stored.registered_at),
            retired: stored.retired.map(|retired| RetirementView {
                at: retired.at,
                who: retired.by.who,
                reason: retired.by.reason,
            }),
        }
    }
}
