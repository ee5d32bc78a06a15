//! The audit log's table.

use std::time::Duration;

use saga_core::ids::SagaId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::columns::{Time, bigint, counter};
use super::failure::Failure;
use super::reads::planned_anew;
use super::rows::read;
use super::statements;
use super::store::PostgresStore;
use crate::audit::{
    AuditEntry, AuditFilter, AuditHash, AuditPage, AuditRecord, Chain, Phase, Standing,
};
use crate::store::{PAGE_ROWS_MAX, StoreError};

const WHAT: &str = "a record of the audit log";
const APPEND: &str = "write the audit log";

/// Other processes may append first this often.
const RACES_LOST_MAX: u32 = 64;

/// Waits this much longer after each lost race.
const AFTER_A_RACE: Duration = Duration::from_millis(2);

/// Appends entries. Nothing is locked: the end of the chain is read, the entries are linked to it,
/// and the table takes them if that is still its end.
pub(super) async fn append_audit(
    store: &PostgresStore,
    entries: &[AuditEntry],
) -> Result<Vec<AuditRecord>, StoreError> {
    let mut end = audit_head(store).await?;
    let mut lost = 0;
    loop {
        let records = end.link(entries);
        let Some(last) = records.last() else {
            return Ok(records);
        };
        let Err(failure) = insert(store, &records).await else {
            return Ok(records);
        };
        // When no answer came, this may be the end by now, or be refused because of itself.
        let place = audit_chain(store, last.seq - 1, 1).await?;
        if place.first().is_some_and(|stored| stored.hash == last.hash) {
            return Ok(records);
        }
        let now = audit_head(store).await?;
        let somebody_was_first = now != end;
        lost += 1;
        if lost > RACES_LOST_MAX || !(somebody_was_first || failure.is_worth_another_try()) {
            return Err(failure.into_error(APPEND));
        }
        end = now;
        tokio::time::sleep(AFTER_A_RACE * lost).await;
    }
}

async fn audit_head(store: &PostgresStore) -> Result<Chain, StoreError> {
    let rows = store.query(APPEND, statements::AUDIT_HEAD, &[]).await?;
    let Some(row) = rows.first() else {
        return Ok(Chain::default());
    };
    Ok(Chain {
        records: counter(read(row, 0, WHAT)?),
        hash: hash(read(row, 1, WHAT)?)?,
    })
}

async fn insert(store: &PostgresStore, records: &[AuditRecord]) -> Result<(), Failure> {
    fn column<'a, T>(records: &'a [AuditRecord], get: impl Fn(&'a AuditRecord) -> T) -> Vec<T> {
        records.iter().map(get).collect()
    }
    let seqs = column(records, |it| bigint(it.seq));
    let ats = column(records, |it| Time(it.entry.at));
    let requests = column(records, |it| it.entry.request.as_str());
    let answers = column(records, |it| it.entry.answers.map(bigint));
    let phases = column(records, |it| it.entry.phase.as_str());
    let who = column(records, |it| it.entry.who.as_str());
    let behalf = column(records, |it| it.entry.on_behalf_of.as_deref());
    let roles = column(records, |it| it.entry.role.as_str());
    let verbs = column(records, |it| it.entry.verb.as_str());
    let targets = column(records, |it| it.entry.target.as_str());
    let sagas = column(records, |it| it.entry.saga.map(|SagaId(id)| id));
    let reasons = column(records, |it| it.entry.reason.as_deref());
    let (before_states, before_versions) = standings(records, |entry| entry.before.as_ref());
    let (after_states, after_versions) = standings(records, |entry| entry.after.as_ref());
    let details = column(records, |it| it.entry.detail.as_deref());
    let previous = column(records, |it| it.previous.0.as_slice());
    let hashes = column(records, |it| it.hash.0.as_slice());
    store
        .try_query(
            statements::APPEND_AUDIT,
            &[
                &seqs,
                &ats,
                &requests,
                &answers,
                &phases,
                &who,
                &behalf,
                &roles,
                &verbs,
                &targets,
                &sagas,
                &reasons,
                &before_states,
                &before_versions,
                &after_states,
                &after_versions,
                &details,
                &previous,
                &hashes,
            ],
        )
        .await
        .map(drop)
}

/// Two columns of how targets stand.
fn standings(
    records: &[AuditRecord],
    get: impl Fn(&AuditEntry) -> Option<&Standing>,
) -> (Vec<Option<&str>>, Vec<Option<i64>>) {
    let standings = records.iter().map(|it| get(&it.entry));
    standings
        .map(|standing| {
            let version = standing.and_then(|it| it.version).map(bigint);
            (standing.map(|it| it.state.as_str()), version)
        })
        .unzip()
}

/// Records, the newest first.
pub(super) async fn audit(
    store: &PostgresStore,
    filter: &AuditFilter,
) -> Result<AuditPage, StoreError> {
    // No text in the database contains U+0000, and a parameter that does is an error.
    let nul = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains('\0'));
    if nul(&filter.who) || nul(&filter.verb) {
        return Ok(AuditPage {
            records: Vec::new(),
            next: None,
        });
    }
    let limit = filter.limit.clamp(1, PAGE_ROWS_MAX);
    let rows = planned_anew(
        store,
        statements::AUDIT,
        &[
            &filter.since.map(Time),
            &filter.who,
            &filter.saga.map(|SagaId(id)| id),
            &filter.verb,
            &filter.before.map(bigint),
            &filter.all,
            // One more than asked for tells whether there is another page.
            &(i64::from(limit) + 1),
        ],
    )
    .await
    .map_err(|failure| failure.into_error("list the audit log"))?;
    let mut records = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
    let full = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = records.len() > full;
    records.truncate(full);
    let last = records.last().map(|record| record.seq);
    let next = last.filter(|_| more);
    Ok(AuditPage { records, next })
}

/// Records after one, in the order of the chain.
pub(super) async fn audit_chain(
    store: &PostgresStore,
    after: u64,
    limit: u32,
) -> Result<Vec<AuditRecord>, StoreError> {
    let limit = i64::from(limit.clamp(1, PAGE_ROWS_MAX));
    let rows = store
        .query(
            "read the audit log",
            statements::AUDIT_CHAIN,
            &[&bigint(after), &limit],
        )
        .await?;
    rows.iter().map(record).collect()
}

fn record(row: &Row) -> Result<AuditRecord, StoreError> {
    let Time(at) = read(row, 1, WHAT)?;
    let answers: Option<i64> = read(row, 3, WHAT)?;
    let phase: &str = read(row, 4, WHAT)?;
    let phase = Phase::parse(phase).ok_or_else(|| corrupt(&format!("`{phase}` is no phase")))?;
    let saga: Option<Uuid> = read(row, 10, WHAT)?;
    let standing = |state, version| -> Result<Option<Standing>, StoreError> {
        let state: Option<String> = read(row, state, WHAT)?;
        let version: Option<i64> = read(row, version, WHAT)?;
        let version = version.map(counter);
        Ok(state.map(|state| Standing { state, version }))
    };
    let entry = AuditEntry {
        at,
        request: read(row, 2, WHAT)?,
        answers: answers.map(counter),
        phase,
        who: read(row, 5, WHAT)?,
        on_behalf_of: read(row, 6, WHAT)?,
        role: read(row, 7, WHAT)?,
        verb: read(row, 8, WHAT)?,
        target: read(row, 9, WHAT)?,
        saga: saga.map(SagaId),
        reason: read(row, 11, WHAT)?,
        before: standing(12, 13)?,
        after: standing(14, 15)?,
        detail: read(row, 16, WHAT)?,
    };
    Ok(AuditRecord {
        seq: counter(read(row, 0, WHAT)?),
        entry,
        previous: hash(read(row, 17, WHAT)?)?,
        hash: hash(read(row, 18, WHAT)?)?,
    })
}

fn hash(bytes: &[u8]) -> Result<AuditHash, StoreError> {
    let bytes = bytes.try_into();
    bytes
        .map(AuditHash)
        .map_err(|_| corrupt("a hash does not have 32 bytes"))
}

fn corrupt(why: &str) -> StoreError {
    StoreError::Corrupt {
        what: WHAT.to_owned(),
        source: why.into(),
    }
}
