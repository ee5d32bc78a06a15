//! What cancelling a saga, or a failure of a step, would undo.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use saga_core::ids::StepKey;
use saga_core::plan::{Outlook, PlanError, plan};
use saga_core::saga::Status;
use saga_core::values::Values;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::problem_kind::Kind;
use super::router::Api;
use super::sagas::{find, saga_id};

/// Answer to `GET /v1/sagas/{id}/plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanView {
    /// The saga.
    pub id: String,
    /// What it runs.
    pub definition: String,
    /// In which version.
    pub version: String,
    /// Where it stands.
    pub status: Status,
    /// What would follow.
    pub plan: Outlook,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanQuery {
    /// Say what follows when this step fails, in place of a cancellation.
    if_failed_at: Option<String>,
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
    query: Result<Query<PlanQuery>, QueryRejection>,
) -> Result<Json<PlanView>, Problem> {
    let Query(query) = query.map_err(Problem::from)?;
    let step = query.if_failed_at.as_deref().map(StepKey::parse);
    let saga = find(&api, saga_id(&id)?).await?;
    let shared = api.engine.shared();
    let definition = shared.catalog.get(&saga.definition).await?;
    let mut values = Values::default();
    for (key, value) in shared.store.values(saga.id).await? {
        values.insert(key, value);
    }
    let now = shared.store.now();
    // A saga with thousands of elements takes a while to think through.
    let thought = tokio::task::spawn_blocking(move || {
        let outlook = plan(&definition, &saga, &values, step.as_ref(), now)?;
        Ok::<_, PlanError>(PlanView {
            id: saga.id.to_string(),
            definition: saga.definition.name.to_string(),
            version: saga.definition.version.to_string(),
            status: saga.status(),
            plan: outlook,
        })
    });
    match thought.await {
        Ok(Ok(view)) => Ok(Json(view)),
        Ok(Err(error)) => Err(Problem::from(error)),
        Err(_) => Err(Problem::new(
            Kind::Internal,
            "the saga could not be thought through",
        )),
    }
}
