//! What somebody outside tells a saga.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use saga_core::compiler::SIGNAL_NAME_BYTES_MAX;
use saga_core::input::{SIGNAL_ID_BYTES_MAX, Signal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::body::Sent;
use super::problem::Problem;
use super::router::Api;
use super::sagas::{find, saga_id};
use super::view::OperatedView;

/// Body of `POST /v1/sagas/{id}/signal`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalBody {
    /// What a step waits for.
    pub name: String,
    /// The sender's id for it: sent twice, it counts once. Without one, each time counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it says.
    #[serde(default)]
    pub payload: Value,
}

pub(super) async fn signal(
    State(api): State<Api>,
    Path(id): Path<String>,
    Sent(body): Sent<SignalBody>,
) -> Result<Json<OperatedView>, Problem> {
    let saga = saga_id(&id)?;
    let id = body.id.unwrap_or_else(|| Uuid::now_v7().to_string());
    let limits = [
        ("id", &id, SIGNAL_ID_BYTES_MAX),
        ("name", &body.name, SIGNAL_NAME_BYTES_MAX),
    ];
    for (field, text, limit) in limits {
        if text.is_empty() || text.len() > limit || text.contains('\0') {
            let detail = format!("`{field}` has 1 to {limit} bytes and no U+0000");
            return Err(Problem::bad_request(detail));
        }
    }
    let signal = Signal {
        id,
        name: body.name.into(),
        payload: Arc::new(body.payload),
    };
    api.engine.signal(saga, signal).await?;
    let saga = find(&api, saga).await?;
    Ok(Json(OperatedView {
        id: saga.id.to_string(),
        status: saga.status(),
    }))
}
