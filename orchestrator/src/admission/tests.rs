//! A lane in a made-up time, with more starts than it can do.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::overload::Pressure;
use super::share::{INTERVAL, Queue, Share, UNSENT_MAX};
use crate::engine::BATCH_JOBS_MAX;

const TARGET: Duration = Duration::from_millis(50);
const TICK: Duration = Duration::from_millis(1);

/// What the lane does for a batch, and for each start in it: 1,000 a second in large batches.
const BATCH_TAKES: Duration = Duration::from_millis(5);
const START_TAKES: Duration = Duration::from_millis(1);

/// One lane, and the starts of one run.
struct Run {
    share: Share,
    now: Instant,
    waiting: VecDeque<Instant>,
    busy: Option<(Instant, Vec<Instant>)>,
    newest: Instant,
    /// How long those took that were let in, from being asked for to being stored.
    took: Vec<Duration>,
    refused: usize,
}

impl Run {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            share: Share::new(TARGET, now),
            now,
            waiting: VecDeque::new(),
            busy: None,
            newest: now,
            took: Vec::new(),
            refused: 0,
        }
    }

    /// So many starts a millisecond, for so many.
    fn go(&mut self, per_tick: usize, ticks: usize) {
        for _ in 0..ticks {
            self.now += TICK;
            for _ in 0..per_tick {
                let stands = self.busy.is_some() && !self.waiting.is_empty();
                let waits = if stands {
                    self.now - self.newest
                } else {
                    Duration::ZERO
                };
                let queue = Queue {
                    inputs: self.waiting.len(),
                    waits,
                    unsent: 0,
                };
                match self.share.admit(self.now, queue) {
                    Ok(()) => self.waiting.push_back(self.now),
                    Err(_) => self.refused += 1,
                }
            }
            self.work();
        }
    }

    fn work(&mut self) {
        if let Some((until, batch)) = self.busy.take_if(|(until, _)| *until <= self.now) {
            self.took.extend(batch.iter().map(|since| until - *since));
        }
        if self.busy.is_none() && !self.waiting.is_empty() {
            let size = self.waiting.len().min(BATCH_JOBS_MAX);
            let batch: Vec<Instant> = self.waiting.drain(..size).collect();
            self.share.took(self.now, self.now - batch[0]);
            self.newest = batch[batch.len() - 1];
            let takes = BATCH_TAKES + START_TAKES * u32::try_from(size).unwrap();
            self.busy = Some((self.now + takes, batch));
        }
    }

    /// What went on since the last call: how many were stored, the time within which 99 of 100 were,
    /// and how many were refused.
    fn since(&mut self) -> (usize, Duration, usize) {
        let mut took = std::mem::take(&mut self.took);
        took.sort();
        let p99 = took.get(took.len() * 99 / 100).copied();
        (
            took.len(),
            p99.unwrap_or_default(),
            std::mem::take(&mut self.refused),
        )
    }
}

#[test]
fn of_five_times_too_many_as_many_are_let_in_as_can_be_done_and_those_are_quick() {
    let mut run = Run::new();
    run.go(5, 2_000);
    run.since();
    run.go(5, 10_000);
    let (stored, p99, refused) = run.since();
    assert!((8_000..=10_000).contains(&stored), "{stored} in 10 s");
    assert!(p99 < Duration::from_millis(300), "{p99:?}");
    assert!((40_000..=42_000).contains(&refused), "{refused}");
}

#[test]
fn the_first_that_are_too_many_do_not_wait_for_long_either() {
    let mut run = Run::new();
    run.go(20, 3_000);
    let slowest = run.took.iter().max().copied().unwrap();
    assert!(slowest < Duration::from_millis(1_100), "{slowest:?}");
}

#[test]
fn what_can_be_done_is_never_refused_and_after_too_many_soon_is_not_again() {
    let mut run = Run::new();
    let half = |run: &mut Run, seconds: usize| {
        for _ in 0..seconds * 500 {
            run.go(1, 1);
            run.go(0, 1);
        }
        run.since()
    };
    let (stored, p99, refused) = half(&mut run, 10);
    assert_eq!(refused, 0, "{stored} stored, {p99:?}");
    run.go(5, 5_000);
    let (_, _, refused) = run.since();
    assert!(refused > 10_000, "{refused}");
    half(&mut run, 7);
    let (_, _, refused) = half(&mut run, 10);
    assert_eq!(refused, 0);
    assert!(run.share.is_whole());
}

#[test]
fn a_burst_that_is_worked_off_within_an_interval_is_let_in() {
    let mut run = Run::new();
    for _ in 0..100 {
        run.go(60, 1);
        run.go(0, 99);
    }
    assert_eq!(run.since().2, 0);
}

/// What is let in of a hundred while the oldest input waits that long.
fn admitted(share: &mut Share, begun: Instant, millis: u64) -> usize {
    let waits = Duration::from_millis(millis);
    let queue = Queue {
        waits,
        ..Queue::default()
    };
    (0..100)
        .filter(|_| share.admit(begun + waits, queue).is_ok())
        .count()
}

#[test]
fn a_lane_that_stands_still_lets_fewer_in_and_then_none() {
    let begun = Instant::now();
    let mut share = Share::new(TARGET, begun);
    assert_eq!(admitted(&mut share, begun, 40), 100);
    assert_eq!(admitted(&mut share, begun, 110), 85);
    assert_eq!(
        admitted(&mut share, begun, 190),
        85,
        "judged once an interval"
    );
    assert_eq!(admitted(&mut share, begun, 200), 72);
    assert_eq!(admitted(&mut share, begun, 10_000), 0);
}

#[test]
fn what_would_not_be_in_the_next_batch_is_refused_at_once() {
    let begun = Instant::now();
    let mut share = Share::new(TARGET, begun);
    let behind = |inputs| Queue {
        inputs,
        ..Queue::default()
    };
    assert!(share.admit(begun, behind(BATCH_JOBS_MAX)).is_ok());
    assert!(share.admit(begun, behind(BATCH_JOBS_MAX + 1)).is_err());
    assert!(share.is_whole());
}

#[test]
fn commands_that_the_broker_does_not_take_count_as_well() {
    let begun = Instant::now();
    let mut share = Share::new(TARGET, begun);
    let mut admit = |intervals: u32, unsent: usize| {
        let queue = Queue {
            unsent,
            ..Queue::default()
        };
        share.admit(begun + INTERVAL * intervals, queue)
    };
    for intervals in 1..10 {
        assert!(admit(intervals, UNSENT_MAX).is_ok());
    }
    let refused = (10..60).find_map(|intervals| admit(intervals, UNSENT_MAX + 1).err());
    let pressure = refused.map(|overload| overload.pressure);
    assert_eq!(pressure, Some(Pressure::Outbox(UNSENT_MAX + 1)));
}

#[test]
fn whoever_is_refused_comes_back_later_the_fewer_are_let_in_and_not_with_all_others() {
    let begun = Instant::now();
    let mut share = Share::new(TARGET, begun);
    let mut told = |millis: u64| {
        let waits = Duration::from_millis(millis);
        let queue = Queue {
            waits,
            ..Queue::default()
        };
        let refused = (0..100).filter_map(|_| share.admit(begun + waits, queue).err());
        let told: Vec<u64> = refused.map(|it| it.retry_after.as_secs()).collect();
        (*told.iter().min().unwrap(), *told.iter().max().unwrap())
    };
    assert_eq!(told(150), (2, 3));
    assert_eq!(told(1_000), (6, 11));
    let long = 1_000_000_000;
    assert_eq!(told(long), (30, 59), "a long time is judged at once");
}
