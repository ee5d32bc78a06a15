//! What the two connections are worth together.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// Merges the state of both sides and of the consumers into the broker's health.
#[derive(Debug)]
pub(super) struct HealthBoard {
    parts: Mutex<Parts>,
    merged: watch::Sender<Health>,
}

#[derive(Debug)]
struct Parts {
    publish: Health,
    consume: Health,
    /// Queues whose consumer was lost and is not back.
    unheard: BTreeSet<String>,
}

impl Parts {
    fn merged(&self) -> Health {
        match (self.publish, self.consume) {
            (Health::Disconnected, _) | (_, Health::Disconnected) => Health::Disconnected,
            (Health::Blocked, _) | (_, Health::Blocked) => Health::Blocked,
            (Health::Connected | Health::Deaf, Health::Connected | Health::Deaf) => {
                if self.unheard.is_empty() {
                    Health::Connected
                } else {
                    Health::Deaf
                }
            }
        }
    }
}

impl HealthBoard {
    pub(super) fn new() -> Self {
        let parts = Parts {
            publish: Health::Disconnected,
            consume: Health::Disconnected,
            unheard: BTreeSet::new(),
        };
        Self {
            parts: Mutex::new(parts),
            merged: watch::Sender::new(Health::Disconnected),
        }
    }

    pub(super) fn set(&self, side: Side, health: Health) {
        let mut parts = self.parts();
        match side {
            Side::Publish => parts.publish = health,
            Side::Consume => parts.consume = health,
        }
        self.tell(&parts);
    }

    /// A queue is consumed, or nobody wants to consume it any more.
    pub(super) fn heard(&self, queue: &str) {
        let mut parts = self.parts();
        if parts.unheard.remove(queue) {
            self.tell(&parts);
        }
    }

    /// The consumer of a queue is lost.
    pub(super) fn unheard(&self, queue: &str) {
        let mut parts = self.parts();
        if parts.unheard.insert(queue.to_owned()) {
            self.tell(&parts);
        }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Health> {
        self.merged.subscribe()
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, parts: &Parts) {
        let merged = parts.merged();
        self.merged
            .send_if_modified(|now| std::mem::replace(now, merged) != merged);
    }
}
