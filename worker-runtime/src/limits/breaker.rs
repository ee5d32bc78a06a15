//! A circuit breaker as plain rules: time comes in as an argument.

use std::time::{Duration, Instant};

use broker::envelope::worker::BreakerState;

/// When an operation is not called any more, and how it is found out that it works again.
///
/// Only technical failures count: a retry that the handler asks for, a time that ran out, a panic.
/// A refusal is an answer, and says that whoever gave it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Fewer failures than this in the window never open it.
    pub failures: u32,
    /// Nor do failures that are a smaller share of the calls in the window, in percent.
    pub share_percent: u32,
    /// How far back calls count.
    pub window: Duration,
    /// How long nothing is called before it is tried again.
    pub open: Duration,
    /// Calls that must succeed before everything is called again. No more than these are under
    /// way while that is being found out.
    pub probes: u16,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 10,
            share_percent: 50,
            window: Duration::from_secs(10),
            open: Duration::from_secs(10),
            probes: 2,
        }
    }
}

/// How a call ended, as far as a breaker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallEnd {
    /// Whoever was called has answered: it is done, or it is refused.
    Answered,
    /// It failed technically.
    Failed,
    /// Nobody was called, or the worker itself cut the call off.
    NoCall,
}

/// Parts of the window; the oldest one goes as a whole.
const BUCKETS: usize = 10;

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    calls: u32,
    failures: u32,
}

/// A closed, half-open or open circuit.
#[derive(Debug)]
pub(super) struct Breaker {
    settings: BreakerSettings,
    state: State,
    /// Rises with every change of the state: the end of a call that began before it says nothing
    /// about the time after it.
    generation: u64,
    /// The first is the newest.
    buckets: [Bucket; BUCKETS],
    newest_began: Instant,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    Open { until: Instant },
    HalfOpen { granted: u16, answered: u16 },
}

/// The right to make one call, to be given back with how it ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    generation: u64,
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pass {
    /// It may.
    Granted(Grant),
    /// Not before this.
    NotBefore(Instant),
    /// Not before one of those under way has ended.
    AfterProbes,
}

impl Breaker {
    pub(super) const fn new(settings: BreakerSettings, now: Instant) -> Self {
        Self {
            settings,
            state: State::Closed,
            generation: 0,
            buckets: [Bucket {
                calls: 0,
                failures: 0,
            }; BUCKETS],
            newest_began: now,
        }
    }

    pub(super) const fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// How many calls may be under way, where the breaker limits them.
    pub(super) fn probes(&self) -> Option<u16> {
        match self.state {
            State::Closed => None,
            State::Open { .. } | State::HalfOpen { .. } => Some(self.settings.probes.max(1)),
        }
    }

    /// When an open circuit is tried again; the time makes it half-open.
    pub(super) fn opens_at(&mut self, now: Instant) -> Option<Instant> {
        let State::Open { until } = self.state else {
            return None;
        };
        if now < until {
            return Some(until);
        }
        self.change(State::HalfOpen {
            granted: 0,
            answered: 0,
        });
        None
    }

    /// Asks to make a call.
    pub(super) fn pass(&mut self, now: Instant) -> Pass {
        if let Some(until) = self.opens_at(now) {
            return Pass::NotBefore(until);
        }
        let probes = self.settings.probes.max(1);
        match &mut self.state {
            State::HalfOpen { granted, .. } if *granted >= probes => return Pass::AfterProbes,
            State::HalfOpen { granted, .. } => *granted += 1,
            State::Closed | State::Open { .. } => {}
        }
        Pass::Granted(Grant {
            generation: self.generation,
        })
    }

    /// Gives a grant back with how its call ended.
    pub(super) fn record(&mut self, grant: Grant, end: CallEnd, now: Instant) {
        if grant.generation != self.generation {
            return;
        }
        let probes = self.settings.probes.max(1);
        match (&mut self.state, end) {
            (State::Closed, CallEnd::Answered | CallEnd::Failed) => {
                self.count(end == CallEnd::Failed, now);
                if self.is_too_much() {
                    self.open(now);
                }
            }
            (State::HalfOpen { .. }, CallEnd::Failed) => self.open(now),
            (State::HalfOpen { answered, .. }, CallEnd::Answered) => {
                *answered += 1;
                if *answered >= probes {
                    self.buckets = [Bucket::default(); BUCKETS];
                    self.newest_began = now;
                    self.change(State::Closed);
                }
            }
            (State::HalfOpen { granted, .. }, CallEnd::NoCall) => {
                *granted = granted.saturating_sub(1);
            }
            (State::Closed, CallEnd::NoCall) | (State::Open { .. }, _) => {}
        }
    }

    fn open(&mut self, now: Instant) {
        let until = now + self.settings.open;
        self.change(State::Open { until });
    }

    const fn change(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
    }

    fn count(&mut self, is_failure: bool, now: Instant) {
        let span = (self.settings.window / 10).max(Duration::from_millis(1));
        let passed = now.saturating_duration_since(self.newest_began).as_nanos() / span.as_nanos();
        let passed = usize::try_from(passed).unwrap_or(usize::MAX);
        if passed > 0 {
            let gone = passed.min(BUCKETS);
            self.buckets.rotate_right(gone);
            self.buckets[..gone].fill(Bucket::default());
            self.newest_began = if passed < BUCKETS {
                self.newest_began + span * u32::try_from(passed).unwrap_or(u32::MAX)
            } else {
                now
            };
        }
        self.buckets[0].calls = self.buckets[0].calls.saturating_add(1);
        self.buckets[0].failures = self.buckets[0]
            .failures
            .saturating_add(u32::from(is_failure));
    }

    fn is_too_much(&self) -> bool {
        let sum = |of: fn(&Bucket) -> u32| self.buckets.iter().map(|it| u64::from(of(it))).sum();
        let (calls, failures): (u64, u64) = (sum(|it| it.calls), sum(|it| it.failures));
        failures >= u64::from(self.settings.failures.max(1))
            && failures * 100 >= calls * u64::from(self.settings.share_percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 3,
        share_percent: 50,
        window: Duration::from_secs(10),
        open: Duration::from_secs(5),
        probes: 2,
    };

    struct Clock(Instant);

    impl Clock {
        fn at(&self, seconds: u64) -> Instant {
            self.0 + Duration::from_secs(seconds)
        }
    }

    fn breaker() -> (Breaker, Clock) {
        let now = Instant::now();
        (Breaker::new(SETTINGS, now), Clock(now))
    }

    fn granted(breaker: &mut Breaker, now: Instant) -> Grant {
        match breaker.pass(now) {
            Pass::Granted(grant) => grant,
            other => panic!("{other:?}"),
        }
    }

    fn call(breaker: &mut Breaker, end: CallEnd, now: Instant) {
        let grant = granted(breaker, now);
        breaker.record(grant, end, now);
    }

    #[test]
    fn enough_failures_that_are_a_large_enough_share_open_it() {
        let (mut breaker, clock) = breaker();
        for _ in 0..4 {
            call(&mut breaker, CallEnd::Answered, clock.at(0));
        }
        for _ in 0..3 {
            call(&mut breaker, CallEnd::Failed, clock.at(1));
        }
        assert_eq!(breaker.state(), BreakerState::Closed, "3 of 7 are too few");
        call(&mut breaker, CallEnd::Failed, clock.at(1));
        assert_eq!(breaker.state(), BreakerState::Open, "4 of 8 are half");
        assert!(matches!(breaker.pass(clock.at(5)), Pass::NotBefore(at) if at == clock.at(6)));
    }

    #[test]
    fn failures_that_are_few_or_long_ago_do_not_open_it() {
        let (mut breaker, clock) = breaker();
        for second in 0..20 {
            // Never more than two in any ten seconds.
            call(&mut breaker, CallEnd::Failed, clock.at(second * 6));
            assert_eq!(breaker.state(), BreakerState::Closed);
        }
        call(&mut breaker, CallEnd::NoCall, clock.at(200));
        call(&mut breaker, CallEnd::NoCall, clock.at(200));
        call(&mut breaker, CallEnd::NoCall, clock.at(200));
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    fn opened() -> (Breaker, Clock) {
        let (mut breaker, clock) = breaker();
        for _ in 0..3 {
            call(&mut breaker, CallEnd::Failed, clock.at(0));
        }
        assert_eq!(breaker.state(), BreakerState::Open);
        (breaker, clock)
    }

    #[test]
    fn half_open_it_lets_only_probes_through_and_closes_when_they_are_answered() {
        let (mut breaker, clock) = opened();
        let (first, second) = (
            granted(&mut breaker, clock.at(5)),
            granted(&mut breaker, clock.at(5)),
        );
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(matches!(breaker.pass(clock.at(5)), Pass::AfterProbes));
        breaker.record(first, CallEnd::NoCall, clock.at(6));
        let first = granted(&mut breaker, clock.at(6));
        breaker.record(first, CallEnd::Answered, clock.at(6));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        breaker.record(second, CallEnd::Answered, clock.at(6));
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(breaker.probes(), None);
        call(&mut breaker, CallEnd::Failed, clock.at(6));
        assert_eq!(
            breaker.state(),
            BreakerState::Closed,
            "it has forgotten why it was open"
        );
    }

    #[test]
    fn a_failed_probe_opens_it_again_for_as_long() {
        let (mut breaker, clock) = opened();
        call(&mut breaker, CallEnd::Failed, clock.at(7));
        assert!(matches!(breaker.pass(clock.at(11)), Pass::NotBefore(at) if at == clock.at(12)));
        granted(&mut breaker, clock.at(12));
    }

    #[test]
    fn the_end_of_a_call_from_before_says_nothing() {
        let (mut breaker, clock) = breaker();
        let slow = granted(&mut breaker, clock.at(0));
        for _ in 0..3 {
            call(&mut breaker, CallEnd::Failed, clock.at(0));
        }
        granted(&mut breaker, clock.at(5));
        breaker.record(slow, CallEnd::Failed, clock.at(6));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        breaker.record(slow, CallEnd::Answered, clock.at(6));
        breaker.record(slow, CallEnd::Answered, clock.at(6));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    }
}
