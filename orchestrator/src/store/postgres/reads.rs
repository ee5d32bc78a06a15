//! What the engine and people read of sagas.

use std::collections::BTreeMap;

use saga_core::event::Event;
use saga_core::ids::{ActionName, SagaId};
use saga_core::saga::{Saga, Status};
use saga_core::values::{GoodOutput, InputDigest};
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::columns::{Json, Time, bigint, counter};
use super::day_query;
use super::failure::Failure;
use super::rows::{self, read};
use super::session::Params;
use super::statements;
use super::store::PostgresStore;
use super::unit_of_work::UnitOfWork;
use super::values;
use crate::store::codec;
use crate::store::day::ids_of_day;
use crate::store::{Committed, PAGE_ROWS_MAX, Page, SagaFilter, StatePage, StoreError};

/// Undoes for one statement what the hot path's sessions are set to.
const PLAN_FOR_PEOPLE: &str = "SET LOCAL plan_cache_mode = force_custom_plan; \
     SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on";

/// The control state of those of these sagas that have got further than is known.
pub(super) async fn load_newer(
    store: &PostgresStore,
    known: &[(SagaId, u64)],
) -> Result<(Vec<Saga>, Committed), StoreError> {
    let ids: Vec<Uuid> = known.iter().map(|(id, _)| id.0).collect();
    let versions: Vec<i64> = known.iter().map(|(_, version)| bigint(*version)).collect();
    let params: Params<'_> = &[&ids, &versions];
    let rows = store.query("load sagas", statements::LOAD, params).await?;
    let sagas = rows.iter().map(rows::saga).collect::<Result<_, _>>()?;
    Ok((sagas, Committed::new()))
}

/// The newest good output of each of these operations for these inputs.
pub(super) async fn last_good(
    store: &PostgresStore,
    wanted: &[(ActionName, InputDigest)],
) -> Result<Vec<Option<GoodOutput>>, StoreError> {
    let what = "a good output";
    let actions: Vec<&str> = wanted.iter().map(|(action, _)| action.as_str()).collect();
    let inputs: Vec<&[u8]> = wanted.iter().map(|(_, input)| &input.0[..]).collect();
    let rows = store
        .query(
            "look up a last good output",
            statements::LAST_GOOD,
            &[&actions, &inputs],
        )
        .await?;
    let mut places = Vec::with_capacity(rows.len());
    for row in &rows {
        let number: i64 = read(row, 0, what)?;
        let Time(at) = read(row, 1, what)?;
        let (step, element): (&str, i32) = (read(row, 3, what)?, read(row, 4, what)?);
        let key = codec::decode_value_key(step, u32::try_from(element).unwrap_or(0));
        places.push((number, at, (SagaId(read(row, 2, what)?), key)));
    }
    let keys: Vec<_> = places.iter().map(|(_, _, key)| key.clone()).collect();
    let outputs: BTreeMap<_, _> = values::load_values(store, &keys)
        .await?
        .into_iter()
        .map(|(saga, key, output)| ((saga, key), output))
        .collect();
    let mut found = vec![None; wanted.len()];
    for (number, at, key) in places {
        let place = usize::try_from(number - 1)
            .ok()
            .and_then(|at| found.get_mut(at));
        if let (Some(place), Some(output)) = (place, outputs.get(&key)) {
            let output = Value::clone(output);
            *place = Some(GoodOutput { output, at });
        }
    }
    Ok(found)
}

/// The saga that holds, or last held, this business key.
pub(super) async fn find_key(
    store: &PostgresStore,
    definition: &str,
    key: &str,
) -> Result<Option<SagaId>, StoreError> {
    let rows = store
        .query("find a key", statements::FIND_KEY, &[&definition, &key])
        .await?;
    rows.first()
        .map(|row| Ok(SagaId(read(row, 0, "a key")?)))
        .transpose()
}

/// Whether a dead letter is on record.
pub(super) async fn kept_letter(
    store: &PostgresStore,
    id: Uuid,
) -> Result<Option<Committed>, StoreError> {
    let rows = store
        .query("look for a dead letter", statements::KEPT_LETTER, &[&id])
        .await?;
    let kept = match rows.first() {
        Some(row) => read(row, 0, "a dead letter")?,
        None => false,
    };
    Ok(kept.then(Committed::new))
}

/// Sagas, newest first.
pub(super) async fn list(store: &PostgresStore, filter: &SagaFilter) -> Result<Page, StoreError> {
    let (rows, more) = listed(store, filter, false).await?;
    let sagas: Vec<_> = rows.iter().map(rows::summary).collect::<Result<_, _>>()?;
    let next = sagas.last().map(|saga| saga.id).filter(|_| more);
    Ok(Page { sagas, next })
}

/// The same with their control state.
pub(super) async fn list_states(
    store: &PostgresStore,
    filter: &SagaFilter,
) -> Result<StatePage, StoreError> {
    let (rows, more) = listed(store, filter, true).await?;
    let sagas: Vec<_> = rows.iter().map(rows::saga).collect::<Result<_, _>>()?;
    let next = sagas.last().map(|saga| saga.id).filter(|_| more);
    Ok(StatePage { sagas, next })
}

/// The rows of a page, and whether there are more.
async fn listed(
    store: &PostgresStore,
    filter: &SagaFilter,
    states: bool,
) -> Result<(Vec<Row>, bool), StoreError> {
    if asks_for_nul(filter) {
        return Ok((Vec::new(), false));
    }
    let limit = filter.limit.clamp(1, PAGE_ROWS_MAX);
    let words: Vec<&str> = filter.statuses.iter().map(|one| one.as_str()).collect();
    let (status, several) = match words.as_slice() {
        [] => (None, None),
        [one] => (Some(*one), None),
        [..] => (None, Some(words)),
    };
    let label = filter.label.as_ref().map(|(name, value)| {
        let mut label = serde_json::Map::new();
        label.insert(name.clone(), Value::String(value.clone()));
        Json(Value::Object(label).to_string())
    });
    let since = filter.since.map(Time);
    let before = filter.before.map(|SagaId(id)| id);
    // One more than asked for tells whether there is another page.
    let wanted = i64::from(limit) + 1;
    let mut rows = planned_anew(
        store,
        statements::LIST,
        &[
            &status,
            &filter.definition,
            &filter.key,
            &label,
            &since,
            &before,
            &wanted,
            &filter.version,
            &filter.letter_group,
            &filter.id.map(|SagaId(id)| id),
            &several,
            &states,
        ],
    )
    .await
    .map_err(|failure| failure.into_error("list sagas"))?;
    let full = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > full;
    rows.truncate(full);
    Ok((rows, more))
}

/// Events after `after`.
pub(super) async fn history(
    store: &PostgresStore,
    id: SagaId,
    after: u64,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let params: Params<'_> = &[&id.0, &bigint(after), &i64::from(limit)];
    let day = ids_of_day(id);
    let sql = statements::HISTORY;
    let rows = day_query::query(store, "read a history", sql, day, params).await?;
    let mut events = Vec::new();
    for row in &rows {
        events.extend(rows::events(row, 0)?);
    }
    events.retain(|event| event.seq > after);
    events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(events)
}

/// How many sagas are open, by status.
pub(super) async fn open_counts(store: &PostgresStore) -> Result<Vec<(Status, u64)>, StoreError> {
    let rows = store
        .query("count open sagas", statements::OPEN_COUNTS, &[])
        .await?;
    let mut counts = rows
        .iter()
        .map(|row| {
            let status = rows::status(read(row, 0, "a count")?)?;
            Ok((status, counter(read(row, 1, "a count")?)))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    counts.sort_unstable();
    Ok(counts)
}

/// No text in the database contains U+0000, and a parameter that does is an error.
fn asks_for_nul(filter: &SagaFilter) -> bool {
    let label = filter.label.iter().flat_map(|(name, value)| [name, value]);
    let texts = filter.definition.iter().chain(&filter.key).chain(label);
    let mut texts = texts.chain(&filter.version).chain(&filter.letter_group);
    texts.any(|text| text.contains('\0'))
}

pub(super) async fn planned_anew(
    store: &PostgresStore,
    sql: &str,
    params: Params<'_>,
) -> Result<Vec<Row>, Failure> {
    let mut session = store.session().await?;
    let mut work = UnitOfWork::begin(&mut session).await?;
    work.batch(PLAN_FOR_PEOPLE).await?;
    let rows = work.query(sql, params).await?;
    work.commit().await?;
    Ok(rows)
}
