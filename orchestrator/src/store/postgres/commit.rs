//! Writing a batch: one statement when all goes well, and the truth when it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use saga_core::ids::{MessageId, SagaId};
use uuid::Uuid;

use super::arrays::CommitArrays;
use super::columns::{bigint, column};
use super::day_query::{self, by_day};
use super::failure::Failure;
use super::rows::{self, read};
use super::statements;
use super::store::PostgresStore;
use crate::store::{
    Batch, CommitReport, Committed, SagaOutcome, StartKey, StoreError, StoredDeadLetter, Transition,
};

/// What callers see in errors.
const OPERATION: &str = "commit a batch";

/// Waits before the tries after the first one.
const RETRY_DELAYS: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
];

/// What a batch writes beside its sagas.
#[derive(Clone, Copy, Default)]
struct Extras<'a> {
    confirmed: &'a [MessageId],
    dead_letters: &'a [StoredDeadLetter],
}

impl Extras<'_> {
    const fn is_empty(&self) -> bool {
        self.confirmed.is_empty() && self.dead_letters.is_empty()
    }
}

/// What one run of the statement did.
pub(super) struct Written {
    /// The sagas that won the compare-and-set.
    pub(super) matched: BTreeSet<Uuid>,
    /// An earlier try had no answer, so what did not match may be that try's own work.
    pub(super) uncertain: bool,
}

/// Writes a batch.
pub(super) async fn commit(
    store: &PostgresStore,
    batch: &Batch,
) -> Result<CommitReport, StoreError> {
    let mut report = CommitReport::committed();
    let mut waiting = batch.sound_transitions(&mut report)?;
    let mut extras = Extras {
        confirmed: &batch.confirmed,
        dead_letters: &batch.dead_letters,
    };
    while !waiting.is_empty() || !extras.is_empty() {
        let (group, rivals) = collapse_equal_keys(&waiting);
        write(store, &group, std::mem::take(&mut extras), &mut report).await?;
        waiting = judge_rivals(rivals, &mut report);
    }
    Ok(report)
}

/// Writes one transition whose earlier commit may have happened.
pub(super) async fn repeat(
    store: &PostgresStore,
    transition: &Transition,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let group = [transition];
    let executed = execute(store, &group, Extras::default()).await;
    let mut written = executed.map_err(|failure| failure.into_error(OPERATION))?;
    written.uncertain = true;
    settle(store, &group, &written, report).await
}

/// Of starts with the same key only the first is tried; what becomes of the others follows.
fn collapse_equal_keys<'a>(
    transitions: &[&'a Transition],
) -> (Vec<&'a Transition>, Vec<(&'a Transition, SagaId)>) {
    let mut first: BTreeMap<&StartKey, SagaId> = BTreeMap::new();
    let (mut group, mut rivals) = (Vec::with_capacity(transitions.len()), Vec::new());
    for transition in transitions {
        let holder = transition
            .start_key
            .as_ref()
            .map(|key| *first.entry(key).or_insert(transition.saga.id));
        match holder {
            Some(holder) if holder != transition.saga.id => rivals.push((*transition, holder)),
            Some(_) | None => group.push(*transition),
        }
    }
    (group, rivals)
}

/// Returns those whose rival did not get the key after all.
fn judge_rivals<'a>(
    rivals: Vec<(&'a Transition, SagaId)>,
    report: &mut CommitReport,
) -> Vec<&'a Transition> {
    let mut open = Vec::new();
    for (transition, rival) in rivals {
        let holder = match report.outcome(rival) {
            Some(SagaOutcome::Committed(_)) => rival,
            Some(SagaOutcome::KeyTaken(holder)) => *holder,
            Some(SagaOutcome::Conflict | SagaOutcome::Poisoned(_)) | None => {
                open.push(transition);
                continue;
            }
        };
        report.record(transition.saga.id, SagaOutcome::KeyTaken(holder));
    }
    open
}

/// Writes transitions, halving the group until what the database refuses stands alone.
async fn write(
    store: &PostgresStore,
    transitions: &[&Transition],
    extras: Extras<'_>,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let mut stack = vec![(transitions, extras)];
    while let Some((group, extras)) = stack.pop() {
        match execute(store, group, extras).await {
            Ok(written) => settle(store, group, &written, report).await?,
            Err(Failure::Data(message)) => match group {
                [] => return Err(Failure::Data(message).into_error(OPERATION)),
                group if !extras.is_empty() => {
                    stack.push((&[], extras));
                    stack.push((group, Extras::default()));
                }
                [offender] => {
                    tracing::warn!(saga.id = %offender.saga.id, reason = %message,
                        "the database cannot hold a transition");
                    report.record(offender.saga.id, SagaOutcome::Poisoned(message));
                }
                group => {
                    let (left, right) = group.split_at(group.len() / 2);
                    stack.push((right, Extras::default()));
                    stack.push((left, Extras::default()));
                }
            },
            Err(failure) => return Err(failure.into_error(OPERATION)),
        }
    }
    Ok(())
}

/// Runs the statement, again and unchanged while that may help. Repeating is safe even after an
/// answer was lost: the compare-and-set matches nothing a second time.
async fn execute(
    store: &PostgresStore,
    transitions: &[&Transition],
    extras: Extras<'_>,
) -> Result<Written, Failure> {
    let mut arrays = CommitArrays::new(store.owner, transitions)?;
    arrays.confirm(extras.confirmed);
    arrays.bury(extras.dead_letters);
    let (sql, params) = arrays.statement();
    let mut uncertain = false;
    let mut delays = RETRY_DELAYS.iter();
    loop {
        let failure = match store.try_query(sql, &params).await {
            Ok(rows) => {
                let matched = rows
                    .iter()
                    .map(|row| column(row, 0))
                    .collect::<Result<_, _>>()?;
                return Ok(Written { matched, uncertain });
            }
            Err(failure) => failure,
        };
        uncertain |= matches!(failure, Failure::Unknown(_));
        match delays.next() {
            Some(delay) if failure.is_worth_another_try() => {
                tracing::debug!(?failure, "a commit is tried again");
                tokio::time::sleep(*delay).await;
            }
            Some(_) | None => return Err(failure),
        }
    }
}

/// Reports what became of each saga of a group.
pub(super) async fn settle(
    store: &PostgresStore,
    group: &[&Transition],
    written: &Written,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let mut missed = Vec::new();
    for transition in group {
        if written.matched.contains(&transition.saga.id.0) {
            report.record(transition.saga.id, SagaOutcome::Committed(Committed::new()));
        } else {
            missed.push(*transition);
        }
    }
    if written.uncertain && !missed.is_empty() {
        let ours = read_back(store, &missed).await?;
        missed.retain(|transition| {
            let committed = ours.contains(&transition.saga.id);
            if committed {
                report.record(transition.saga.id, SagaOutcome::Committed(Committed::new()));
            }
            !committed
        });
    }
    let holders = key_holders(store, &missed).await?;
    for transition in missed {
        let holder = transition
            .start_key
            .as_ref()
            .and_then(|key| holders.get(key));
        let outcome = match holder {
            Some(holder) if *holder != transition.saga.id => SagaOutcome::KeyTaken(*holder),
            Some(_) | None => SagaOutcome::Conflict,
        };
        report.record(transition.saga.id, outcome);
    }
    Ok(())
}

/// Those of these transitions whose last event is on record: events are never changed, so they
/// were committed, whatever has happened since.
async fn read_back(
    store: &PostgresStore,
    transitions: &[&Transition],
) -> Result<BTreeSet<SagaId>, StoreError> {
    let mut rows = Vec::new();
    for (day, transitions) in by_day(transitions, |transition| transition.saga.id) {
        let saga = |transition: &&&Transition| transition.saga.id.0;
        let ids: Vec<Uuid> = transitions.iter().map(saga).collect();
        let seqs: Vec<i64> = transitions.iter().map(|t| bigint(t.saga.version)).collect();
        let sql = statements::READ_BACK;
        rows.extend(day_query::query(store, OPERATION, sql, day, &[&ids, &seqs]).await?);
    }
    let mut ours = BTreeSet::new();
    for row in &rows {
        let id = SagaId(read(row, 0, "an event")?);
        let Ok(stored) = rows::events(row, 1) else {
            continue;
        };
        let mine = transitions
            .iter()
            .find(|transition| transition.saga.id == id);
        let last = mine.and_then(|transition| transition.events.last());
        if last.is_some_and(|last| stored.contains(last)) {
            ours.insert(id);
        }
    }
    Ok(ours)
}

/// Which sagas have the keys that these transitions wanted. A statement of its own, because the
/// one that lost cannot see the row it lost against.
async fn key_holders(
    store: &PostgresStore,
    transitions: &[&Transition],
) -> Result<BTreeMap<StartKey, SagaId>, StoreError> {
    let wanted: Vec<&StartKey> = transitions
        .iter()
        .filter_map(|transition| transition.start_key.as_ref())
        .collect();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let definitions: Vec<&str> = wanted.iter().map(|key| &*key.definition).collect();
    let keys: Vec<&str> = wanted.iter().map(|key| &*key.key).collect();
    let rows = store
        .query(OPERATION, statements::KEY_HOLDERS, &[&definitions, &keys])
        .await?;
    let holders = rows.iter().map(|row| {
        let definition = column::<&str>(row, 0)?.into();
        Ok((
            StartKey {
                definition,
                key: column(row, 1)?,
            },
            SagaId(column(row, 2)?),
        ))
    });
    holders
        .collect::<Result<_, Failure>>()
        .map_err(|failure| failure.into_error(OPERATION))
}
