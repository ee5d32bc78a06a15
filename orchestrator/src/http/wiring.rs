//! Exchanges and queues: what there should be, what there is, and who serves it.

use axum::Json;
use axum::extract::State;
use broker::inspection::{Condition, ItemKind};
use saga_core::definition::DefinitionRef;
use saga_core::ids::Op;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::{NothingToSay, Sent};
use super::problem::Problem;
use super::router::Api;
use crate::wiring::{self, Wire, Wiring, WiringError};

/// What there should be on the broker, and what there is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TopologyView {
    /// Everything is there as it should be.
    pub clean: bool,
    /// Why nothing of the broker can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blind: Option<String>,
    /// Every exchange and queue that is needed.
    pub items: Vec<TopologyItemView>,
    /// Definitions that do not compile with this release; what they need is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken_definitions: Vec<BrokenDefinitionView>,
}

/// A definition that does not compile.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BrokenDefinitionView {
    /// Name and version.
    pub definition: String,
    /// What is wrong with it.
    pub problems: String,
}

/// One exchange or queue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TopologyItemView {
    /// `exchange` or `queue`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub condition: ConditionView,
    /// What the broker said about what differs, or why it cannot be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Messages that wait in a queue; absent where that cannot be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u32>,
    /// Consumers of a queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumers: Option<u32>,
    /// The operation whose commands a queue holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What of that operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<Op>,
    /// The workers that serve it and are alive, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<String>,
}

/// Whether something is there as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConditionView {
    /// It is.
    Ok,
    /// It is not there; `amends topology apply` declares it.
    Missing,
    /// It is there with other arguments; drain and delete it, then apply.
    Different,
    /// That cannot be seen.
    Unknown,
}

impl ConditionView {
    /// The word in the API and the tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Different => "different",
            Self::Unknown => "unknown",
        }
    }
}

pub(super) async fn topology(State(api): State<Api>) -> Result<Json<TopologyView>, Problem> {
    Ok(Json(TopologyView::of(look(&api).await?)))
}

pub(super) async fn apply(
    State(api): State<Api>,
    _: Option<Sent<NothingToSay>>,
) -> Result<Json<TopologyView>, Problem> {
    let shared = api.engine.shared();
    wiring::apply(&shared.catalog, &*api.broker, &shared.topology).await?;
    Ok(Json(TopologyView::of(look(&api).await?)))
}

pub(super) async fn queues(State(api): State<Api>) -> Result<Json<Vec<TopologyItemView>>, Problem> {
    let wires = look(&api).await?.wires.into_iter();
    let queues = wires.filter(|wire| wire.kind == ItemKind::Queue);
    Ok(Json(queues.map(TopologyItemView::of).collect()))
}

async fn look(api: &Api) -> Result<Wiring, WiringError> {
    let shared = api.engine.shared();
    wiring::inspect(
        &shared.catalog,
        &shared.store,
        &*api.broker,
        &shared.topology,
    )
    .await
}

impl TopologyView {
    fn of(wiring: Wiring) -> Self {
        let broken = |(reference, problems): (DefinitionRef, String)| BrokenDefinitionView {
            definition: reference.to_string(),
            problems,
        };
        Self {
            clean: wiring.is_clean(),
            blind: wiring.blind,
            items: wiring.wires.into_iter().map(TopologyItemView::of).collect(),
            broken_definitions: wiring.broken.into_iter().map(broken).collect(),
        }
    }
}

impl TopologyItemView {
    fn of(wire: Wire) -> Self {
        let (condition, detail) = match wire.condition {
            Condition::Fine => (ConditionView::Ok, None),
            Condition::Missing => (ConditionView::Missing, None),
            Condition::Different(said) => (ConditionView::Different, Some(said)),
            Condition::Unknown(why) => (ConditionView::Unknown, Some(why)),
        };
        let (operation, op) = wire.serves.unzip();
        Self {
            kind: wire.kind.as_str().to_owned(),
            name: wire.name,
            condition,
            detail,
            messages: wire.depth.map(|depth| depth.messages),
            consumers: wire.depth.map(|depth| depth.consumers),
            operation: operation.map(|action| action.to_string()),
            op,
            workers: wire.workers,
        }
    }
}
