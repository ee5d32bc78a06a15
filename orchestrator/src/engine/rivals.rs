//! Whether others move the same sagas.
//!
//! Orchestrators take replies from one queue, so with two of them half of what one knows is out of date.
//! Judged all the same, such a state costs a lost compare-and-set, and then the reading and the judging
//! once more. Alone, an orchestrator always knows best, and to ask would be wasted.

use std::time::Duration;

use tokio::time::Instant;

/// After a lost compare-and-set, states are asked for this long before they are judged.
const ASK_FOR: Duration = Duration::from_secs(10);

/// When another orchestrator was met last.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    met: Option<Instant>,
}

impl Rivals {
    /// Another orchestrator has moved a saga that is known here.
    pub(super) const fn meet(&mut self, now: Instant) {
        self.met = Some(now);
    }

    /// Whether what is known may be out of date.
    pub(super) fn about(&self, now: Instant) -> bool {
        self.met
            .is_some_and(|met| now.saturating_duration_since(met) < ASK_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
