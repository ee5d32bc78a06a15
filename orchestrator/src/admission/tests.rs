//! A lane in a made-up time, with more starts than it can do.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::overload::Pressure;
use super::share::{INTERVAL, Queue, Share, UNSENT_MAX};
use crate::engine::BATCH_JOBS_MAX;

const TARGET: Duration = Duration::from_millis(100);
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
    assert!(p99 < Duration::from_millis(500), "{p99:?}");
    assert!((40_000..=42_000).contains(&refused), "{refused}");
}

#[test]
fn the_first_that_are_too_many_do_not_wait_for_long_either() {
    let mut run = Run::new();
    run.go(20, 3_000);
    let slowest = run.took.iter().max().copied().unwrap();
    // One batch is under way, as much waits, and then comes its own.
    let batch = BATCH_TAKES + START_TAKES * u32::try_from(BATCH_JOBS_MAX + 1).unwrap();
    assert!(slowest < batch * 3, "{slowest:?}");
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

/// What is let in of a hundred while the oldest input waits that long, and the least and the most
/// seconds after which the others are told to come again.
fn of_a_hundred(share: &mut Share, now: Instant, waits: Duration) -> (usize, Option<(u64, u64)>) {
    let queue = Queue {
        waits,
        ..Queue::default()
    };
    let refused = (0..100).filter_map(|_| share.admit(now, queue).err());
    let told: Vec<u64> = refused.map(|it| it.retry_after.as_secs()).collect();
    let (least, most) = (told.iter().min(), told.iter().max());
    (100 - told.len(), least.copied().zip(most.copied()))
}

/// After so many intervals in which every batch has waited too long.
fn after_bad(intervals: u32) -> (usize, Option<(u64, u64)>) {
    let begun = Instant::now();
    let mut share = Share::new(TARGET, begun);
    for interval in 1..=intervals {
        share.took(begun + INTERVAL * interval - TICK, TARGET * 2);
    }
    of_a_hundred(&mut share, begun + INTERVAL * intervals, Duration::ZERO)
}

#[test]
fn one_slow_commit_is_forgiven_and_after_that_fewer_are_let_in() {
    let admitted = [3, 4, 5, 100].map(|intervals| after_bad(intervals).0);
    assert_eq!(admitted, [100, 85, 72, 2]);
}

#[test]
fn whoever_is_refused_comes_back_later_the_fewer_are_let_in_and_not_with_all_others() {
    let told = [3, 4, 10, 100].map(|intervals| after_bad(intervals).1);
    assert_eq!(told, [None, Some((2, 3)), Some((4, 7)), Some((30, 59))]);
}

#[test]
fn behind_a_lane_that_stands_still_none_is_let_in() {
    let begun = Instant::now();
    let mut share = Share::new(TARGET, begun);
    let mut admitted = |millis: u64| {
        let waits = Duration::from_millis(millis);
        of_a_hundred(&mut share, begun + waits, waits).0
    };
    assert_eq!(
        [admitted(390), admitted(401), admitted(10_000)],
        [100, 0, 0]
    );
}

#[test]
fn a_long_silence_is_judged_at_once() {
    let begun = Instant::now();
    let mut share = Share::new(TARGET, begun);
    let long = Duration::from_hours(10_000);
    share.took(begun + long, long);
    let now = begun + long + INTERVAL;
    assert_eq!(of_a_hundred(&mut share, now, Duration::ZERO).0, 2);
    let later = begun + long * 2;
    assert_eq!(of_a_hundred(&mut share, later, Duration::ZERO).0, 100);
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
