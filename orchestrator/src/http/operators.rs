//! What operators ask of a saga.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use saga_core::ids::StepKey;
use saga_core::operator::{By, Operator, Resolution, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::body::Sent;
use super::problem::Problem;
use super::router::Api;
use super::sagas::{find, saga_id};
use super::view::OperatedView;
use crate::auth::Caller;

/// Longest reason, in bytes.
const REASON_BYTES_MAX: usize = 1000;

/// Longest name of an operator, in bytes.
const WHO_BYTES_MAX: usize = 200;

/// Body of every operator verb.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperateBody {
    /// Why, for those who read the history.
    pub reason: String,
    /// Who asks; where callers are known, for whom they ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// For `skip`: what the step's dependents read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// For `resolve`: it happened and answered this, which may be null.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub happened: Option<Value>,
    /// For `resolve`: it never happened and will not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never: bool,
}

/// A null that is there is a value.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

type Answer = Result<Json<OperatedView>, Problem>;

pub(super) async fn cancel(
    api: State<Api>,
    caller: Caller,
    id: Path<String>,
    Sent(body): Sent<OperateBody>,
) -> Answer {
    on_saga(&api, &caller, &id, &body, Verb::Cancel).await
}

pub(super) async fn pause(
    api: State<Api>,
    caller: Caller,
    id: Path<String>,
    Sent(body): Sent<OperateBody>,
) -> Answer {
    on_saga(&api, &caller, &id, &body, Verb::Pause).await
}

pub(super) async fn resume(
    api: State<Api>,
    caller: Caller,
    id: Path<String>,
    Sent(body): Sent<OperateBody>,
) -> Answer {
    on_saga(&api, &caller, &id, &body, Verb::Resume).await
}

pub(super) async fn terminate(
    api: State<Api>,
    caller: Caller,
    id: Path<String>,
    Sent(body): Sent<OperateBody>,
) -> Answer {
    on_saga(&api, &caller, &id, &body, Verb::Terminate).await
}

pub(super) async fn retry(
    State(api): State<Api>,
    caller: Caller,
    Path((id, step)): Path<(String, String)>,
    Sent(body): Sent<OperateBody>,
) -> Answer {
    let by = body.signed(&caller)?;
    let step = StepKey::parse(&step);
    operate(&api, &id, by, Verb::Retry { step }).await
}

pub(super) async fn skip(
    State(api): State<Api>,
    caller: Caller,
    Path((id, step)): Path<(String, String)>,
    Sent(body): Sent<OperateBody>,
) -> Answer {
    let by = body.signed(&caller)?;
    let step = StepKey::parse(&step);
    let output = Arc::new(body.output.unwrap_or(Value::Null));
    operate(&api, &id, by, Verb::Skip { step, output }).await
}

pub(super) async fn resolve(
    State(api): State<Api>,
    caller: Caller,
    Path((id, step)): Path<(String, String)>,
    Sent(body): Sent<OperateBody>,
) -> Answer {
    let by = body.signed(&caller)?;
    let step = StepKey::parse(&step);
    let resolution = match (body.happened, body.never) {
        (Some(output), false) => Resolution::Happened(Arc::new(output)),
        (None, true) => Resolution::Never,
        (Some(_), true) | (None, false) => {
            let detail = "say either `happened`, with the output, or `never: true`";
            return Err(Problem::bad_request(detail));
        }
    };
    operate(&api, &id, by, Verb::Resolve { step, resolution }).await
}

async fn on_saga(api: &Api, caller: &Caller, id: &str, body: &OperateBody, verb: Verb) -> Answer {
    operate(api, id, body.signed(caller)?, verb).await
}

impl OperateBody {
    /// By whom it is.
    pub(super) fn signed(&self, caller: &Caller) -> Result<By, Problem> {
        signed(caller, &self.reason, self.who.as_deref())
    }
}

/// Checks what every change is signed with; says by whom it is. Where callers are known, what they
/// call themselves is only for the audit log.
pub(super) fn signed(caller: &Caller, reason: &str, who: Option<&str>) -> Result<By, Problem> {
    if reason.trim().is_empty() || reason.len() > REASON_BYTES_MAX {
        let detail = format!("say a reason, of 1 to {REASON_BYTES_MAX} bytes");
        return Err(Problem::bad_request(detail));
    }
    if who.is_some_and(|who| who.len() > WHO_BYTES_MAX) {
        let detail = format!("`who` may have {WHO_BYTES_MAX} bytes");
        return Err(Problem::bad_request(detail));
    }
    if reason.contains('\0') || who.is_some_and(|who| who.contains('\0')) {
        let detail = "`reason` and `who` may not contain U+0000";
        return Err(Problem::bad_request(detail));
    }
    Ok(By {
        who: caller.name(who).to_owned(),
        reason: reason.to_owned(),
    })
}

async fn operate(api: &Api, id: &str, By { who, reason }: By, verb: Verb) -> Answer {
    let saga = saga_id(id)?;
    let operator = Operator { who, reason, verb };
    api.engine.operate(saga, operator).await?;
    let saga = find(api, saga).await?;
    Ok(Json(OperatedView {
        id: saga.id.to_string(),
        status: saga.status(),
    }))
}
