//! Messages that nobody could handle: looking at them, replaying them, dropping them.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use saga_core::operator::By;
use saga_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::body::Sent;
use super::operators::signed;
use super::problem::Problem;
use super::router::Api;
use super::sagas::{limited, saga_id};
use super::witness::Concerned;
use crate::auth::Caller;
use crate::replay::{self, Replayed};
use crate::store::{LetterFilter, LetterGroup, LetterRecord, LetterSummary, PAGE_ROWS_MAX};

/// Rows of a page when the caller does not say.
const PAGE_ROWS: u32 = 50;

/// Groups that are told, at most.
const GROUPS_MAX: u32 = 1000;

/// One letter in a listing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LetterView {
    /// Its identity.
    pub id: Uuid,
    /// When it was kept.
    pub received_at: Timestamp,
    /// The saga it belongs to, where that could be read.
    pub saga: Option<String>,
    /// The queue it came from.
    pub queue: String,
    /// Same cause, same fingerprint.
    pub fingerprint: String,
    /// Why it is here.
    pub reason: String,
    /// Length of the message.
    pub body_bytes: u64,
    /// What became of it; nothing yet without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled: Option<HandledView>,
}

/// What became of a letter.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HandledView {
    /// When.
    pub at: Timestamp,
    /// `replayed` or `dropped`.
    pub how: String,
    /// By whom.
    pub who: String,
    /// Why.
    pub reason: String,
}

/// A page of `GET /v1/dead-letters`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LetterPageView {
    /// The rows, newest first.
    pub letters: Vec<LetterView>,
    /// Pass it as `cursor` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Letters of one cause that nobody has handled.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LetterGroupView {
    /// The cause: step, definition, version, class, and the build of the workers where that is known.
    pub fingerprint: String,
    /// How many.
    pub letters: u64,
    /// Of how many sagas.
    pub sagas: u64,
    /// When the first came.
    pub first_seen: Timestamp,
    /// When the last came.
    pub last_seen: Timestamp,
}

/// One letter with its message.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LetterDetailView {
    /// What a listing says.
    pub letter: LetterView,
    /// The message's properties and headers.
    pub properties: Value,
    /// The message, where it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The raw bytes, in hexadecimal.
    pub body_hex: String,
}

/// Body of `replay` and `drop`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandleBody {
    /// Why, for those who look at it later.
    pub reason: String,
    /// Who asks; where callers are known, for whom they ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Only say what would be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What was done with a letter, or would be.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ReplayedView {
    /// Which letter.
    pub id: Uuid,
    /// `resent`, `retried`, `applied` or `dropped`.
    pub done: String,
    /// The saga that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saga: Option<String>,
    /// The step that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Other letters of the same command, which are handled with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<Uuid>,
    /// When, by the orchestrator's clock: a newer letter of the saga is a new failure.
    pub at: Timestamp,
    /// Nothing was done; it would be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only letters of this saga.
    saga: Option<String>,
    /// Only letters of this cause.
    fingerprint: Option<String>,
    /// Only letters that came then or later.
    since: Option<Timestamp>,
    /// Those that were handled, too.
    #[serde(default)]
    handled: bool,
    /// Rows of the page, 50 without it.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

pub(super) async fn list(
    State(api): State<Api>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<LetterPageView>, Problem> {
    let Query(query) = query.map_err(Problem::from)?;
    let limit = limited(query.limit, PAGE_ROWS)?;
    let after = match &query.cursor {
        Some(text) => Some(text.parse().map_err(|_| {
            Problem::bad_request(format!("`{text}` is no cursor; take it from `next_cursor`"))
        })?),
        None => None,
    };
    let saga = query.saga.as_deref().map(saga_id).transpose()?;
    let filter = LetterFilter {
        saga,
        fingerprint: query.fingerprint,
        since: query.since,
        handled_too: query.handled,
        after,
        limit,
    };
    let page = api.engine.shared().store.dead_letters(&filter).await?;
    Ok(Json(LetterPageView {
        letters: page.letters.into_iter().map(LetterView::from).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

pub(super) async fn groups(State(api): State<Api>) -> Result<Json<Vec<LetterGroupView>>, Problem> {
    let groups = api.engine.shared().store.letter_groups(GROUPS_MAX).await?;
    Ok(Json(
        groups.into_iter().map(LetterGroupView::from).collect(),
    ))
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<LetterDetailView>, Problem> {
    let id = letter_id(&id)?;
    let letter = api.engine.shared().store.dead_letter(id).await?;
    let missing = || Problem::not_found(format!("there is no dead letter {id}"));
    letter
        .map(|letter| Json(LetterDetailView::from(letter)))
        .ok_or_else(missing)
}

pub(super) async fn replay(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Sent(body): Sent<HandleBody>,
) -> Result<(Option<Extension<Concerned>>, Json<ReplayedView>), Problem> {
    let (id, by, dry_run) = (letter_id(&id)?, body.signed(&caller)?, body.dry_run);
    let at = api.engine.shared().store.now();
    let done = replay::replay(&api.engine, id, &by, dry_run).await?;
    // Of a message that could not be read when it came, nobody knew the saga.
    let concerned = done.saga.map(|saga| Extension(Concerned(saga)));
    Ok((concerned, Json(ReplayedView::of(id, done, at, dry_run))))
}

pub(super) async fn give_up(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Sent(body): Sent<HandleBody>,
) -> Result<Json<ReplayedView>, Problem> {
    let (id, by, dry_run) = (letter_id(&id)?, body.signed(&caller)?, body.dry_run);
    let at = api.engine.shared().store.now();
    let done = replay::give_up(&api.engine, id, &by, dry_run).await?;
    Ok(Json(ReplayedView::of(id, done, at, dry_run)))
}

fn letter_id(text: &str) -> Result<Uuid, Problem> {
    text.parse()
        .map_err(|_| Problem::bad_request(format!("`{text}` is not the id of a dead letter")))
}

impl HandleBody {
    fn signed(&self, caller: &Caller) -> Result<By, Problem> {
        signed(caller, &self.reason, self.who.as_deref())
    }
}

impl From<LetterSummary> for LetterView {
    fn from(letter: LetterSummary) -> Self {
        Self {
            id: letter.id,
            received_at: letter.received_at,
            saga: letter.saga.map(|id| id.to_string()),
            queue: letter.queue,
            fingerprint: letter.fingerprint,
            reason: letter.reason,
            body_bytes: letter.body_bytes,
            handled: letter.handled.map(|handled| HandledView {
                at: handled.at,
                how: handled.how.as_str().to_owned(),
                who: handled.by.who,
                reason: handled.by.reason,
            }),
        }
    }
}

impl From<LetterGroup> for LetterGroupView {
    fn from(group: LetterGroup) -> Self {
        Self {
            fingerprint: group.fingerprint,
            letters: group.letters,
            sagas: group.sagas,
            first_seen: group.first_seen,
            last_seen: group.last_seen,
        }
    }
}

impl From<LetterRecord> for LetterDetailView {
    fn from(record: LetterRecord) -> Self {
        let hex = record.body.iter().map(|byte| format!("{byte:02x}"));
        Self {
            letter: record.summary.into(),
            properties: record.properties,
            body_hex: hex.collect(),
            body: String::from_utf8(record.body).ok(),
        }
    }
}

impl ReplayedView {
    fn of(id: Uuid, done: Replayed, at: Timestamp, dry_run: bool) -> Self {
        Self {
            id,
            done: done.how.as_str().to_owned(),
            saga: done.saga.map(|id| id.to_string()),
            step: done.step,
            with: done.with,
            at,
            dry_run,
        }
    }
}
