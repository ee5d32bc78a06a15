//! What people ask of the store. None of it touches the hot path's locks.

use saga_core::definition::DefinitionRef;
use saga_core::ids::SagaId;
use saga_core::saga::{Saga, Status};
use saga_core::time::Timestamp;

/// More rows than this are never returned at once.
pub const PAGE_ROWS_MAX: u32 = 1000;

/// Which sagas to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct SagaFilter {
    /// Only this one.
    pub id: Option<SagaId>,
    /// Only in one of these states; in any when it is empty.
    pub statuses: Vec<Status>,
    /// Only of this definition, every version.
    pub definition: Option<String>,
    /// Only of this version.
    pub version: Option<String>,
    /// Only with this business key.
    pub key: Option<String>,
    /// Only with this label.
    pub label: Option<(String, String)>,
    /// Only with a dead letter of this cause that nobody has handled.
    pub letter_group: Option<String>,
    /// Only started at or after this. A child saga counts, and is listed, as started with its
    /// parent, whose time is in its id.
    pub since: Option<Timestamp>,
    /// Only older than this saga: the last id of the page before.
    pub before: Option<SagaId>,
    /// At most this many, 1 to [`PAGE_ROWS_MAX`].
    pub limit: u32,
}

/// One page of a listing.
#[derive(Debug, Clone)]
pub struct Page {
    /// The rows.
    pub sagas: Vec<SagaSummary>,
    /// Pass it as `before` for the next page; `None` on the last.
    pub next: Option<SagaId>,
}

/// One page of a listing with the control state of each.
#[derive(Debug, Clone)]
pub struct StatePage {
    /// The sagas.
    pub sagas: Vec<Saga>,
    /// Pass it as `before` for the next page; `None` on the last.
    pub next: Option<SagaId>,
}

/// One saga in a listing.
#[derive(Debug, Clone)]
pub struct SagaSummary {
    /// Its identity.
    pub id: SagaId,
    /// What it runs.
    pub definition: DefinitionRef,
    /// Business key.
    pub key: Option<String>,
    /// State.
    pub status: Status,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl SagaSummary {
    /// What a listing says of this saga.
    #[must_use]
    pub fn of(saga: &Saga) -> Self {
        Self {
            id: saga.id,
            definition: saga.definition.clone(),
            key: saga.key.clone(),
            status: saga.status(),
            started_at: saga.started_at,
            ended_at: saga.ended_at,
        }
    }
}
