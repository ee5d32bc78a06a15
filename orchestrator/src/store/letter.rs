//! Dead letters as people look at them, and what became of them.

use saga_core::ids::SagaId;
use saga_core::operator::By;
use saga_core::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::batch::StoredDeadLetter;

/// Which letters to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct LetterFilter {
    /// Only about this saga.
    pub saga: Option<SagaId>,
    /// Only of this cause.
    pub fingerprint: Option<String>,
    /// Only received at or after this.
    pub since: Option<Timestamp>,
    /// Those that were replayed or dropped too.
    pub handled_too: bool,
    /// Only after this one in the listing: the last letter of the page before.
    pub after: Option<Uuid>,
    /// At most this many, 1 to [`PAGE_ROWS_MAX`](super::PAGE_ROWS_MAX).
    pub limit: u32,
}

/// One page of a listing.
#[derive(Debug, Clone)]
pub struct LetterPage {
    /// The rows.
    pub letters: Vec<LetterSummary>,
    /// Pass it as `after` for the next page; `None` on the last.
    pub next: Option<Uuid>,
}

/// One letter in a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct LetterSummary {
    /// Its identity.
    pub id: Uuid,
    /// When it was kept.
    pub received_at: Timestamp,
    /// The saga it belongs to, where that could be read.
    pub saga: Option<SagaId>,
    /// The queue it came from.
    pub queue: String,
    /// Same cause, same fingerprint.
    pub fingerprint: String,
    /// Why it is here, for people.
    pub reason: String,
    /// Length of the message.
    pub body_bytes: u64,
    /// What became of it; nothing yet without.
    pub handled: Option<Handled>,
}

/// One letter with its message.
#[derive(Debug, Clone, PartialEq)]
pub struct LetterRecord {
    /// What a listing says.
    pub summary: LetterSummary,
    /// The message's properties.
    pub properties: Value,
    /// Its raw bytes.
    pub body: Vec<u8>,
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub how: Handling,
    /// Who did it, and why.
    pub by: By,
}

/// What can be done with a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// Its saga was told, or its message was applied.
    Replayed,
    /// Nothing.
    Dropped,
}

impl Handling {
    /// The word in the table and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Dropped => "dropped",
        }
    }

    /// The reverse of [`as_str`](Self::as_str).
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Replayed, Self::Dropped]
            .into_iter()
            .find(|one| one.as_str() == word)
    }
}

/// Letters of one cause that nobody has handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterGroup {
    /// The cause.
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

/// When a letter was handled, and which it is: its place in the order in which they are forgotten.
pub type LetterPlace = (Timestamp, Uuid);

impl LetterRecord {
    /// A letter that was kept just now.
    pub(in crate::store) fn new(letter: &StoredDeadLetter, at: Timestamp) -> Self {
        Self {
            summary: LetterSummary {
                id: letter.id,
                received_at: at,
                saga: letter.saga,
                queue: letter.queue.clone(),
                fingerprint: letter.fingerprint.clone(),
                reason: letter.reason.clone(),
                body_bytes: u64::try_from(letter.body.len()).unwrap_or(u64::MAX),
                handled: None,
            },
            properties: letter.properties.clone(),
            body: letter.body.clone(),
        }
    }

    /// What was kept.
    pub(in crate::store) fn stored(&self) -> StoredDeadLetter {
        let summary = self.summary.clone();
        StoredDeadLetter {
            id: summary.id,
            saga: summary.saga,
            queue: summary.queue,
            reason: summary.reason,
            fingerprint: summary.fingerprint,
            properties: self.properties.clone(),
            body: self.body.clone(),
        }
    }
}
