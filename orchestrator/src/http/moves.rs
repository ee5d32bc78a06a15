//! Moving a saga to another version of its definition.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use saga_core::definition::{Definition, movable};
use saga_core::operator::{By, Operator, Verb};
use saga_core::refusal::Refused;
use saga_core::saga::{Saga, Status};
use saga_core::values::ValueKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::Sent;
use super::definitions::reference;
use super::operators::signed;
use super::problem::Problem;
use super::router::Api;
use super::sagas::{find, saga_id};
use crate::auth::Caller;
use crate::engine::OperateError;

/// Body of `POST /v1/sagas/{saga}/move`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveBody {
    /// The version to go on with.
    pub to: String,
    /// Why, for those who read the history.
    pub reason: String,
    /// Who asks; where callers are known, for whom they ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Say only whether it could move.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// A saga that moved, or could.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MovedView {
    /// The saga.
    pub id: String,
    /// Where it stands now.
    pub status: Status,
    /// What it runs now.
    pub definition: String,
    /// In which version.
    pub version: String,
    /// It could have moved, to the version that was asked for, and did not.
    pub dry_run: bool,
}

pub(super) async fn move_one(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Sent(body): Sent<MoveBody>,
) -> Result<Json<MovedView>, Problem> {
    let by = signed(&caller, &body.reason, body.who.as_deref())?;
    let id = saga_id(&id)?;
    let saga = find(&api, id).await?;
    let to = version(&api, &saga.definition.name, &body.to).await?;
    if body.dry_run {
        could_move(&api, &saga, &to).await?;
    } else {
        let By { who, reason } = by;
        let verb = Verb::Move { to };
        api.engine
            .operate(id, Operator { who, reason, verb })
            .await?;
    }
    let saga = find(&api, id).await?;
    Ok(Json(MovedView {
        id: saga.id.to_string(),
        status: saga.status(),
        definition: saga.definition.name.to_string(),
        version: saga.definition.version.to_string(),
        dry_run: body.dry_run,
    }))
}

/// The version that sagas are to go on with. A retired one takes no sagas on, in no way.
async fn version(api: &Api, name: &str, version: &str) -> Result<Arc<Definition>, Problem> {
    let to = reference(name, version)?;
    let catalog = &api.engine.shared().catalog;
    Ok(catalog.resolve(name, Some(&to.version)).await?)
}

/// Whether a saga could move as it is stored now.
async fn could_move(api: &Api, saga: &Saga, to: &Definition) -> Result<(), Problem> {
    if saga.phase.is_closed() {
        return Err(OperateError::from(Refused::Closed(saga.status())).into());
    }
    let shared = api.engine.shared();
    let values = shared
        .store
        .load_values(&[(saga.id, ValueKey::Input)])
        .await?;
    let from = shared.catalog.get(&saga.definition).await?;
    let input = values.first().map(|(_, _, value)| &**value);
    movable(&from, to, saga, input).map_err(|obstacles| {
        let to = to.reference.clone();
        OperateError::from(Refused::CannotMove { to, obstacles }).into()
    })
}
