//! The data of sagas: small values are kept with their events, others have rows of their own.

use std::collections::BTreeSet;
use std::sync::Arc;

use saga_core::ids::SagaId;
use saga_core::values::ValueKey;
use serde_json::Value;
use uuid::Uuid;

use super::columns::{JsonRef, bigint, integer};
use super::day_query::{self, DayIds, by_day};
use super::rows::{self, corrupt, read};
use super::session::Params;
use super::statements;
use super::store::PostgresStore;
use crate::store::StoreError;
use crate::store::codec;
use crate::store::day::ids_of_day;

type Found = Vec<(SagaId, ValueKey, Arc<Value>)>;

/// These values of these sagas.
pub(super) async fn load_values(
    store: &PostgresStore,
    keys: &[(SagaId, ValueKey)],
) -> Result<Found, StoreError> {
    let mut found = Vec::with_capacity(keys.len());
    for (day, keys) in by_day(keys, |(saga, _)| *saga) {
        let mut left: BTreeSet<_> = keys.into_iter().cloned().collect();
        let sagas: BTreeSet<SagaId> = left.iter().map(|(saga, _)| *saga).collect();
        for (saga, key, value) in kept_values(store, day, &sagas).await? {
            let wanted = (saga, key);
            if left.remove(&wanted) {
                found.push((saga, wanted.1, value));
            }
        }
        if !left.is_empty() {
            found.extend(rows_of(store, day, &left).await?);
        }
    }
    Ok(found)
}

/// Every value of a saga.
pub(super) async fn values(
    store: &PostgresStore,
    id: SagaId,
) -> Result<Vec<(ValueKey, Arc<Value>)>, StoreError> {
    let day = ids_of_day(id);
    let kept = kept_values(store, day, &BTreeSet::from([id])).await?;
    let mut values: Vec<_> = kept
        .into_iter()
        .map(|(_, key, value)| (key, value))
        .collect();
    let sql = statements::VALUES;
    for row in day_query::query(store, "read values", sql, day, &[&id.0]).await? {
        values.push(rows::value(&row, 0)?);
    }
    values.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(values)
}

/// What is kept with the events of these sagas.
async fn kept_values(
    store: &PostgresStore,
    day: DayIds,
    sagas: &BTreeSet<SagaId>,
) -> Result<Found, StoreError> {
    let ids: Vec<Uuid> = sagas.iter().map(|saga| saga.0).collect();
    let params: Params<'_> = &[&ids, &bigint(codec::KEPT_EVENTS_MAX)];
    let sql = statements::KEPT_VALUES;
    let mut found = Vec::new();
    for row in day_query::query(store, "read kept values", sql, day, params).await? {
        let saga = SagaId(read(&row, 0, "kept values")?);
        let JsonRef(text) = read(&row, 1, "kept values")?;
        let kept = codec::decode_kept(text)
            .map_err(|error| corrupt(format!("the kept values of saga {saga}"), error))?;
        found.extend(kept.into_iter().map(|(key, value)| (saga, key, value)));
    }
    Ok(found)
}

/// Values that have rows of their own.
async fn rows_of(
    store: &PostgresStore,
    day: DayIds,
    keys: &BTreeSet<(SagaId, ValueKey)>,
) -> Result<Found, StoreError> {
    let (mut sagas, mut steps, mut elements) = (Vec::new(), Vec::new(), Vec::new());
    for (saga, key) in keys {
        let Some((step, element)) = codec::encode_value_key(key) else {
            continue;
        };
        sagas.push(saga.0);
        steps.push(step);
        elements.push(integer(element));
    }
    let params: Params<'_> = &[&sagas, &steps, &elements];
    let sql = statements::LOAD_VALUES;
    let mut found = Vec::with_capacity(keys.len());
    for row in day_query::query(store, "load values", sql, day, params).await? {
        let (key, value) = rows::value(&row, 1)?;
        found.push((SagaId(read(&row, 0, "a value")?), key, value));
    }
    Ok(found)
}
