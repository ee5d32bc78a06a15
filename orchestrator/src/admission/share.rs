//! The share of the starts that one lane lets in. Pure: times are arguments.

use std::time::Duration;

use tokio::time::Instant;

use super::overload::{Overload, Pressure};
use crate::engine::BATCH_JOBS_MAX;
use crate::outbox::QUEUE_MESSAGES_MAX;

/// Waits are judged by the shortest in this long: a burst that is worked off in it is none of our
/// business.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);

/// Intervals that are judged after the fact, at most. In as many good ones everything is let in again.
const INTERVALS_MAX: u32 = 64;

/// Shares are told in thousandths.
const ALL: u32 = 1000;

/// After so many bad intervals in a row less is let in. One commit that takes long, say when the disk is
/// slow for a moment, is over by then.
const BAD_MIN: u32 = 4;

/// That is forgiven when nothing was refused for so many intervals before. Of a flood that goes on, all
/// would be let in again and again.
const CALM_MIN: u32 = 50;

/// Fewer are never let in, so that a share that was small for long is soon large again.
const SHARE_MIN: u32 = 20;

/// After one bad interval at least this is left of a share.
const LEFT_MIN: u32 = 850;

/// When waits are so many times what they should be, nothing is let in until that has passed: a share
/// is found by trying, and what comes meanwhile waits too.
const HOPELESS_TIMES: u32 = 4;

/// A caller is not sent away for longer than this, or twice as long.
const RETRY_AFTER_SECONDS_MAX: u32 = 30;

/// With more commands than this waiting for the broker, it does not keep up. The outbox holds twice
/// as many in memory, and has to read from the store what is over.
pub(super) const UNSENT_MAX: usize = QUEUE_MESSAGES_MAX / 2;

/// What waits when a start comes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Queue {
    /// In the lane.
    pub(super) inputs: usize,
    /// So long the oldest of them has.
    pub(super) waits: Duration,
    /// Commands, for the broker to take them.
    pub(super) unsent: usize,
}

/// The share of the starts that one lane lets in.
///
/// How long inputs wait is judged as in `CoDel` (Nichols and Jacobson, "Controlling Queue Delay", ACM
/// Queue 10(5), 2012; RFC 8289): by the shortest wait in an interval, so that a burst is told from a
/// queue that stands. `CoDel` then drops more and more often and counts on its senders to slow down.
/// Whoever starts sagas may not, so a share is refused, as `PIE` does (RFC 8033) and `DAGOR` (Zhou and
/// others, "Overload Control for Scaling `WeChat` Microservices", `SoCC` 2018): after every interval
/// that was bad less is let in, the less the longer the wait, and after every one that was not a little
/// more. Nothing has to be known of what a start costs.
#[derive(Debug)]
pub(super) struct Share {
    target: Duration,
    /// In thousandths.
    admitted: u32,
    /// What has been saved up for the next start; a whole one lets it in.
    credit: u32,
    /// When the interval that is being watched ends.
    ends: Instant,
    /// The shortest wait in it so far.
    least: Option<Duration>,
    /// The broker does not keep up.
    unsent: bool,
    /// Intervals in a row that were bad.
    bad: u32,
    /// Intervals in a row after which everything was let in.
    calm: u32,
    refused: u32,
}

impl Share {
    /// Everything is let in, and inputs should wait no longer than `target`.
    pub(super) fn new(target: Duration, now: Instant) -> Self {
        Self {
            target,
            admitted: ALL,
            credit: 0,
            ends: now + INTERVAL,
            least: None,
            unsent: false,
            bad: 0,
            calm: CALM_MIN,
            refused: 0,
        }
    }

    /// The lane took inputs, of which the oldest had waited so long.
    pub(super) fn took(&mut self, now: Instant, waited: Duration) {
        self.judge(now, waited);
        let least = self.least.map_or(waited, |least| least.min(waited));
        self.least = Some(least);
    }

    /// Whether one more start is let in behind what waits.
    pub(super) fn admit(&mut self, now: Instant, queue: Queue) -> Result<(), Overload> {
        self.unsent = queue.unsent > UNSENT_MAX;
        self.judge(now, queue.waits);
        let hopeless = self.target * HOPELESS_TIMES;
        if queue.waits <= hopeless && queue.inputs <= BATCH_JOBS_MAX {
            self.credit += self.admitted;
            if self.credit >= ALL {
                self.credit -= ALL;
                return Ok(());
            }
        }
        self.refused = self.refused.wrapping_add(1);
        Err(Overload {
            pressure: if self.unsent {
                Pressure::Outbox(queue.unsent)
            } else {
                Pressure::Lane(self.target)
            },
            retry_after: self.retry_after(),
        })
    }

    /// Nothing is refused.
    pub(super) const fn is_whole(&self) -> bool {
        self.admitted == ALL
    }

    /// Judges the intervals that are over. In those in which nothing was taken, the oldest input was
    /// as much younger as they ended earlier.
    fn judge(&mut self, now: Instant, waits: Duration) {
        if let Some(first) = now.checked_sub(INTERVAL * INTERVALS_MAX) {
            self.ends = self.ends.max(first);
        }
        while self.ends <= now {
            let then = waits.saturating_sub(now - self.ends);
            let wait = self.least.take().unwrap_or(then);
            self.admitted = self.adjusted(wait);
            self.calm = if self.is_whole() {
                self.calm.saturating_add(1)
            } else {
                0
            };
            self.ends += INTERVAL;
        }
    }

    /// What is let in after an interval with this wait.
    fn adjusted(&mut self, wait: Duration) -> u32 {
        let (share, target) = (self.admitted, self.target);
        if wait <= target && !self.unsent {
            self.bad = 0;
            let percent = if wait > target / 2 { 101 } else { 110 };
            return (share * percent / 100 + 5).min(ALL);
        }
        self.bad = self.bad.saturating_add(1);
        if self.bad < BAD_MIN && self.calm >= CALM_MIN {
            return share;
        }
        let left = target.as_millis() * u128::from(ALL) / wait.as_millis().max(1);
        let most = if self.unsent { LEFT_MIN } else { ALL };
        let left = u32::try_from(left).unwrap_or(ALL).clamp(LEFT_MIN, most);
        (share * left / ALL).max(SHARE_MIN)
    }

    /// At one start a second, the time after which one that was refused is likely to be let in;
    /// spread over as long again.
    fn retry_after(&self) -> Duration {
        let tries = ALL.div_ceil(self.admitted).min(RETRY_AFTER_SECONDS_MAX);
        Duration::from_secs(u64::from(tries + self.refused % tries))
    }
}
