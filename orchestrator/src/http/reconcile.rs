//! Looking for commands that nobody has.

use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use saga_core::time::parse_span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::Sent;
use super::problem::Problem;
use super::router::Api;
use super::witness::Summary;
use crate::reconcile::{Reconciled, SILENT_FOR, reconcile};

/// Body of `POST /v1/reconcile`; may be empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconcileBody {
    /// Only commands of which nobody has said anything for this long, such as `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than: Option<String>,
    /// Only say what is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// A pass over every open saga.
pub(super) async fn run(
    State(api): State<Api>,
    body: Option<Sent<ReconcileBody>>,
) -> Result<(Extension<Summary>, Json<Reconciled>), Problem> {
    let body = body.map_or_else(ReconcileBody::default, |Sent(body)| body);
    let silent_for = older_than(body.older_than.as_deref())?;
    let found = reconcile(&api.engine, &*api.broker, silent_for, body.dry_run).await?;
    let summary = match &found.skipped {
        Some(why) => format!("nothing was looked at: {why}"),
        None => format!("{} commands were sent again", found.missing.len()),
    };
    Ok((Extension(Summary(summary.into())), Json(found)))
}

fn older_than(text: Option<&str>) -> Result<Duration, Problem> {
    let Some(text) = text else {
        return Ok(SILENT_FOR);
    };
    parse_span(text)
        .map_err(|error| Problem::bad_request(format!("`older_than` is no span: {error}")))
}
