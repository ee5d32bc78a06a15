//! When sagas must be looked at again.

use std::time::Duration;

use saga_core::ids::SagaId;
use saga_core::time::Timestamp;
use uuid::Uuid;

use super::columns::{Time, bigint};
use super::rows::read;
use super::statements;
use super::store::PostgresStore;
use crate::store::StoreError;

/// Claims sagas whose time has come.
pub(super) async fn claim_due(
    store: &PostgresStore,
    limit: u32,
    lease: Duration,
) -> Result<Vec<SagaId>, StoreError> {
    let lease = bigint(u64::try_from(lease.as_micros()).unwrap_or(u64::MAX));
    let rows = store
        .query(
            "claim due sagas",
            statements::CLAIM_DUE,
            &[&i64::from(limit), &lease],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(SagaId(read(row, 0, "a saga")?)))
        .collect()
}

/// Sets wake-up times where the version is still the same.
pub(super) async fn rearm(
    store: &PostgresStore,
    sagas: &[(SagaId, u64, Option<Timestamp>)],
) -> Result<(), StoreError> {
    if sagas.is_empty() {
        return Ok(());
    }
    let mut sorted = sagas.to_vec();
    sorted.sort_unstable();
    let ids: Vec<Uuid> = sorted.iter().map(|(id, ..)| id.0).collect();
    let versions: Vec<i64> = sorted
        .iter()
        .map(|(_, version, _)| bigint(*version))
        .collect();
    let wake_at: Vec<Option<Time>> = sorted.iter().map(|(.., at)| at.map(Time)).collect();
    store
        .query(
            "re-arm timers",
            statements::REARM,
            &[&ids, &versions, &wake_at],
        )
        .await?;
    Ok(())
}

/// The earliest wake-up time of all.
pub(super) async fn next_wake(store: &PostgresStore) -> Result<Option<Timestamp>, StoreError> {
    let rows = store
        .query("read the next timer", statements::NEXT_WAKE, &[])
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let at: Option<Time> = read(row, 0, "the next timer")?;
    Ok(at.map(|Time(at)| at))
}
