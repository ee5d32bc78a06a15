//! Applies an operation's breaker and rate limit to its deliveries.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant as StdInstant;

use broker::envelope::worker::BreakerState;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::breaker::{Breaker, BreakerSettings, CallEnd, Grant, Pass};
use super::bucket::{Bucket, RateLimit};

/// What stands before an operation's calls.
#[derive(Debug)]
pub(crate) struct Gate {
    rules: Mutex<Rules>,
    state: watch::Sender<BreakerState>,
    /// A probe has ended.
    freed: Notify,
    /// Told of every change of the state.
    news: Arc<Notify>,
}

#[derive(Debug)]
struct Rules {
    breaker: Option<Breaker>,
    bucket: Option<Bucket>,
}

impl Gate {
    /// `news` is told of every change of the breaker.
    pub(crate) fn new(
        breaker: Option<BreakerSettings>,
        rate: Option<RateLimit>,
        news: Arc<Notify>,
    ) -> Self {
        let now = now();
        let rules = Rules {
            breaker: breaker.map(|settings| Breaker::new(settings, now)),
            bucket: rate.map(|limit| Bucket::new(limit, now)),
        };
        Self {
            rules: Mutex::new(rules),
            state: watch::Sender::new(BreakerState::Closed),
            freed: Notify::new(),
            news,
        }
    }

    /// Whether the breaker lets calls through.
    pub(crate) fn state(&self) -> watch::Receiver<BreakerState> {
        self.state.subscribe()
    }

    /// Waits while the breaker is open. Returns how many calls may then be under way, where the
    /// breaker limits them.
    pub(crate) async fn until_not_open(&self) -> Option<u16> {
        loop {
            let (until, probes) = {
                let mut rules = self.rules();
                let Some(breaker) = &mut rules.breaker else {
                    return None;
                };
                (breaker.opens_at(now()), breaker.probes())
            };
            self.tell();
            match until {
                None => return probes,
                Some(until) => sleep_until(Instant::from_std(until)).await,
            }
        }
    }

    /// Waits for the right to make a call.
    pub(crate) async fn permit(self: &Arc<Self>) -> Permit {
        loop {
            let freed = self.freed.notified();
            let pass = self
                .rules()
                .breaker
                .as_mut()
                .map(|breaker| breaker.pass(now()));
            self.tell();
            let grant = match pass {
                None => None,
                Some(Pass::Granted(grant)) => Some(grant),
                Some(Pass::NotBefore(until)) => {
                    sleep_until(Instant::from_std(until)).await;
                    continue;
                }
                Some(Pass::AfterProbes) => {
                    freed.await;
                    continue;
                }
            };
            return Permit {
                gate: Arc::clone(self),
                grant,
                end: CallEnd::NoCall,
                has_token: false,
            };
        }
    }

    fn record(&self, grant: Option<Grant>, end: CallEnd, has_token: bool) {
        {
            let mut rules = self.rules();
            if let (Some(breaker), Some(grant)) = (&mut rules.breaker, grant) {
                breaker.record(grant, end, now());
            }
            if let (Some(bucket), true, CallEnd::NoCall) = (&mut rules.bucket, has_token, end) {
                bucket.give_back();
            }
        }
        self.tell();
        self.freed.notify_waiters();
    }

    /// Passes a change of the state on.
    fn tell(&self) {
        let state = self
            .rules()
            .breaker
            .as_ref()
            .map_or(BreakerState::Closed, Breaker::state);
        let changed = self
            .state
            .send_if_modified(|last| std::mem::replace(last, state) != state);
        if changed {
            self.news.notify_one();
        }
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        // The rules change in one step each, so a panic leaves nothing half done.
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to make one call. Dropped, it is given back with how the call ended.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    grant: Option<Grant>,
    end: CallEnd,
    has_token: bool,
}

impl Permit {
    /// Waits until the rate limit allows the call.
    pub(crate) async fn token(&mut self) {
        loop {
            let taken = match &mut self.gate.rules().bucket {
                None => return,
                Some(bucket) => bucket.take(now()),
            };
            match taken {
                Ok(()) => {
                    self.has_token = true;
                    return;
                }
                Err(until) => sleep_until(Instant::from_std(until)).await,
            }
        }
    }

    /// Says how the call ended.
    pub(crate) fn ended(mut self, end: CallEnd) {
        self.end = end;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate
            .record(self.grant.take(), self.end, self.has_token);
    }
}

/// Tokio's clock, so that virtual time moves it.
fn now() -> StdInstant {
    Instant::now().into_std()
}
