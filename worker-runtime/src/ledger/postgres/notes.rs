//! Results of calls that have no effect.

use tokio_postgres::types::ToSql;

use super::columns::{KeyColumns, by_key, number};
use super::rows::{columns, stored};
use crate::ledger::entry::{Note, Recording};
use crate::ledger::key::WorkerId;
use crate::ledger::proof::Recorded;

const NOTE: &str = include_str!("sql/note.sql");
const NOTED: &str = include_str!("sql/noted.sql");

/// Puts results on record; where somebody was faster, says what they recorded. That is read by a second
/// statement: the first cannot see what others committed meanwhile.
pub(super) async fn note(
    client: &deadpool_postgres::ClientWrapper,
    worker: &WorkerId,
    notes: &[Note],
) -> Result<Vec<Recording>, tokio_postgres::Error> {
    let keys = KeyColumns::of(notes.iter().map(|it| &it.ask.key));
    let attempts: Vec<i32> = notes.iter().map(|it| number(it.ask.attempt)).collect();
    let (states, results): (Vec<&str>, Vec<_>) = notes.iter().map(|it| columns(&it.stored)).unzip();
    let parameters: [&(dyn ToSql + Sync); 9] = [
        &worker.as_str(),
        &keys.sagas,
        &keys.steps,
        &keys.elements,
        &keys.ops,
        &keys.rounds,
        &attempts,
        &states,
        &results,
    ];
    let statement = client.prepare_cached(NOTE).await?;
    let written = client.execute(&statement, &parameters).await?;
    let recorded = || Recording::Recorded(Recorded::committed());
    if usize::try_from(written) == Ok(notes.len()) {
        return Ok(notes.iter().map(|_| recorded()).collect());
    }
    let parameters: [&(dyn ToSql + Sync); 5] = [
        &keys.sagas,
        &keys.steps,
        &keys.elements,
        &keys.ops,
        &keys.rounds,
    ];
    let statement = client.prepare_cached(NOTED).await?;
    let found = by_key(client.query(&statement, &parameters).await?)?;
    let recording = |note: &Note| {
        let there = found.get(&note.ask.key).map(stored).transpose()?.flatten();
        // Whoever recorded it: the same result is as good as one's own.
        Ok(match there {
            Some(there) if there == note.stored => recorded(),
            other => Recording::Fenced(other, Recorded::committed()),
        })
    };
    notes.iter().map(recording).collect()
}
