//! Messages that wait for the broker's confirm.

use saga_core::ids::MessageId;
use saga_core::time::Timestamp;
use uuid::Uuid;

use super::columns::{Time, bigint, counter};
use super::rows::{outbox_message, read};
use super::statements;
use super::store::PostgresStore;
use crate::store::{OutboxMessage, StoreError};

/// Takes over rows whose owner lives no more.
pub(super) async fn adopt_outbox(
    store: &PostgresStore,
    limit: u32,
) -> Result<Vec<OutboxMessage>, StoreError> {
    let limit = i64::from(limit);
    let rows = store
        .query(
            "adopt outbox rows",
            statements::ADOPT_OUTBOX,
            &[&store.owner, &limit],
        )
        .await?;
    let mut adopted = rows
        .iter()
        .map(outbox_message)
        .collect::<Result<Vec<_>, _>>()?;
    adopted.sort_unstable_by_key(|message| message.id);
    Ok(adopted)
}

/// This orchestrator's own rows after `after`.
pub(super) async fn own_outbox(
    store: &PostgresStore,
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<OutboxMessage>, StoreError> {
    let (saga, seq) = after.map_or((Uuid::nil(), 0), |id| (id.saga.0, bigint(id.seq)));
    let params: super::session::Params<'_> = &[&store.owner, &saga, &seq, &i64::from(limit)];
    let rows = store
        .query("read its outbox", statements::OWN_OUTBOX, params)
        .await?;
    rows.iter().map(outbox_message).collect()
}

/// Deletes rows that the broker has confirmed.
pub(super) async fn delete_outbox(
    store: &PostgresStore,
    confirmed: &[MessageId],
) -> Result<(), StoreError> {
    if confirmed.is_empty() {
        return Ok(());
    }
    let mut sorted = confirmed.to_vec();
    sorted.sort_unstable();
    let sagas: Vec<Uuid> = sorted.iter().map(|id| id.saga.0).collect();
    let seqs: Vec<i64> = sorted.iter().map(|id| bigint(id.seq)).collect();
    store
        .query(
            "delete outbox rows",
            statements::DELETE_OUTBOX,
            &[&sagas, &seqs],
        )
        .await?;
    Ok(())
}

/// How many rows there are, and the age of the oldest.
pub(super) async fn outbox_backlog(
    store: &PostgresStore,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let rows = store
        .query("measure the outbox", statements::OUTBOX_BACKLOG, &[])
        .await?;
    let Some(row) = rows.first() else {
        return Ok((0, None));
    };
    let oldest: Option<Time> = read(row, 1, "the outbox")?;
    Ok((
        counter(read(row, 0, "the outbox")?),
        oldest.map(|Time(at)| at),
    ))
}
