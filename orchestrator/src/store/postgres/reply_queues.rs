//! Signs of life, and the reply queue that comes with them.

use std::time::Duration;

use super::columns::{bigint, integer};
use super::rows::read;
use super::statements;
use super::store::PostgresStore;
use crate::store::{REPLY_QUEUES_MAX, ReplyQueues, StoreError};

const WHAT: &str = "the reply queues";

pub(super) async fn heartbeat(
    store: &PostgresStore,
    lease: Duration,
) -> Result<ReplyQueues, StoreError> {
    let lease = bigint(u64::try_from(lease.as_micros()).unwrap_or(u64::MAX));
    let most = integer(REPLY_QUEUES_MAX);
    let (what, sql) = ("say that it lives", statements::HEARTBEAT);
    let row = store
        .query_clock(what, sql, &[&store.owner, &lease, &most])
        .await?;
    let Some(row) = row else {
        return Ok(ReplyQueues::default());
    };
    let number = |index| -> Result<Option<u32>, StoreError> {
        let number: Option<i32> = read(&row, index, WHAT)?;
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    };
    Ok(ReplyQueues {
        own: number(1)?,
        all: number(2)?.unwrap_or_default(),
    })
}
