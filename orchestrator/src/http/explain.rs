//! Why a saga does not move.

use axum::Json;
use axum::extract::{Path, State};
use saga_core::explain::{Cause, is_stuck, over};
use saga_core::ids::SagaId;
use saga_core::saga::Status;
use saga_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::router::Api;
use super::sagas::saga_id;
use crate::explain::{Explained, explain};

/// Answer to `GET /v1/sagas/{id}/explain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExplanationView {
    /// The saga.
    pub id: String,
    /// What it runs.
    pub definition: String,
    /// In which version.
    pub version: String,
    /// Where it stands.
    pub status: Status,
    /// When this was looked at.
    pub at: Timestamp,
    /// How it ended; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// Why it is not further; absent when it is over, or moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseView>,
    /// What else it waits for.
    pub others: Vec<CauseView>,
    /// What could not be seen, and why.
    pub unknown: Vec<String>,
}

/// One cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CauseView {
    /// The cause in one word.
    pub cause: String,
    /// The step, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// In a sentence.
    pub says: String,
    /// It stands still until somebody does something.
    pub needs_operator: bool,
    /// Somebody should look: it needs an operator, or takes longer than it should.
    pub stuck: bool,
    /// The command that would mend it; absent where waiting does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// Everything that is known of it.
    pub evidence: Cause,
}

impl From<Explained> for ExplanationView {
    fn from(explained: Explained) -> Self {
        let Explained {
            at,
            saga,
            causes,
            unknown,
        } = explained;
        let mut causes = causes.into_iter().map(|cause| view(cause, saga.id, at));
        Self {
            id: saga.id.to_string(),
            definition: saga.definition.name.to_string(),
            version: saga.definition.version.to_string(),
            status: saga.status(),
            at,
            over: over(&saga),
            cause: causes.next(),
            others: causes.collect(),
            unknown,
        }
    }
}

fn view(cause: Cause, saga: SagaId, now: Timestamp) -> CauseView {
    CauseView {
        cause: cause.as_str().to_owned(),
        step: cause.step().map(ToString::to_string),
        says: cause.to_string(),
        needs_operator: cause.needs_operator(),
        stuck: is_stuck(&cause, now),
        mend: cause.mend(saga),
        evidence: cause,
    }
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<ExplanationView>, Problem> {
    let id = saga_id(&id)?;
    let explained = explain(&api.engine, &*api.broker, id).await?;
    let missing = || Problem::not_found(format!("there is no saga {id}"));
    explained.map(|it| Json(it.into())).ok_or_else(missing)
}
