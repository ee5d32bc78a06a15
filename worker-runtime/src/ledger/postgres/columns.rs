//! Keys as the arrays that the batch statements take.

use std::collections::HashMap;

use saga_core::ids::{SagaId, StepKey, StepName};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::ledger::key::{Effect, LedgerKey};

/// The key columns of a batch.
pub(super) struct KeyColumns<'a> {
    pub(super) sagas: Vec<Uuid>,
    pub(super) steps: Vec<&'a str>,
    pub(super) elements: Vec<i32>,
    pub(super) ops: Vec<&'static str>,
    pub(super) rounds: Vec<i32>,
}

impl<'a> KeyColumns<'a> {
    pub(super) fn of(keys: impl Iterator<Item = &'a LedgerKey> + Clone) -> Self {
        Self {
            sagas: keys.clone().map(|key| key.saga.0).collect(),
            steps: keys.clone().map(|key| key.work.step.as_str()).collect(),
            elements: keys.clone().map(|key| number(key.work.element)).collect(),
            ops: keys.clone().map(|key| key.effect.op().as_str()).collect(),
            rounds: keys.map(|key| number(key.round)).collect(),
        }
    }
}

/// Counts far beyond what a saga can reach are stored as the largest that fits.
pub(super) fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Rows by their key, because a statement returns them in any order.
pub(super) fn by_key(rows: Vec<Row>) -> Result<HashMap<LedgerKey, Row>, tokio_postgres::Error> {
    rows.into_iter().map(|row| Ok((key(&row)?, row))).collect()
}

fn key(row: &Row) -> Result<LedgerKey, tokio_postgres::Error> {
    let (element, round): (i32, i32) = (row.try_get("element")?, row.try_get("round")?);
    let op: &str = row.try_get("op")?;
    Ok(LedgerKey {
        saga: SagaId(row.try_get("saga_id")?),
        work: StepKey {
            step: StepName::new(row.try_get("step")?),
            element: element.unsigned_abs(),
        },
        effect: if op == Effect::Action.op().as_str() {
            Effect::Action
        } else {
            Effect::Compensate
        },
        round: round.unsigned_abs(),
    })
}
