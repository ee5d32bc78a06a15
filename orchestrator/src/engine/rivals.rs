//! Whether others move the same sagas.
//!
//! Answers come to the orchestrator that asked. Where one has no room for them, or has died, others take
//! them, and what some of them know is out of date. Judged all the same, such a state costs a lost
//! compare-and-set, and then the reading and the judging once more. An orchestrator whose sagas nobody else
//! moves always knows best, and to ask would be wasted.
//!
//! A long list whose answers were taken up by several is moved by each of them from then on: most of what
//! they judge is out of date before it is stored. Such a saga is locked first for a while, so that they
//! take turns.

use std::collections::HashMap;
use std::time::Duration;

use saga_core::ids::SagaId;
use tokio::time::Instant;

/// After a lost compare-and-set, states are asked for this long before they are judged.
const ASK_FOR: Duration = Duration::from_secs(10);

/// A saga that was lost again and again is locked before it is judged until nobody else has moved it for
/// this long.
const LOCK_FOR: Duration = Duration::from_secs(1);

/// Contested sagas that are remembered, at most; one more is found out again.
const CONTESTED_MAX: usize = 64;

/// When another orchestrator was met last.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    met: Option<Instant>,
    /// Sagas that several orchestrators want to move, and when another one was known to.
    contested: HashMap<SagaId, Instant>,
}

impl Rivals {
    /// Another orchestrator has moved a saga that is known here.
    pub(super) const fn meet(&mut self, now: Instant) {
        self.met = Some(now);
    }

    /// This saga was lost so often that it has to be locked, or another orchestrator has moved it again
    /// since.
    pub(super) fn contest(&mut self, saga: SagaId, now: Instant) {
        self.contested.retain(|_, since| is_recent(*since, now));
        if self.contested.len() < CONTESTED_MAX || self.contested.contains_key(&saga) {
            self.contested.insert(saga, now);
        }
    }

    /// This saga is tried without a lock again.
    pub(super) fn unlock(&mut self, saga: SagaId) {
        self.contested.remove(&saga);
    }

    /// Whether this saga is to be locked before it is judged.
    pub(super) fn is_contested(&self, saga: SagaId, now: Instant) -> bool {
        let since = self.contested.get(&saga);
        since.is_some_and(|since| is_recent(*since, now))
    }

    /// Whether what is known may be out of date.
    pub(super) fn about(&self, now: Instant) -> bool {
        self.met
            .is_some_and(|met| now.saturating_duration_since(met) < ASK_FOR)
    }
}

fn is_recent(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < LOCK_FOR
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_contested_saga_is_locked_for_a_while_and_no_other() {
        let (mut rivals, now) = (Rivals::default(), Instant::now());
        let [one, other] = [1, 2].map(|id| SagaId(Uuid::from_u128(id)));
        assert!(!rivals.is_contested(one, now));
        rivals.contest(one, now);
        assert!(rivals.is_contested(one, now));
        assert!(!rivals.is_contested(other, now));
        assert!(!rivals.is_contested(one, now + LOCK_FOR));
        rivals.unlock(one);
        assert!(!rivals.is_contested(one, now));
    }

    #[test]
    fn so_many_contested_sagas_are_remembered_and_old_ones_make_room() {
        let (mut rivals, now) = (Rivals::default(), Instant::now());
        let ids = (0..=CONTESTED_MAX as u128).map(|id| SagaId(Uuid::from_u128(id)));
        ids.clone().for_each(|id| rivals.contest(id, now));
        let known = |rivals: &Rivals, now| {
            ids.clone()
                .filter(|id| rivals.is_contested(*id, now))
                .count()
        };
        assert_eq!(known(&rivals, now), CONTESTED_MAX);
        let later = now + LOCK_FOR;
        ids.clone().take(1).for_each(|id| rivals.contest(id, later));
        assert_eq!(known(&rivals, later), 1);
    }

    #[test]
    fn who_met_nobody_for_a_while_asks_no_more() {
        let (mut rivals, now) = (Rivals::default(), Instant::now());
        assert!(!rivals.about(now));
        rivals.meet(now);
        assert!(rivals.about(now));
        assert!(rivals.about(now + ASK_FOR - Duration::from_millis(1)));
        assert!(!rivals.about(now + ASK_FOR));
    }
}
