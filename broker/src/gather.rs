//! Takes what waits, as many at once as there are; under load a little later, for more at once.
//!
//! A batch costs much the same whether it holds one request or fifty: a statement, a message, a
//! wake-up of every process on the way. Taken the moment it comes, each request of a busy system would
//! be a batch of its own. Two things help, and neither holds up a request that is alone:
//!
//! * Those that come together, from one message or after one commit, are sent by tasks that were woken
//!   together, and the first of them wakes whoever gathers. So it lets the others run first.
//! * Whoever has just had a full hand waits a moment before the next.

use std::time::Duration;

use tokio::sync::mpsc;

/// A batch of this many says that more are coming.
const BUSY_FROM: usize = 4;

/// The moment that others are given to join.
const MOMENT: Duration = Duration::from_millis(1);

/// Remembers whether there was much to take the last time.
#[derive(Debug, Default)]
pub struct Gather {
    busy: bool,
}

impl Gather {
    /// Waits for requests and moves at most `limit` of them into `batch`, which is empty before.
    /// Returns how many; none when every sender is gone.
    pub async fn next<T>(
        &mut self,
        requests: &mut mpsc::Receiver<T>,
        batch: &mut Vec<T>,
        limit: usize,
    ) -> usize {
        if requests.recv_many(batch, limit).await == 0 {
            return 0;
        }
        let mut had = 0;
        while batch.len() > had && batch.len() < limit {
            had = batch.len();
            tokio::task::yield_now().await;
            take(requests, batch, limit);
        }
        if self.busy && batch.len() < limit {
            tokio::time::sleep(MOMENT).await;
            take(requests, batch, limit);
        }
        self.busy = batch.len() >= BUSY_FROM;
        batch.len()
    }

    /// Says where what was taken last has come from. From a few there is no company to wait for: what
    /// would join the next batch waits for what becomes of this one.
    pub fn came_from<Source: PartialEq>(&mut self, sources: impl IntoIterator<Item = Source>) {
        let mut seen = Vec::with_capacity(BUSY_FROM);
        for source in sources {
            if seen.contains(&source) {
                continue;
            }
            seen.push(source);
            if seen.len() == BUSY_FROM {
                return;
            }
        }
        self.busy = false;
    }
}

/// Takes what is there, until the batch has `limit`.
pub fn take<T>(requests: &mut mpsc::Receiver<T>, batch: &mut Vec<T>, limit: usize) {
    while batch.len() < limit
        && let Ok(request) = requests.try_recv()
    {
        batch.push(request);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// A queue that holds so many requests.
    fn holding(requests: usize) -> (mpsc::Sender<usize>, mpsc::Receiver<usize>) {
        let (send, receive) = mpsc::channel(64);
        for request in 0..requests {
            send.try_send(request).unwrap();
        }
        (send, receive)
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_alone_is_not_held_up() {
        let (_send, mut requests) = holding(1);
        let (mut gather, mut batch) = (Gather::default(), Vec::new());
        let began = Instant::now();
        assert_eq!(gather.next(&mut requests, &mut batch, 64).await, 1);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_full_hand_others_may_join() {
        let (send, mut requests) = holding(BUSY_FROM);
        let (mut gather, mut batch) = (Gather::default(), Vec::new());
        gather.next(&mut requests, &mut batch, 64).await;
        batch.clear();
        send.send(1).await.unwrap();
        let late = tokio::spawn(async move {
            // Not there yet when it is waited for no longer than for those that can run.
            for _ in 0..9 {
                tokio::task::yield_now().await;
            }
            send.send(2).await
        });
        assert_eq!(gather.next(&mut requests, &mut batch, 64).await, 2);
        late.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_are_about_to_send_join_at_once() {
        let (send, mut requests) = holding(1);
        let (mut gather, mut batch) = (Gather::default(), Vec::new());
        let mut senders = tokio::task::JoinSet::new();
        for request in 1..4 {
            let send = send.clone();
            senders.spawn(async move { send.send(request).await });
        }
        let began = Instant::now();
        assert_eq!(gather.next(&mut requests, &mut batch, 64).await, 4);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_hand_is_waited_after_unless_it_came_from_few() {
        for (sources, waited) in [(1, false), (BUSY_FROM - 1, false), (BUSY_FROM, true)] {
            let (send, mut requests) = holding(2 * BUSY_FROM);
            let (mut gather, mut batch) = (Gather::default(), Vec::new());
            gather.next(&mut requests, &mut batch, 64).await;
            gather.came_from(batch.iter().map(|request| request % sources));
            batch.clear();
            send.send(1).await.unwrap();
            let began = Instant::now();
            assert_eq!(gather.next(&mut requests, &mut batch, 64).await, 1);
            assert_eq!(began.elapsed() >= MOMENT, waited, "{sources} sources");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn takes_no_more_than_allowed_and_nothing_when_nobody_sends() {
        let (send, mut requests) = holding(9);
        let (mut gather, mut batch) = (Gather::default(), Vec::new());
        assert_eq!(gather.next(&mut requests, &mut batch, 8).await, 8);
        batch.clear();
        drop(send);
        assert_eq!(gather.next(&mut requests, &mut batch, 8).await, 1);
        batch.clear();
        assert_eq!(gather.next(&mut requests, &mut batch, 8).await, 0);
    }
}
