//! Waiting for a condition, with a deadline.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// What has not come about after this will not.
const COMES_ABOUT_WITHIN: Duration = Duration::from_secs(60);

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks until what is seen is as wanted, and returns it.
pub async fn until<T: Debug>(
    what: &str,
    look: impl AsyncFn() -> T,
    is_wanted: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + COMES_ABOUT_WITHIN;
    loop {
        let seen = look().await;
        if is_wanted(&seen) {
            return seen;
        }
        assert!(
            Instant::now() < deadline,
            "{what} did not come about; last seen: {seen:?}"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
