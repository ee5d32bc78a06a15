//! The filters of a listing, and what they are good for besides: a verb that carries them is for a
//! saga only while that still is one of those.

use std::collections::BTreeMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use saga_core::explain::Cause;
use saga_core::ids::StepName;
use saga_core::saga::Status;
use saga_core::time::{BadTimestamp, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;

use super::problem::Problem;
use super::problem_kind::Kind;
use super::router::Api;
use super::sagas::{limited, saga_id};
use crate::explain::{Selection, StuckFor, select};
use crate::store::{PAGE_ROWS_MAX, SagaFilter};

/// Rows of a page when the caller does not say.
const PAGE_ROWS: u32 = 50;

/// In the place of a status: every one in which something can still happen.
const OPEN: &str = "open";

/// In the place of a cause: whichever it is.
const ANY: &str = "any";

/// What makes no sense for a verb.
const OF_LISTINGS: [&str; 3] = ["stuck", "limit", "cursor"];

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SagaQuery {
    /// Only sagas in one of these statuses, separated by commas; `open` stands for those in which
    /// something can still happen.
    status: Option<String>,
    /// Only sagas of the definition with this name.
    definition: Option<String>,
    /// Only sagas of this version of it.
    version: Option<String>,
    /// Only the saga with this business key.
    key: Option<String>,
    /// Only sagas with this label, as `name=value`.
    label: Option<String>,
    /// Only sagas that started then or later.
    #[schemars(with = "Option<Timestamp>")]
    since: Option<String>,
    /// Only those with a piece of this step that is begun and not done.
    step: Option<String>,
    /// Only those that are stuck for this cause; `any` for all that are stuck.
    cause: Option<String>,
    /// Only those with an open dead letter of this fingerprint.
    letter_group: Option<String>,
    /// What is stuck, by cause, instead of sagas.
    pub(super) stuck: Option<bool>,
    /// Rows of the page, 50 without it.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The filters that a verb takes.
pub(super) fn still(generator: &mut SchemaGenerator) -> Schema {
    let mut fields = SagaQuery::json_schema(generator);
    if let Some(Value::Object(fields)) = fields.get_mut("properties") {
        fields.retain(|name, _| !OF_LISTINGS.contains(&name.as_str()));
    }
    fields
}

impl SagaQuery {
    /// The first of those that only make sense for a list of sagas one by one.
    pub(super) fn paged(&self) -> Option<&'static str> {
        let given = [
            ("status", self.status.is_some()),
            ("key", self.key.is_some()),
            ("step", self.step.is_some()),
            ("cause", self.cause.is_some()),
            ("limit", self.limit.is_some()),
            ("cursor", self.cursor.is_some()),
        ];
        let first = given.into_iter().find(|(_, given)| *given);
        first.map(|(name, _)| name)
    }

    pub(super) fn selection(self) -> Result<Selection, Problem> {
        let limit = limited(self.limit, PAGE_ROWS)?;
        let cursor = |text: String| {
            text.parse().map_err(|_| {
                let detail = format!("`{text}` is not a cursor; take it from `next_cursor`");
                Problem::bad_request(detail)
            })
        };
        let since = self
            .since
            .map(|text| text.parse())
            .transpose()
            .map_err(|error: BadTimestamp| Problem::bad_request(error.to_string()))?;
        Ok(Selection {
            filter: SagaFilter {
                id: None,
                statuses: statuses(self.status.as_deref())?,
                definition: self.definition,
                version: self.version,
                key: self.key,
                label: self.label.as_deref().map(label).transpose()?,
                letter_group: self.letter_group,
                since,
                before: self.cursor.map(cursor).transpose()?,
                limit,
            },
            step: self.step.as_deref().map(StepName::new),
            stuck: self.cause.map(cause).transpose()?,
        })
    }
}

fn statuses(text: Option<&str>) -> Result<Vec<Status>, Problem> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let mut statuses = Vec::new();
    for word in text.split(',') {
        if word == OPEN {
            statuses.extend(Status::ALL.into_iter().filter(|status| status.is_open()));
        } else {
            let wrong = |error| Problem::bad_request(format!("{error}, or {OPEN}"));
            statuses.push(word.parse().map_err(wrong)?);
        }
    }
    Ok(statuses)
}

fn label(text: &str) -> Result<(String, String), Problem> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| Problem::bad_request(format!("label `{text}` does not read name=value")))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn cause(word: String) -> Result<StuckFor, Problem> {
    if word == ANY {
        return Ok(StuckFor::Any);
    }
    if Cause::WORDS.contains(&word.as_str()) {
        return Ok(StuckFor::Cause(word));
    }
    let known = Cause::WORDS.join(", ");
    let detail = format!("`{word}` is not a cause; it is one of {known}, or {ANY}");
    Err(Problem::bad_request(detail))
}

/// A verb with the filters of a listing is refused when its saga is none of those any more: whoever
/// made a list an hour ago does not terminate a saga that has recovered since.
pub(super) async fn still_selected(
    State(api): State<Api>,
    Path(path): Path<BTreeMap<String, String>>,
    request: Request,
    next: Next,
) -> Response {
    if request.uri().query().is_none_or(str::is_empty) {
        return next.run(request).await;
    }
    let query = Query::<SagaQuery>::try_from_uri(request.uri());
    let id = path.get("saga").map_or("", String::as_str);
    match check(&api, id, query).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn check(
    api: &Api,
    id: &str,
    query: Result<Query<SagaQuery>, QueryRejection>,
) -> Result<(), Problem> {
    let Query(query) = query.map_err(Problem::from)?;
    if query.stuck.is_some() || query.limit.is_some() || query.cursor.is_some() {
        let detail = "`stuck`, `limit` and `cursor` are for listings, not for verbs";
        return Err(Problem::bad_request(detail));
    }
    let id = saga_id(id)?;
    let mut selection = query.selection()?;
    selection.filter.id = Some(id);
    let found = select(&api.engine, &*api.broker, &selection).await?;
    if found.sagas.is_empty() {
        let detail = format!("saga {id} is not, or not any more, as the filters say");
        return Err(Problem::new(Kind::NotSelected, detail));
    }
    Ok(())
}
