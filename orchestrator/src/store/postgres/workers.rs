//! Worker processes, as they speak of themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use broker::envelope::worker::{Announcement, Draining, Occasion, OperationInfo, RunningInfo};
use serde::de::DeserializeOwned;
use tokio_postgres::Row;

use super::columns::{Json, JsonRef, Time, bigint, counter};
use super::rows::read;
use super::statements;
use super::store::PostgresStore;
use crate::store::{Committed, StoreError, StoredWorker, WORKERS_MAX};

const WHAT: &str = "a worker";

/// Keeps the newest word of each worker.
pub(super) async fn announce(
    store: &PostgresStore,
    announcements: &[&Announcement],
    lease: Duration,
) -> Result<Committed, StoreError> {
    // One statement must not write a row twice.
    let mut newest: BTreeMap<&str, &Announcement> = BTreeMap::new();
    for one in announcements {
        let kept = newest.entry(&one.worker).or_insert(one);
        if one.seq > kept.seq {
            *kept = one;
        }
    }
    let all = || newest.values();
    let ids: Vec<&str> = newest.keys().copied().collect();
    let seqs: Vec<i64> = all().map(|it| bigint(it.seq)).collect();
    let occasions: Vec<&str> = all().map(|it| word(it.announcement)).collect();
    let names: Vec<&str> = all().map(|it| it.name.as_str()).collect();
    let builds: Vec<&str> = all().map(|it| it.build.as_str()).collect();
    let started_at: Vec<Time> = all().map(|it| Time(it.started_at)).collect();
    let operations: Vec<Json> = all().map(|it| json(&it.operations)).collect();
    let running: Vec<Json> = all().map(|it| json(&it.running)).collect();
    let draining: Vec<Option<Json>> = all().map(|it| it.draining.as_ref().map(json)).collect();
    let lease = bigint(u64::try_from(lease.as_micros()).unwrap_or(u64::MAX));
    store
        .query(
            "keep what workers say",
            statements::ANNOUNCE,
            &[
                &ids,
                &seqs,
                &occasions,
                &names,
                &builds,
                &started_at,
                &operations,
                &running,
                &lease,
                &draining,
            ],
        )
        .await?;
    Ok(Committed::new())
}

/// Every worker that is known, those that have gone lately included.
pub(super) async fn workers(store: &PostgresStore) -> Result<Vec<StoredWorker>, StoreError> {
    let limit = i64::from(WORKERS_MAX);
    let rows = store
        .query("list workers", statements::WORKERS, &[&limit])
        .await?;
    let mut workers = rows
        .iter()
        .map(worker)
        .collect::<Result<Vec<_>, StoreError>>()?;
    workers.sort_by(|a, b| {
        let key =
            |it: &StoredWorker| (it.announcement.name.clone(), it.announcement.worker.clone());
        key(a).cmp(&key(b))
    });
    Ok(workers)
}

fn worker(row: &Row) -> Result<StoredWorker, StoreError> {
    let occasion: &str = read(row, 2, WHAT)?;
    let Time(started_at) = read(row, 5, WHAT)?;
    let Time(heartbeat_at) = read(row, 8, WHAT)?;
    let Time(lease_until) = read(row, 9, WHAT)?;
    let announcement = Announcement {
        announcement: occasion_of(occasion)?,
        worker: read(row, 0, WHAT)?,
        seq: counter(read(row, 1, WHAT)?),
        name: read(row, 3, WHAT)?,
        build: read(row, 4, WHAT)?,
        started_at,
        operations: list::<OperationInfo>(row, 6)?,
        running: list::<RunningInfo>(row, 7)?,
        draining: draining(row, 10)?,
    };
    Ok(StoredWorker {
        announcement,
        heartbeat_at,
        lease_until,
    })
}

const fn word(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Hello => "hello",
        Occasion::Heartbeat => "heartbeat",
        Occasion::Goodbye => "goodbye",
    }
}

fn occasion_of(word: &str) -> Result<Occasion, StoreError> {
    match word {
        "hello" => Ok(Occasion::Hello),
        "heartbeat" => Ok(Occasion::Heartbeat),
        "goodbye" => Ok(Occasion::Goodbye),
        other => Err(StoreError::Corrupt {
            what: WHAT.to_owned(),
            source: format!("`{other}` is no occasion of an announcement").into(),
        }),
    }
}

fn draining(row: &Row, index: usize) -> Result<Option<Draining>, StoreError> {
    let text: Option<JsonRef<'_>> = read(row, index, WHAT)?;
    text.map(|JsonRef(text)| parse(text)).transpose()
}

fn json(list: &impl serde::Serialize) -> Json {
    // Writing to memory cannot fail: every key is a string.
    Json(serde_json::to_string(list).unwrap_or_default())
}

fn list<T: DeserializeOwned>(row: &Row, index: usize) -> Result<Vec<T>, StoreError> {
    let JsonRef(text) = read(row, index, WHAT)?;
    parse(text)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
        what: WHAT.to_owned(),
        source: Box::new(error),
    })
}
