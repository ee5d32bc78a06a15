//! The days of a memory store.

use saga_core::ids::{MessageId, SagaId};
use saga_core::time::Timestamp;
use saga_core::values::ValueKey;

use super::state::{SagaEntry, State};
use crate::store::day::first_saga_id;
use crate::store::{Day, DaySagas, StoredDay};

impl State {
    /// The days on which a saga that is stored has started, and those that are not dropped.
    pub(super) fn days(&self, ended_before: Timestamp) -> Vec<StoredDay> {
        let horizon = first_saga_id(ended_before);
        let ids = self.sagas.keys().chain(&self.forgotten);
        let mut days: Vec<Day> = ids.map(|id| Day::of(*id)).collect();
        days.sort_unstable();
        days.dedup();
        let stored = days.into_iter().map(|day| StoredDay {
            sagas: (day.beyond <= horizon).then(|| self.count(&day, ended_before)),
            bytes: 0,
            day,
        });
        stored.collect()
    }

    fn count(&self, day: &Day, ended_before: Timestamp) -> DaySagas {
        let mut counts = DaySagas {
            unsent: u64::try_from(self.outbox.range(messages(day)).count()).unwrap_or(u64::MAX),
            ..DaySagas::default()
        };
        for (_, entry) in self.sagas.range(day.first..day.beyond) {
            counts.all += 1;
            match entry.saga.ended_at {
                None => counts.open += 1,
                Some(ended) if ended >= ended_before => counts.recent += 1,
                Some(_) => {}
            }
        }
        counts
    }

    /// Deletes sagas that have ended, and what would find them.
    pub(super) fn forget_sagas(
        &mut self,
        day: &Day,
        ended_before: Timestamp,
        after: Option<SagaId>,
        limit: u32,
    ) -> Option<(u64, SagaId)> {
        let over = |entry: &SagaEntry| entry.saga.ended_at.is_some_and(|at| at < ended_before);
        let gone: Vec<SagaId> = self
            .sagas
            .range(day.first..day.beyond)
            .filter(|(id, entry)| after.is_none_or(|after| **id > after) && over(entry))
            .map(|(id, _)| *id)
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect();
        for id in &gone {
            self.sagas.remove(id);
            self.forgotten.insert(*id);
        }
        let left = |id: &SagaId| gone.binary_search(id).is_err();
        self.keys.retain(|_, holder| left(holder));
        self.good.retain(|_, (_, saga, _)| left(saga));
        self.dead_letters.retain(|_, letter| {
            letter.summary.handled.is_none() || letter.summary.saga.as_ref().is_none_or(left)
        });
        let last = *gone.last()?;
        Some((u64::try_from(gone.len()).unwrap_or(u64::MAX), last))
    }

    /// Deletes the values of a day unless something needs them.
    pub(super) fn drop_day(&mut self, day: &Day) -> bool {
        let is_needed = self.sagas.range(day.first..day.beyond).next().is_some()
            || self.outbox.range(messages(day)).next().is_some();
        if is_needed {
            return false;
        }
        let values = (day.first, ValueKey::Input)..(day.beyond, ValueKey::Input);
        let keys: Vec<_> = self
            .values
            .range(values)
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            self.values.remove(&key);
        }
        self.forgotten
            .retain(|id| !(day.first..day.beyond).contains(id));
        true
    }
}

/// The messages of a day's sagas.
fn messages(day: &Day) -> std::ops::Range<MessageId> {
    let first = |saga| MessageId { saga, seq: 0 };
    first(day.first)..first(day.beyond)
}
