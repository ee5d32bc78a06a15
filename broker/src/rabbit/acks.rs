//! Acknowledgements wait a moment for others, to be told together.
//!
//! Nobody waits for an acknowledgement, and a quorum queue writes each one to its log, as it does a
//! message: told together they cost it a third less for a saga. If the connection breaks meanwhile, what was
//! done comes again, which it may at any time. Each time brings it closer to its delivery limit, though, and a
//! command that kills workers takes along what they have not told of: so one that is alone is told at once.

use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep_until};

use crate::receipt::Settlement;

/// From one time that the broker is told to the next: the longest wait of an acknowledgement.
const WAIT: Duration = Duration::from_millis(50);

/// This share of the prefetch window at most waits to be told: what waits keeps new messages out.
const WINDOW_SHARE: usize = 4;

/// Settlements that the broker has not been told of.
#[derive(Debug)]
pub(super) struct PendingAcks {
    settlements: Vec<Settlement>,
    /// So many are enough.
    enough: usize,
    /// Most that are taken at once.
    limit: usize,
    /// When the broker may be told again, were it of one.
    due: Instant,
}

impl PendingAcks {
    pub(super) fn of(prefetch: u16) -> Self {
        let window = usize::from(prefetch).max(1);
        Self {
            settlements: Vec::new(),
            enough: (window / WINDOW_SHARE).max(1),
            limit: window,
            due: Instant::now(),
        }
    }

    /// Waits for settlements until it is time to tell the broker.
    ///
    /// Can be dropped at any time: nothing is lost.
    pub(super) async fn gather(&mut self, settled: &mut mpsc::UnboundedReceiver<Settlement>) {
        while !self.is_complete() {
            let is_first = self.settlements.is_empty();
            let arrive = settled.recv_many(&mut self.settlements, self.limit);
            if is_first {
                arrive.await;
                continue;
            }
            tokio::select! {
                biased;
                _ = arrive => {}
                () = sleep_until(self.due) => return,
            }
        }
    }

    /// Hands out what has gathered.
    pub(super) fn take(&mut self) -> Vec<Settlement> {
        self.due = Instant::now() + WAIT;
        std::mem::take(&mut self.settlements)
    }

    /// What goes back to a queue or to the dead letters is waited for.
    fn is_complete(&self) -> bool {
        self.settlements.len() >= self.enough
            || !self
                .settlements
                .iter()
                .all(|it| matches!(it, Settlement::Ack(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Settlement::{Ack, DeadLetter, Requeue};

    /// What is told after these settlements, and how long that takes, when one has just been told.
    async fn told(prefetch: u16, settlements: &[Settlement]) -> (usize, Duration) {
        let (settle, mut settled) = mpsc::unbounded_channel();
        let (mut acks, began) = (PendingAcks::of(prefetch), Instant::now());
        settle.send(Ack(0)).unwrap();
        acks.gather(&mut settled).await;
        assert_eq!((acks.take().len(), began.elapsed()), (1, Duration::ZERO));
        for settlement in settlements {
            settle.send(*settlement).unwrap();
        }
        acks.gather(&mut settled).await;
        (acks.take().len(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_alone_is_told_at_once() {
        let (settle, mut settled) = mpsc::unbounded_channel();
        let mut acks = PendingAcks::of(64);
        for tag in [1, 2] {
            let came = Instant::now();
            settle.send(Ack(tag)).unwrap();
            acks.gather(&mut settled).await;
            assert_eq!(
                (acks.take(), came.elapsed()),
                (vec![Ack(tag)], Duration::ZERO)
            );
            tokio::time::sleep(WAIT).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_acknowledgement_waits_for_others_and_no_longer_than_a_moment() {
        assert_eq!(told(64, &[Ack(1), Ack(2)]).await, (2, WAIT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_quarter_of_the_window_is_enough() {
        let many: Vec<Settlement> = (1..=16).map(Ack).collect();
        assert_eq!(told(64, &many).await, (16, Duration::ZERO));
        // One that is let in at a time never waits.
        assert_eq!(told(1, &[Ack(1)]).await, (1, Duration::ZERO));
        assert_eq!(told(7, &[Ack(1)]).await, (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_done_with_is_told_at_once() {
        for settlement in [Requeue(2), DeadLetter(2)] {
            let told = told(64, &[Ack(1), settlement]).await;
            assert_eq!(told, (2, Duration::ZERO));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_gathered_stays_when_the_wait_is_given_up() {
        let (settle, mut settled) = mpsc::unbounded_channel();
        let (mut acks, began) = (PendingAcks::of(64), Instant::now());
        settle.send(Ack(0)).unwrap();
        acks.gather(&mut settled).await;
        assert_eq!(acks.take(), [Ack(0)]);
        settle.send(Ack(1)).unwrap();
        let moment = WAIT / 2;
        tokio::time::timeout(moment, acks.gather(&mut settled))
            .await
            .unwrap_err();
        settle.send(Ack(2)).unwrap();
        acks.gather(&mut settled).await;
        // Its wait goes on, and does not begin anew.
        assert_eq!(began.elapsed(), WAIT);
        assert_eq!(acks.take(), [Ack(1), Ack(2)]);
    }
}
