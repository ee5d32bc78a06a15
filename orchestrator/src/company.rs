//! Who else works on the same sagas.

use tokio::time::Instant;

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
}
