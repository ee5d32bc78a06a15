//! How fast many things are done.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// At most so many a second, evenly.
#[derive(Debug)]
pub struct Pace {
    every: Option<Duration>,
    next: Instant,
}

impl Pace {
    /// So many a second; without a number as fast as it goes.
    #[must_use]
    pub fn new(rate: Option<u32>) -> Self {
        let whole = Duration::from_secs(1);
        Self {
            every: rate.and_then(|rate| whole.checked_div(rate)),
            next: Instant::now(),
        }
    }

    /// Returns when the next may be done. What was slow is not caught up with. When this is dropped
    /// before it returns, nothing was taken.
    pub async fn next(&mut self) {
        let Some(every) = self.every else { return };
        sleep_until(self.next).await;
        self.next = Instant::now() + every;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_holds_whether_work_is_fast_or_slow() {
        let begun = Instant::now();
        let mut pace = Pace::new(Some(10));
        for _ in 0..11 {
            pace.next().await;
        }
        assert_eq!(begun.elapsed().as_millis(), 1000);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let slow = Instant::now();
        for _ in 0..3 {
            pace.next().await;
        }
        assert_eq!(slow.elapsed().as_millis(), 200, "no burst after a pause");
        Pace::new(None).next().await;
        assert_eq!(slow.elapsed().as_millis(), 200);
    }
}
