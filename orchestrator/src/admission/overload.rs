//! Why a start was not let in, and when to come again.

use std::fmt;
use std::time::Duration;

/// A start was not let in. Nothing of it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{pressure}; nothing was started, so send the same again after {} s, with the same key if it has one",
    retry_after.as_secs()
)]
pub struct Overload {
    /// What there is too much of.
    pub pressure: Pressure,
    /// When to come again, in whole seconds. They differ, so that not all come back at once.
    pub retry_after: Duration,
}

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressure {
    /// Inputs wait for longer than this before they are decided.
    Lane(Duration),
    /// So many commands wait to be taken by the broker.
    Outbox(usize),
    /// So many sagas are open, and no more may be.
    OpenSagas(u64),
}

impl Pressure {
    /// Stable, for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lane(_) => "lane",
            Self::Outbox(_) => "outbox",
            Self::OpenSagas(_) => "open_sagas",
        }
    }
}

impl fmt::Display for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lane(target) => {
                let target = target.as_millis();
                write!(
                    f,
                    "more comes than is kept up with: inputs wait for over {target} ms"
                )
            }
            Self::Outbox(commands) => {
                write!(f, "{commands} commands wait for the broker to take them")
            }
            Self::OpenSagas(max) => write!(f, "{max} sagas are open, and no more may be"),
        }
    }
}
