//! Dead letters, as people look at them and handle them.

use saga_core::ids::SagaId;
use saga_core::operator::By;
use saga_core::time::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::columns::{JsonRef, Time, counter};
use super::reads::planned_anew;
use super::rows::read;
use super::statements;
use super::store::PostgresStore;
use crate::store::{
    Handled, Handling, LetterFilter, LetterGroup, LetterPage, LetterPlace, LetterRecord,
    LetterSummary, PAGE_ROWS_MAX, StoreError,
};

const WHAT: &str = "a dead letter";

/// Dead letters, newest first.
pub(super) async fn dead_letters(
    store: &PostgresStore,
    filter: &LetterFilter,
) -> Result<LetterPage, StoreError> {
    // No text in the database contains U+0000, and a parameter that does is an error.
    let nul = |text: &String| text.contains('\0');
    if filter.fingerprint.as_ref().is_some_and(nul) {
        let letters = Vec::new();
        return Ok(LetterPage {
            letters,
            next: None,
        });
    }
    let limit = filter.limit.clamp(1, PAGE_ROWS_MAX);
    let saga = filter.saga.map(|SagaId(id)| id);
    let since = filter.since.map(Time);
    // One more than asked for tells whether there is another page.
    let wanted = i64::from(limit) + 1;
    let rows = planned_anew(
        store,
        statements::DEAD_LETTERS,
        &[
            &saga,
            &filter.fingerprint,
            &since,
            &filter.handled_too,
            &filter.after,
            &wanted,
        ],
    )
    .await
    .map_err(|failure| failure.into_error("list dead letters"))?;
    let mut letters = rows.iter().map(summary).collect::<Result<Vec<_>, _>>()?;
    let full = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = letters.len() > full;
    letters.truncate(full);
    let last = letters.last().map(|letter| letter.id);
    let next = last.filter(|_| more);
    Ok(LetterPage { letters, next })
}

/// What nobody has handled, by fingerprint.
pub(super) async fn letter_groups(
    store: &PostgresStore,
    limit: u32,
) -> Result<Vec<LetterGroup>, StoreError> {
    let rows = planned_anew(store, statements::LETTER_GROUPS, &[&i64::from(limit)])
        .await
        .map_err(|failure| failure.into_error("group dead letters"))?;
    let group = |row: &Row| {
        let Time(first_seen) = read(row, 2, WHAT)?;
        let Time(last_seen) = read(row, 3, WHAT)?;
        Ok(LetterGroup {
            fingerprint: read(row, 0, WHAT)?,
            letters: counter(read(row, 1, WHAT)?),
            sagas: counter(read(row, 4, WHAT)?),
            first_seen,
            last_seen,
        })
    };
    rows.iter().map(group).collect()
}

/// One letter with its bytes.
pub(super) async fn dead_letter(
    store: &PostgresStore,
    id: Uuid,
) -> Result<Option<LetterRecord>, StoreError> {
    let rows = store
        .query("read a dead letter", statements::DEAD_LETTER, &[&id])
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let JsonRef(properties) = read(row, 11, WHAT)?;
    let properties = serde_json::from_str(properties).map_err(|source| StoreError::Corrupt {
        what: format!("dead letter {id}"),
        source: Box::new(source),
    })?;
    Ok(Some(LetterRecord {
        summary: summary(row)?,
        properties,
        body: read(row, 12, WHAT)?,
    }))
}

/// Writes down what became of a letter.
pub(super) async fn handle_letter(
    store: &PostgresStore,
    id: Uuid,
    how: Handling,
    by: &By,
) -> Result<bool, StoreError> {
    let rows = store
        .query(
            "write down what became of a dead letter",
            statements::HANDLE_LETTER,
            &[&id, &how.as_str(), &by.who, &by.reason],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Deletes handled letters that no saga takes along.
pub(super) async fn forget_letters(
    store: &PostgresStore,
    handled_before: Timestamp,
    (after, id): LetterPlace,
    limit: u32,
) -> Result<Option<(u64, LetterPlace)>, StoreError> {
    let rows = store
        .query(
            "forget dead letters",
            statements::FORGET_LETTERS,
            &[&Time(handled_before), &Time(after), &id, &i64::from(limit)],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let Time(handled_at) = read(row, 1, WHAT)?;
    let gone = counter(read(row, 0, WHAT)?);
    Ok(Some((gone, (handled_at, read(row, 2, WHAT)?))))
}

fn summary(row: &Row) -> Result<LetterSummary, StoreError> {
    let Time(received_at) = read(row, 1, WHAT)?;
    let saga: Option<Uuid> = read(row, 2, WHAT)?;
    Ok(LetterSummary {
        id: read(row, 0, WHAT)?,
        received_at,
        saga: saga.map(SagaId),
        queue: read(row, 3, WHAT)?,
        fingerprint: read(row, 4, WHAT)?,
        reason: read(row, 5, WHAT)?,
        body_bytes: counter(read(row, 6, WHAT)?),
        handled: handled(row)?,
    })
}

/// Columns that are all null as long as nobody has handled it.
fn handled(row: &Row) -> Result<Option<Handled>, StoreError> {
    let at: Option<Time> = read(row, 7, WHAT)?;
    let Some(Time(at)) = at else { return Ok(None) };
    let word: &str = read(row, 8, WHAT)?;
    let how = Handling::parse(word).ok_or_else(|| StoreError::Corrupt {
        what: WHAT.to_owned(),
        source: format!("`{word}` is nothing that becomes of one").into(),
    })?;
    let by = By {
        who: read(row, 9, WHAT)?,
        reason: read(row, 10, WHAT)?,
    };
    Ok(Some(Handled { at, how, by }))
}
