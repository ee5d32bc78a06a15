//! Everything that is known of a saga, in one document.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use schemars::JsonSchema;
use serde::Deserialize;

use super::problem::Problem;
use super::router::Api;
use super::sagas::saga_id;
use crate::bundle::{Bundle, collect};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportQuery {
    /// Replace data by shapes and digests.
    redact: Option<bool>,
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
    query: Result<Query<ExportQuery>, QueryRejection>,
) -> Result<Json<Bundle>, Problem> {
    let Query(query) = query.map_err(Problem::from)?;
    let id = saga_id(&id)?;
    let redact = query.redact.unwrap_or(false);
    let bundle = collect(&api.engine, &*api.broker, id, redact).await?;
    let missing = || Problem::not_found(format!("there is no saga {id}"));
    bundle.map(Json).ok_or_else(missing)
}
