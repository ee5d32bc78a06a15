//! One row of the audit log.

use saga_core::ids::SagaId;
use saga_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chain::AuditHash;

/// What is written down of a verb, before it has a place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When it was written down, by the store's clock.
    pub at: Timestamp,
    /// The request that it came with; also in its answer and in logs.
    pub request: String,
    /// The row that says that it was asked, where this one says what became of it.
    pub answers: Option<u64>,
    /// How far it is.
    pub phase: Phase,
    /// Who asked, as authentication knows them.
    pub who: String,
    /// For whom they say that they asked.
    pub on_behalf_of: Option<String>,
    /// The role they have; `none` where nobody is asked who they are, `database` for what is done on
    /// the database directly.
    pub role: String,
    /// What they asked, such as `saga.cancel`.
    pub verb: String,
    /// Of what: a saga, a step of it, a definition, a letter, a token.
    pub target: String,
    /// The saga among it.
    pub saga: Option<SagaId>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// How the target stood before.
    pub before: Option<Standing>,
    /// How it stood after.
    pub after: Option<Standing>,
    /// Why it was refused or failed.
    pub detail: Option<String>,
}

/// Longest id of a request in the log, in bytes.
const REQUEST_BYTES_MAX: usize = 200;

/// Longest name of who asked, in bytes.
const WHO_BYTES_MAX: usize = 1024;

/// Longest of the other texts, in bytes.
const TEXT_BYTES_MAX: usize = 4096;

impl AuditEntry {
    /// As the table can hold it: what is too long is cut, and what no text in a database may
    /// contain is replaced. A verb is never refused because of what the log cannot hold.
    #[must_use]
    pub(crate) fn fitted(self) -> Self {
        let some = |text: Option<String>, limit| text.map(|text| fitted(&text, limit));
        Self {
            request: fitted(&self.request, REQUEST_BYTES_MAX),
            who: fitted(&self.who, WHO_BYTES_MAX),
            on_behalf_of: some(self.on_behalf_of, WHO_BYTES_MAX),
            target: fitted(&self.target, TEXT_BYTES_MAX),
            reason: some(self.reason, TEXT_BYTES_MAX),
            detail: some(self.detail, TEXT_BYTES_MAX),
            ..self
        }
    }
}

fn fitted(text: &str, limit: usize) -> String {
    let end = text.floor_char_boundary(limit);
    text[..end].replace('\0', "?")
}

/// How far a verb is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It was asked. Without a row that answers this one it is under way, or its orchestrator died:
    /// then the target says whether it took effect.
    Asked,
    /// It took effect.
    Done,
    /// It was refused, and nothing changed.
    Refused,
    /// The orchestrator failed; the target says whether it took effect.
    Failed,
    /// Whoever asked may not.
    Denied,
}

impl Phase {
    /// The word in the table and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Denied => "denied",
        }
    }

    /// The phase with that word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Asked,
            Self::Done,
            Self::Refused,
            Self::Failed,
            Self::Denied,
        ];
        all.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// How a target stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// Its status: of a saga, of a letter, of a definition.
    pub state: String,
    /// Of a saga, the number of its last event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place, from 1 without gaps.
    pub seq: u64,
    /// What it says.
    pub entry: AuditEntry,
    /// Hash of the record before it.
    pub previous: AuditHash,
    /// Hash of all of it.
    pub hash: AuditHash,
}

/// Which records to list, the newest first.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only from then on.
    pub since: Option<Timestamp>,
    /// Only what they asked.
    pub who: Option<String>,
    /// Only about this saga.
    pub saga: Option<SagaId>,
    /// Only this verb.
    pub verb: Option<String>,
    /// Only records before this one.
    pub before: Option<u64>,
    /// Also those that only say that something was asked, where others say what became of it.
    pub all: bool,
    /// At most as many, and at most [`PAGE_ROWS_MAX`](crate::store::PAGE_ROWS_MAX).
    pub limit: u32,
}

/// A page of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The newest first.
    pub records: Vec<AuditRecord>,
    /// `before` of the next page, if there is one.
    pub next: Option<u64>,
}
