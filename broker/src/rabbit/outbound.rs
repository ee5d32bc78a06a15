//! Messages that wait for their turn on a publishing channel, and the batches they belong to.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::flight::Slot;
use crate::broker::Settled;
use crate::message::Outgoing;

/// One call of `publish`.
pub(super) struct Job {
    pub(super) messages: Vec<Outgoing>,
    /// Until then its messages wait for a connection.
    pub(super) expires: Instant,
    pub(super) done: oneshot::Sender<Vec<Settled>>,
}

/// Messages not yet handed to a connection, in order.
#[derive(Default)]
pub(super) struct Outbound {
    next_batch: u64,
    batches: BTreeMap<u64, Batch>,
    waiting: VecDeque<Waiting>,
}

struct Batch {
    settled: Vec<Settled>,
    left: usize,
    done: oneshot::Sender<Vec<Settled>>,
}

/// One message with its place.
pub(super) struct Waiting {
    pub(super) slot: Slot,
    pub(super) message: Outgoing,
    expires: Instant,
}

impl Outbound {
    pub(super) fn add(&mut self, job: Job) {
        let (batch, left) = (self.next_batch, job.messages.len());
        self.next_batch += 1;
        if left == 0 {
            let _nobody_waits = job.done.send(Vec::new());
            return;
        }
        let settled = vec![Settled::Unknown; left];
        self.batches.insert(
            batch,
            Batch {
                settled,
                left,
                done: job.done,
            },
        );
        self.waiting.extend(
            job.messages
                .into_iter()
                .enumerate()
                .map(|(index, message)| Waiting {
                    slot: Slot { batch, index },
                    message,
                    expires: job.expires,
                }),
        );
    }

    /// The next message to send.
    pub(super) fn take(&mut self) -> Option<Waiting> {
        self.waiting.pop_front()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Until when the next message waits.
    pub(super) fn expires(&self) -> Option<Instant> {
        self.waiting.front().map(|waiting| waiting.expires)
    }

    /// Gives up the messages that have waited long enough.
    pub(super) fn expire(&mut self, now: Instant) {
        while self.expires().is_some_and(|expires| expires <= now) {
            if let Some(waiting) = self.take() {
                self.settle(waiting.slot, Settled::Unknown);
            }
        }
    }

    /// Gives up every message that waits.
    pub(super) fn give_up(&mut self) {
        while let Some(waiting) = self.take() {
            self.settle(waiting.slot, Settled::Unknown);
        }
    }

    /// Writes down what became of a message, and answers the call when it was the last one.
    pub(super) fn settle(&mut self, slot: Slot, fate: Settled) {
        let Some(batch) = self.batches.get_mut(&slot.batch) else {
            return;
        };
        batch.settled[slot.index] = fate;
        batch.left -= 1;
        if batch.left == 0
            && let Some(batch) = self.batches.remove(&slot.batch)
        {
            let _nobody_waits = batch.done.send(batch.settled);
        }
    }
}
