//! The way out for a saga that loses the compare-and-set again and again.

use std::sync::Arc;

use tracing::warn;

use super::fold::fold;
use super::group::{Group, Pending};
use super::lane::{Judged, Lane};
use crate::store::Batch;

impl Lane {
    /// Judges one saga while its row is locked, so that nobody can be faster.
    pub(super) async fn judge_locked(&mut self, mut group: Group, pending: &mut Pending) {
        let store = Arc::clone(&self.shared.store);
        let ids = [group.saga];
        let Some((sagas, proof)) = self.persist(|| store.load(&ids)).await else {
            return;
        };
        let Some(saga) = sagas.into_iter().next() else {
            return self.settle_orphans(group, proof).await;
        };
        let Ok(definition) = self.shared.catalog.get(&saga.definition).await else {
            return self.give_back(group);
        };
        let stored = self
            .persist(|| store.values(group.saga))
            .await
            .unwrap_or_default();
        let mut values = saga_core::values::Values::default();
        for (key, value) in stored {
            values.insert(key, value);
        }
        let mut folded = None;
        let shared = Arc::clone(&self.shared);
        let judge = {
            let (folded, group, definition) = (&mut folded, &group, &definition);
            Box::new(move |locked: Option<saga_core::saga::Saga>| {
                let saga = Arc::new(locked?);
                // It was moved to another version before the lock was had: look again.
                if saga.definition != definition.reference {
                    return None;
                }
                let inputs = group.jobs.iter().map(|job| &job.input);
                let now = shared.store.now();
                let judged = fold(definition, &shared.topology, &saga, &values, inputs, now);
                *folded = judged.ok();
                folded.as_ref()?.transition.clone()
            })
        };
        let report = match store.commit_locked(group.saga, judge).await {
            Ok(report) => report,
            Err(error) => {
                warn!(saga.id = %group.saga, error = %crate::chain(&error), "judging under a lock");
                self.shared.outbox.look_in_store();
                group.lost = 0;
                return pending.push(group);
            }
        };
        let Some(folded) = folded else {
            return pending.push(group);
        };
        self.keep_letters(&group).await;
        let mut rearm = Vec::new();
        let mut one = Judged {
            group,
            definition,
            folded,
            fresh: Some(proof),
        };
        self.send(one.folded.transition.as_mut_slice(), &report);
        Box::pin(self.conclude(one, &report, pending, &mut rearm)).await;
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
