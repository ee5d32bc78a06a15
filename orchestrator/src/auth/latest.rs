//! What was last read of something that is kept elsewhere, and who reads it again.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// How old something may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spans {
    /// It is used as it is for as long. It is read again after half of that, while it still holds,
    /// so that whoever asks often never waits.
    pub(super) fresh_for: Duration,
    /// It is never read more often, whatever is asked.
    pub(super) look_again_after: Duration,
    /// While it cannot be read, what was last read holds for as long.
    pub(super) stale_for: Duration,
    /// A reading that takes longer has failed.
    pub(super) read_within: Duration,
}

/// What was last read.
///
/// It is read in a task of its own, one at a time: whoever asks and goes away takes nobody's reading
/// with them, and whoever holds what is good enough does not wait for one. A task lives for
/// `read_within` at most and changes nothing but this, so nobody has to wait for it at the end.
#[derive(Debug)]
pub(super) struct Latest<T, E> {
    what: &'static str,
    spans: Spans,
    silent: fn(Duration) -> E,
    state: watch::Sender<State<T, E>>,
}

#[derive(Debug)]
struct State<T, E> {
    value: Option<Arc<T>>,
    /// When reading it began.
    read_at: Option<Instant>,
    /// When the last reading began, whatever became of it.
    asked_at: Option<Instant>,
    /// Why the last reading failed, if it did.
    problem: Option<Arc<E>>,
    is_read_now: bool,
}

impl<T, E> Latest<T, E>
where
    T: Send + Sync + 'static,
    E: Error + Send + Sync + 'static,
{
    /// Nothing yet. `silent` says that a reading took longer than it may.
    pub(super) fn new(what: &'static str, spans: Spans, silent: fn(Duration) -> E) -> Self {
        let state = watch::Sender::new(State {
            value: None,
            read_at: None,
            asked_at: None,
            problem: None,
            is_read_now: false,
        });
        Self {
            what,
            spans,
            silent,
            state,
        }
    }

    /// What was last read, as new as it must be. It is read again for whoever finds nothing in it.
    pub(super) async fn get<F>(
        &self,
        has: impl Fn(&T) -> bool,
        read: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Arc<E>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let Spans {
            fresh_for,
            look_again_after,
            stale_for,
            ..
        } = self.spans;
        let (good, is_due) = {
            let state = self.state.borrow();
            // What could not be read a moment ago is not waited for once more.
            let holds_for = if state.problem.is_some() {
                stale_for
            } else {
                fresh_for
            };
            let value = state.value.as_ref().filter(|value| has(value));
            let good = value.filter(|_| within(state.read_at, holds_for)).cloned();
            let again = match &state.problem {
                None if good.is_some() => fresh_for / 2,
                None | Some(_) => look_again_after,
            };
            (good, !within(state.asked_at, again))
        };
        if is_due {
            self.start(read());
        }
        if let Some(good) = good {
            return Ok(good);
        }
        self.settled().await;
        let state = self.state.borrow();
        match (&state.value, &state.problem) {
            (Some(value), _) if within(state.read_at, stale_for) => Ok(Arc::clone(value)),
            (_, Some(problem)) => Err(Arc::clone(problem)),
            (_, None) => Err(Arc::new((self.silent)(self.spans.read_within))),
        }
    }

    /// Reads it now.
    pub(super) async fn refresh<F>(&self, read: F) -> Result<(), Arc<E>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.start(read);
        self.settled().await;
        self.state.borrow().problem.clone().map_or(Ok(()), Err)
    }

    /// Begins to read, unless somebody does.
    fn start<F>(&self, read: F)
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let now = Instant::now();
        let mine = self.state.send_if_modified(|state| {
            let mine = !state.is_read_now;
            if mine {
                state.is_read_now = true;
                state.asked_at = Some(now);
            }
            mine
        });
        if !mine {
            return;
        }
        let (what, within, silent) = (self.what, self.spans.read_within, self.silent);
        let under_way = UnderWay(self.state.clone());
        tokio::spawn(async move {
            let read = timeout(within, read).await;
            let read = read.unwrap_or_else(|_elapsed| Err(silent(within)));
            under_way.0.send_modify(|state| match read {
                Ok(value) => {
                    state.value = Some(Arc::new(value));
                    state.read_at = Some(now);
                    state.problem = None;
                }
                Err(error) => {
                    let told = crate::chain(&error);
                    tracing::warn!(error = told, "{what} cannot be read; those known are used");
                    state.problem = Some(Arc::new(error));
                }
            });
        });
    }

    /// Waits until nobody reads.
    async fn settled(&self) {
        let mut state = self.state.subscribe();
        let _the_sender_is_ours = state.wait_for(|state| !state.is_read_now).await;
    }
}

/// Says that a reading is over, also where it panicked.
struct UnderWay<T, E>(watch::Sender<State<T, E>>);

impl<T, E> Drop for UnderWay<T, E> {
    fn drop(&mut self) {
        self.0.send_modify(|state| state.is_read_now = false);
    }
}

fn within(at: Option<Instant>, span: Duration) -> bool {
    at.is_some_and(|at| at.elapsed() < span)
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Semaphore;
    use tokio::time::{advance, sleep};

    use super::*;

    const SPANS: Spans = Spans {
        fresh_for: Duration::from_secs(10),
        look_again_after: Duration::from_secs(1),
        stale_for: Duration::from_secs(60),
        read_within: Duration::from_secs(5),
    };

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Away(String);

    fn latest() -> Latest<u32, Away> {
        let silent = |within: Duration| Away(format!("silent for {within:?}"));
        Latest::new("numbers", SPANS, silent)
    }

    fn reads(number: u32) -> Ready<Result<u32, Away>> {
        ready(Ok(number))
    }

    async fn hangs() -> Result<u32, Away> {
        std::future::pending().await
    }

    fn fails() -> Ready<Result<u32, Away>> {
        ready(Err(Away("away".to_owned())))
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_away_takes_nobodys_reading_with_them() {
        let (latest, gate) = (Arc::new(latest()), Arc::new(Semaphore::new(0)));
        let opened = Arc::clone(&gate);
        let slow = async move {
            let _open = opened.acquire().await;
            Ok(7)
        };
        let first = latest.get(|_| true, || slow);
        let impatient = timeout(Duration::from_millis(10), first).await;
        assert!(impatient.is_err(), "{impatient:?}");
        let other = Arc::clone(&latest);
        let second = tokio::spawn(async move { other.get(|_| true, || reads(8)).await });
        gate.add_permits(1);
        assert_eq!(*second.await.unwrap().unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_for_often_is_read_ahead_and_never_waited_for() {
        let latest = latest();
        assert_eq!(*latest.get(|_| true, || reads(1)).await.unwrap(), 1);
        advance(SPANS.fresh_for / 2).await;
        // It still holds: it is answered from memory while the next is on its way.
        assert_eq!(*latest.get(|_| true, || reads(2)).await.unwrap(), 1);
        latest.settled().await;
        assert_eq!(*latest.get(|_| true, || reads(3)).await.unwrap(), 2);
        // After a pause nobody is told what may be old.
        advance(SPANS.fresh_for).await;
        assert_eq!(*latest.get(|_| true, || reads(4)).await.unwrap(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_answer_costs_one_wait_and_what_was_known_holds_for_a_while() {
        let latest = latest();
        latest.refresh(reads(1)).await.unwrap();
        advance(SPANS.fresh_for).await;
        let asked = Instant::now();
        assert_eq!(*latest.get(|_| true, hangs).await.unwrap(), 1);
        assert_eq!(asked.elapsed(), SPANS.read_within);
        for _ in 0..10 {
            advance(Duration::from_secs(3)).await;
            let asked = Instant::now();
            assert_eq!(*latest.get(|_| true, hangs).await.unwrap(), 1);
            assert_eq!(
                asked.elapsed(),
                Duration::ZERO,
                "nobody waits for the silent"
            );
        }
        advance(SPANS.stale_for).await;
        let error = latest.get(|_| true, hangs).await.unwrap_err();
        assert_eq!(error.to_string(), "silent for 5s");
        // It comes back by itself.
        advance(SPANS.look_again_after).await;
        assert_eq!(*latest.get(|_| true, || reads(2)).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_missing_is_looked_for_and_not_often() {
        let latest = latest();
        let times = Arc::new(AtomicU32::new(0));
        for _ in 0..20 {
            let times = Arc::clone(&times);
            let read = || async move { Ok(times.fetch_add(1, Ordering::SeqCst)) };
            latest.get(|number| *number > 0, read).await.unwrap();
        }
        assert_eq!(times.load(Ordering::SeqCst), 1);
        advance(SPANS.look_again_after).await;
        let found = latest.get(|number| *number > 0, || reads(9)).await;
        assert_eq!(*found.unwrap(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reading_that_panics_is_one_that_failed() {
        let latest = latest();
        let panics = async { panic!("a bug") };
        let error = latest.get(|_| true, || panics).await.unwrap_err();
        assert_eq!(error.to_string(), "silent for 5s");
        let error = latest.refresh(fails()).await.unwrap_err();
        assert_eq!(error.to_string(), "away");
        sleep(SPANS.look_again_after).await;
        assert_eq!(*latest.get(|_| true, || reads(1)).await.unwrap(), 1);
    }
}
