//! What the two connections are worth together.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::broker::Health;

/// Which of the two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// An alarm blocks this one.
    Publish,
    /// Deliveries, acknowledgements, declarations.
    Consume,
}

impl Side {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Consume => "consume",
        }
    }
}

/// Merges the state of both sides into the broker's health.
#[derive(Debug)]
pub(super) struct HealthBoard {
    sides: Mutex<(Health, Health)>,
    merged: watch::Sender<Health>,
}

impl HealthBoard {
    pub(super) fn new() -> Self {
        let sides = Mutex::new((Health::Disconnected, Health::Disconnected));
        Self {
            sides,
            merged: watch::Sender::new(Health::Disconnected),
        }
    }

    pub(super) fn set(&self, side: Side, health: Health) {
        let mut sides = self.sides.lock().unwrap_or_else(PoisonError::into_inner);
        match side {
            Side::Publish => sides.0 = health,
            Side::Consume => sides.1 = health,
        }
        let merged = match *sides {
            (Health::Disconnected, _) | (_, Health::Disconnected) => Health::Disconnected,
            (Health::Blocked, _) | (_, Health::Blocked) => Health::Blocked,
            (Health::Connected, Health::Connected) => Health::Connected,
        };
        self.merged
            .send_if_modified(|now| std::mem::replace(now, merged) != merged);
    }

    pub(super) fn watch(&self) -> watch::Receiver<Health> {
        self.merged.subscribe()
    }
}
