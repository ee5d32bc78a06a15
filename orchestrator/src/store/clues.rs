//! What is known of the commands of sagas apart from their state.

use saga_core::ids::{MessageId, SagaId};
use saga_core::time::Timestamp;
use uuid::Uuid;

/// Rows of each kind that are read for one question, at most.
pub const CLUES_MAX: u32 = 10_000;

/// What is known of the commands of some sagas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clues {
    /// Commands that the broker has not confirmed, and when each was written; by id.
    pub unsent: Vec<(MessageId, Timestamp)>,
    /// Dead letters; where it is known when they came, the newest of each saga first.
    pub letters: Vec<LetterClue>,
}

/// A dead letter of a saga.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterClue {
    /// Of which saga.
    pub saga: SagaId,
    /// Its id.
    pub id: Uuid,
    /// The message's id, where it had one.
    pub message_id: Option<String>,
    /// Why it is there.
    pub reason: String,
}
