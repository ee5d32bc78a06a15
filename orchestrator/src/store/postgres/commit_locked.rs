//! The third try of a saga that keeps losing the compare-and-set: lock first, then decide.

use saga_core::ids::SagaId;

use super::arrays::CommitArrays;
use super::columns::column;
use super::commit::{Written, repeat, settle};
use super::failure::Failure;
use super::rows::saga;
use super::statements;
use super::store::PostgresStore;
use super::unit_of_work::UnitOfWork;
use crate::store::{CommitReport, Committed, Judge, SagaOutcome, StoreError, Transition};

const OPERATION: &str = "commit under a lock";

/// Locks one saga, has it judged and writes the result.
pub(super) async fn commit_locked(
    store: &PostgresStore,
    id: SagaId,
    judge: Judge<'_>,
) -> Result<CommitReport, StoreError> {
    let refused = |failure: Failure| failure.into_error(OPERATION);
    let mut report = CommitReport::default();
    let mut session = store.session().await.map_err(refused)?;
    let mut work = UnitOfWork::begin(&mut session).await.map_err(refused)?;
    let rows = work
        .query(statements::LOAD_LOCKED, &[&id.0])
        .await
        .map_err(refused)?;
    let stored = rows.first().map(saga).transpose()?;
    let Some(transition) = judge(stored) else {
        work.commit().await.map_err(refused)?;
        report.record(id, SagaOutcome::Committed(Committed::new()));
        return Ok(report);
    };
    if let Err(reason) = transition.check() {
        work.rollback().await;
        report.record(transition.saga.id, SagaOutcome::Poisoned(reason));
        return Ok(report);
    }
    let written = finish(store, work, &transition).await;
    drop(session);
    match written {
        Ok(written) => settle(store, &[&transition], &written, &mut report).await?,
        Err(Failure::Data(message)) => {
            report.record(transition.saga.id, SagaOutcome::Poisoned(message));
        }
        // It may have been committed, or lost its lock with the connection. Either way the
        // compare-and-set protects a repetition without the lock.
        Err(failure) if failure.is_worth_another_try() => {
            repeat(store, &transition, &mut report).await?;
        }
        Err(failure) => return Err(refused(failure)),
    }
    Ok(report)
}

/// Writes inside the transaction and commits it.
async fn finish(
    store: &PostgresStore,
    mut work: UnitOfWork<'_>,
    transition: &Transition,
) -> Result<Written, Failure> {
    let arrays = CommitArrays::new(store.owner, &[transition])?;
    let (sql, params) = arrays.statement();
    match work.query(sql, &params).await {
        Ok(rows) => {
            let matched = rows
                .iter()
                .map(|row| column(row, 0))
                .collect::<Result<_, _>>()?;
            work.commit().await?;
            Ok(Written {
                matched,
                uncertain: false,
            })
        }
        Err(failure) => {
            work.rollback().await;
            Err(failure)
        }
    }
}
