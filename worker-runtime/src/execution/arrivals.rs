//! Those that are about to join a batch.
//!
//! The commands of one message are given to as many tasks. The first of these would have the ledger's next
//! statement to itself, and the others the one after it; then the first answer a message to itself, and the
//! others the one after it. They would stay apart from there on, the commit that follows and the commands
//! that come of it too, and each part costs nearly what the whole does.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// The longest that is waited for them.
const PATIENCE: Duration = Duration::from_millis(5);

/// How many there are. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrivals(Arc<Count>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Arrival(Arc<Count>);

#[derive(Debug, Default)]
struct Count {
    arriving: AtomicUsize,
    over: Notify,
}

impl Arrivals {
    /// One more is coming.
    pub(crate) fn come(&self) -> Arrival {
        self.0.arriving.fetch_add(1, Ordering::AcqRel);
        Arrival(Arc::clone(&self.0))
    }

    /// One more is coming with each of these.
    pub(super) fn with<T>(&self, all: Vec<T>) -> Vec<(T, Arrival)> {
        all.into_iter().map(|one| (one, self.come())).collect()
    }

    /// Waits while any is coming, for a moment at most.
    pub(super) async fn are_over(&self) {
        let _or_not = timeout(PATIENCE, async {
            loop {
                let over = self.0.over.notified();
                if self.0.arriving.load(Ordering::Acquire) == 0 {
                    return;
                }
                over.await;
            }
        })
        .await;
    }
}

impl Arrival {
    /// Carries out what has come. It has arrived where it is going as soon as it waits for something: for
    /// the ledger, which has heard of it then, or for a handler that takes its time.
    pub(crate) async fn carry_out<T>(self, carrying_out: impl Future<Output = T>) -> T {
        let mut carrying_out = pin!(carrying_out);
        let first = std::future::poll_fn(|cx| Poll::Ready(carrying_out.as_mut().poll(cx))).await;
        drop(self);
        match first {
            Poll::Ready(done) => done,
            Poll::Pending => carrying_out.await,
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if self.0.arriving.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.over.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_has_arrived_when_it_waits_or_is_done() {
        let arrivals = Arrivals::default();
        let (first, second) = (arrivals.come(), arrivals.come());
        assert_eq!(first.carry_out(async { 1 }).await, 1);
        let (done, wait) = oneshot::channel();
        let began = Instant::now();
        let carried_out = tokio::spawn(second.carry_out(wait));
        arrivals.are_over().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        done.send(2).unwrap();
        assert_eq!(carried_out.await.unwrap(), Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn they_are_waited_for_and_no_longer_than_a_moment() {
        let (arrivals, began) = (Arrivals::default(), Instant::now());
        let all = arrivals.with(vec!["a", "b"]);
        arrivals.are_over().await;
        assert_eq!(began.elapsed(), PATIENCE);
        let dropping = tokio::spawn(async move {
            tokio::time::sleep(PATIENCE / 5).await;
            drop(all);
        });
        arrivals.are_over().await;
        assert_eq!(began.elapsed(), PATIENCE + PATIENCE / 5);
        dropping.await.unwrap();
    }
}
