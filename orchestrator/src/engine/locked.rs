//! The way out for a saga that loses the compare-and-set again and again.

use std::sync::Arc;

use saga_core::definition::Definition;
use saga_core::saga::Saga;
use saga_core::values::{ValueKey, Values};
use tokio::time::Instant;
use tracing::{error, warn};

use super::cache::Known;
use super::fold::{Folded, fold};
use super::group::{Group, Pending};
use super::lane::{Judged, Lane, VALUE_LOADS_MAX};
use crate::store::{Batch, CommitReport, SagaOutcome, StoreError};

impl Lane {
    /// Judges one saga while its row is locked, so that nobody can be faster.
    pub(super) async fn judge_locked(&mut self, mut group: Group, pending: &mut Pending) {
        let id = group.saga;
        if self.cache.get(id).is_none() {
            let (store, ids) = (Arc::clone(&self.shared.store), [id]);
            let Some((sagas, proof)) = self.persist(|| store.load(&ids)).await else {
                return;
            };
            let Some(saga) = sagas.into_iter().next() else {
                return self.settle_orphans(group, proof).await;
            };
            let saga = Arc::new(saga);
            let values = Values::default();
            self.cache.put(id, Known { saga, values });
        }
        for _ in 0..VALUE_LOADS_MAX {
            // However old what is known is: its values hold, and the state is read under the lock.
            let Some(definition) = self.definition_of(&group).await else {
                return self.give_back(group);
            };
            match self.try_locked(&group, &definition).await {
                Ok((Some(Ok(folded)), report)) => {
                    let known = self.cache.get(id).map(|known| known.saga.version);
                    if known != Some(folded.judged) {
                        self.rivals.contest(id, Instant::now());
                    }
                    return self
                        .conclude_locked(group, definition, folded, &report, pending)
                        .await;
                }
                Ok((Some(Err(keys)), _)) => {
                    let missing: Vec<_> = keys.into_iter().map(|key| (id, key)).collect();
                    self.load_values(&missing).await;
                }
                // It was moved to another version, or is gone: look again.
                Ok((None, _)) => {
                    self.cache.forget(id);
                    return pending.push(group);
                }
                Err(error) => {
                    warn!(saga.id = %id, error = %crate::chain(&error), "judging under a lock");
                    self.shared.outbox.look_in_store();
                    // Without the lock it is tried with pauses, for as long as the store is away.
                    self.rivals.unlock(id);
                    group.lost = 0;
                    return pending.push(group);
                }
            }
        }
        error!(saga.id = %id, "a decision reads values that the store does not have");
        self.give_back(group);
    }

    /// What the locked state made of the inputs, with the values at hand, and whether it is stored.
    /// Nothing where the saga is not there any more, or runs another definition.
    async fn try_locked(
        &mut self,
        group: &Group,
        definition: &Definition,
    ) -> Result<(Option<Result<Folded, Vec<ValueKey>>>, CommitReport), StoreError> {
        let known = self.cache.get(group.saga);
        let values = known.map_or_else(Values::default, |known| known.values.clone());
        let mut judged = None;
        let shared = Arc::clone(&self.shared);
        let judge = {
            let judged = &mut judged;
            Box::new(move |locked: Option<Saga>| {
                let saga = Arc::new(locked?);
                if saga.definition != definition.reference {
                    return None;
                }
                let inputs = group.jobs.iter().map(|job| &job.input);
                let now = shared.store.now();
                let answers_to = shared.answers_to.borrow();
                let ways = (&shared.topology, answers_to.as_str());
                let folded = fold(definition, ways, &saga, &values, inputs, now);
                let folded = judged.insert(folded).as_ref().ok()?;
                folded.transition.clone()
            })
        };
        let report = self.shared.store.commit_locked(group.saga, judge).await?;
        Ok((judged, report))
    }

    async fn conclude_locked(
        &mut self,
        group: Group,
        definition: Arc<Definition>,
        folded: Folded,
        report: &CommitReport,
        pending: &mut Pending,
    ) {
        self.keep_letters(&group).await;
        let mut rearm = Vec::new();
        let fresh = match report.outcome(group.saga) {
            Some(SagaOutcome::Committed(proof)) => Some(*proof),
            Some(SagaOutcome::Conflict | SagaOutcome::KeyTaken(_) | SagaOutcome::Poisoned(_))
            | None => None,
        };
        let mut one = Judged {
            group,
            definition,
            folded,
            fresh,
        };
        self.send(one.folded.transition.as_mut_slice(), report);
        Box::pin(self.conclude(one, report, pending, &mut rearm)).await;
        self.rearm(&rearm).await;
    }

    /// Under a lock only the saga is written; what is kept for people follows it.
    async fn keep_letters(&self, group: &Group) {
        let batch = Batch {
            dead_letters: group
                .jobs
                .iter()
                .filter_map(|job| job.letter.clone())
                .collect(),
            ..Batch::default()
        };
        if !batch.dead_letters.is_empty() {
            let _else_the_deliveries_come_again = self.commit(&batch).await;
        }
    }
}
