//! The audit log, for people and for whoever checks its chain.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use saga_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::router::Api;
use super::sagas::{limited, saga_id};
use crate::audit::{AuditEntry, AuditFilter, AuditHash, AuditRecord, Phase, Standing};
use crate::store::PAGE_ROWS_MAX;

/// Rows of a page when the caller does not say.
const PAGE_ROWS: u32 = 50;

/// One record, with everything that its hash covers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuditView {
    /// Its place, from 1 without gaps.
    pub seq: u64,
    /// When it was written down.
    pub at: Timestamp,
    /// Who asked.
    pub who: String,
    /// For whom they say that they asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The role they had; `none` where nobody is asked who they are, `database` for what was done on
    /// the database directly.
    pub role: String,
    /// What they asked.
    pub verb: String,
    /// Of what.
    pub target: String,
    /// The saga among it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saga: Option<String>,
    /// How far it is.
    pub phase: Phase,
    /// The record that says that it was asked, where this one says what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<u64>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How the target stood before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Standing>,
    /// How it stood after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Standing>,
    /// Why it was refused or failed, or what it did in sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request, as its answer and logs name it.
    pub request_id: String,
    /// Hash of the record before it.
    pub previous: AuditHash,
    /// Hash of all of it.
    pub hash: AuditHash,
}

/// A page of `GET /v1/audit`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuditPageView {
    /// The rows, newest first.
    pub records: Vec<AuditView>,
    /// Pass it as `cursor` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only records from then or later.
    since: Option<Timestamp>,
    /// Only what this caller asked, or was asked for them.
    who: Option<String>,
    /// Only what was asked of this saga.
    saga: Option<String>,
    /// Only this verb.
    verb: Option<String>,
    /// Also that it was asked, where another record says what became of it.
    #[serde(default)]
    all: bool,
    /// Rows of the page, 50 without it.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<u64>,
}

pub(super) async fn list(
    State(api): State<Api>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<AuditPageView>, Problem> {
    let Query(query) = query.map_err(Problem::from)?;
    let filter = AuditFilter {
        since: query.since,
        who: query.who,
        saga: query.saga.as_deref().map(saga_id).transpose()?,
        verb: query.verb,
        before: query.cursor,
        all: query.all,
        limit: limited(query.limit, PAGE_ROWS)?,
    };
    let page = api.engine.shared().store.audit(&filter).await?;
    Ok(Json(AuditPageView {
        records: page.records.into_iter().map(AuditView::from).collect(),
        next_cursor: page.next.map(|seq| seq.to_string()),
    }))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChainQuery {
    /// Only records after the one with this number.
    #[serde(default)]
    after: u64,
    /// Records in the answer, 50 without it.
    #[schemars(range(min = 1, max = PAGE_ROWS_MAX))]
    limit: Option<u32>,
}

/// Records in the order of the chain, for whoever follows it.
pub(super) async fn chain(
    State(api): State<Api>,
    query: Result<Query<ChainQuery>, QueryRejection>,
) -> Result<Json<Vec<AuditView>>, Problem> {
    let Query(query) = query.map_err(Problem::from)?;
    let limit = limited(query.limit, PAGE_ROWS)?;
    let store = &api.engine.shared().store;
    let records = store.audit_chain(query.after, limit).await?;
    Ok(Json(records.into_iter().map(AuditView::from).collect()))
}

impl From<AuditRecord> for AuditView {
    fn from(record: AuditRecord) -> Self {
        let entry = record.entry;
        Self {
            seq: record.seq,
            at: entry.at,
            who: entry.who,
            on_behalf_of: entry.on_behalf_of,
            role: entry.role,
            verb: entry.verb,
            target: entry.target,
            saga: entry.saga.map(|id| id.to_string()),
            phase: entry.phase,
            answers: entry.answers,
            reason: entry.reason,
            before: entry.before,
            after: entry.after,
            detail: entry.detail,
            request_id: entry.request,
            previous: record.previous,
            hash: record.hash,
        }
    }
}

impl From<AuditView> for AuditRecord {
    /// The record as it was hashed. A saga's id that is none leaves it without one, and then it does
    /// not have its hash.
    fn from(view: AuditView) -> Self {
        let entry = AuditEntry {
            at: view.at,
            request: view.request_id,
            answers: view.answers,
            phase: view.phase,
            who: view.who,
            on_behalf_of: view.on_behalf_of,
            role: view.role,
            verb: view.verb,
            target: view.target,
            saga: view.saga.and_then(|id| id.parse().ok()),
            reason: view.reason,
            before: view.before,
            after: view.after,
            detail: view.detail,
        };
        Self {
            seq: view.seq,
            entry,
            previous: view.previous,
            hash: view.hash,
        }
    }
}
