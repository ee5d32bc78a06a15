//! What another version says differently, and which running sagas could move to it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use saga_core::definition::{Change, Definition, Position, compare, movable};
use saga_core::ids::SagaId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::Text;
use super::definitions::{compiled, reference};
use super::problem::Problem;
use super::router::Api;

/// Running sagas that are looked at, the newest first.
const SAGAS_MAX: u32 = 10_000;

/// Sagas that are in memory at once.
const LOADED_AT_ONCE: usize = 500;

/// Positions that are told apart; sagas at others are only counted.
const POSITIONS_MAX: usize = 200;

/// What differs between two versions.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DiffView {
    /// What runs now, as name and version.
    pub from: String,
    /// What it is compared with.
    pub to: String,
    /// Every difference.
    pub changes: Vec<ChangeView>,
    /// Where the running sagas are.
    pub positions: Vec<PositionView>,
    /// How many running sagas were looked at.
    pub sagas: u32,
    /// There are more running sagas, older ones, or more positions.
    pub truncated: bool,
}

/// One difference.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ChangeView {
    /// The step; absent for the saga as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Which field.
    pub field: String,
    /// As it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// As it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Sagas that stand in the same place.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PositionView {
    /// Where, in words.
    pub position: String,
    /// How many of them.
    pub sagas: u32,
    /// One of them.
    pub example: String,
    /// Whether they could move. Their inputs are checked when they do.
    pub movable: bool,
    /// What stands against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<String>,
}

/// Takes the other version as YAML, so that it need not be registered to be compared.
pub(super) async fn differ(
    State(api): State<Api>,
    Path((name, version)): Path<(String, String)>,
    Text(source): Text,
) -> Result<Json<DiffView>, Problem> {
    let to = compiled(&source)?;
    let reference = reference(&name, &version)?;
    let from = api.engine.shared().catalog.get(&reference).await?;
    let changes = compare(&from, &to).into_iter().map(ChangeView::from);
    let changes = changes.collect();
    let Counted {
        positions,
        sagas,
        truncated,
    } = count(&api, &from, &to).await?;
    Ok(Json(DiffView {
        from: from.reference.to_string(),
        to: to.reference.to_string(),
        changes,
        positions,
        sagas,
        truncated,
    }))
}

struct Counted {
    positions: Vec<PositionView>,
    sagas: u32,
    truncated: bool,
}

async fn count(api: &Api, from: &Definition, to: &Definition) -> Result<Counted, Problem> {
    let store = &api.engine.shared().store;
    let ids = store.open_sagas(&from.reference, SAGAS_MAX + 1).await?;
    let most = usize::try_from(SAGAS_MAX).unwrap_or(usize::MAX);
    let mut truncated = ids.len() > most;
    let mut positions: BTreeMap<Position, PositionView> = BTreeMap::new();
    let mut looked_at: u32 = 0;
    let ids: Vec<SagaId> = ids.into_iter().take(most).collect();
    for some in ids.chunks(LOADED_AT_ONCE) {
        for saga in store.load(some).await?.0 {
            // It may have ended or moved since it was found.
            if saga.definition != from.reference || saga.ended_at.is_some() {
                continue;
            }
            looked_at += 1;
            let position = Position::of(&saga);
            if let Some(known) = positions.get_mut(&position) {
                known.sagas += 1;
                continue;
            }
            if positions.len() >= POSITIONS_MAX {
                truncated = true;
                continue;
            }
            let obstacles = movable(from, to, &saga, None).err().unwrap_or_default();
            let view = PositionView {
                position: position.to_string(),
                sagas: 1,
                example: saga.id.to_string(),
                movable: obstacles.is_empty(),
                obstacles: obstacles.iter().map(ToString::to_string).collect(),
            };
            positions.insert(position, view);
        }
    }
    let mut positions: Vec<PositionView> = positions.into_values().collect();
    positions.sort_by_key(|position| std::cmp::Reverse(position.sagas));
    Ok(Counted {
        positions,
        sagas: looked_at,
        truncated,
    })
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> Self {
        Self {
            step: change.step.map(|step| step.to_string()),
            field: change.field,
            before: change.before,
            after: change.after,
        }
    }
}
