//! What is known of the commands of sagas apart from their state.

use saga_core::ids::{MessageId, SagaId};
use saga_core::time::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::columns::{Time, counter};
use super::rows::read;
use super::statements;
use super::store::PostgresStore;
use crate::store::{CLUES_MAX, Clues, LetterClue, StoreError};

/// What is known of the commands of these sagas.
pub(super) async fn clues(store: &PostgresStore, ids: &[SagaId]) -> Result<Clues, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    Ok(Clues {
        unsent: unsent(store, &ids).await?,
        letters: letters_of(store, &ids).await?,
    })
}

/// Commands that the broker has not confirmed.
async fn unsent(
    store: &PostgresStore,
    ids: &[Uuid],
) -> Result<Vec<(MessageId, Timestamp)>, StoreError> {
    let limit = i64::from(CLUES_MAX);
    let rows = store
        .query(
            "look for unsent commands",
            statements::UNSENT,
            &[&ids, &limit],
        )
        .await?;
    let unsent = rows.iter().map(|row| {
        let id = MessageId {
            saga: SagaId(read(row, 0, "an outbox row")?),
            seq: counter(read(row, 1, "an outbox row")?),
        };
        let Time(written) = read(row, 2, "an outbox row")?;
        Ok((id, written))
    });
    unsent.collect()
}

/// Dead letters of these sagas.
async fn letters_of(store: &PostgresStore, ids: &[Uuid]) -> Result<Vec<LetterClue>, StoreError> {
    let limit = i64::from(CLUES_MAX);
    let rows = store
        .query(
            "look for dead letters",
            statements::LETTERS_OF,
            &[&ids, &limit],
        )
        .await?;
    rows.iter().map(letter).collect()
}

fn letter(row: &Row) -> Result<LetterClue, StoreError> {
    Ok(LetterClue {
        saga: SagaId(read(row, 0, "a dead letter")?),
        id: read(row, 1, "a dead letter")?,
        message_id: read(row, 2, "a dead letter")?,
        reason: read(row, 3, "a dead letter")?,
    })
}
