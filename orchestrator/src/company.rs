//! Who else works on the same sagas.

use tokio::sync::broadcast::Receiver;
use tokio::time::Instant;

use crate::engine::Occurrence;

/// Who else works on the same sagas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Other orchestrators may, and may crash: what they leave behind is looked for.
    Others,
    /// Nobody, as on a store in this process's memory: it wakes only when something is due.
    Nobody,
}

impl Company {
    /// Waits until it is time to look after others again; for ever where there are none.
    pub(crate) async fn wait_until(self, at: Instant) {
        match self {
            Self::Others => tokio::time::sleep_until(at).await,
            Self::Nobody => std::future::pending().await,
        }
    }

    /// Waits until a saga may have moved: with others about that is now, else when one here does or
    /// has, as the feed says.
    pub(crate) async fn something_happens(self, feed: &mut Receiver<Occurrence>) {
        match self {
            Self::Others => {}
            Self::Nobody => {
                // Too many events are some.
                let _some = feed.recv().await;
            }
        }
    }
}
