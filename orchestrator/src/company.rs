//! Who else works on the same sagas.

use tokio::sync::broadcast::{Receiver, Sender};
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

    /// What tells that a saga moves, where that is asked: with others about, one may at any time.
    /// Whoever listens makes every commit copy its events.
    pub(crate) fn listen(self, feed: &Sender<Occurrence>) -> Option<Receiver<Occurrence>> {
        match self {
            Self::Others => None,
            Self::Nobody => Some(feed.subscribe()),
        }
    }
}

/// Waits until a saga may have moved since it was listened to this feed; not at all without one.
pub(crate) async fn something_happens(feed: Option<&mut Receiver<Occurrence>>) {
    if let Some(feed) = feed {
        // Too many events are some.
        let _some = feed.recv().await;
    }
}
