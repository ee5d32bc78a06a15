//! The duty to settle a delivery, alone or together with others that came in the same message.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::sync::mpsc;

/// Proof that what a delivery caused is on disk.
///
/// Only the orchestrator's store and the worker's ledger make such proofs, which is what keeps an
/// acknowledgement from overtaking a commit.
pub trait Durable {}

/// The duty to settle one delivery. Dropped unsettled, it goes back to its queue.
#[derive(Debug)]
pub struct Receipt {
    tag: u64,
    settle: Option<mpsc::UnboundedSender<Settlement>>,
    /// With whom it shares the message.
    shared: Option<Arc<Shared>>,
}

/// How a delivery is settled, on its way to the task that owns the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Done with.
    Ack(u64),
    /// Back to the queue.
    Requeue(u64),
    /// To the dead-letter exchange.
    DeadLetter(u64),
}

/// The receipts that share a message.
#[derive(Debug)]
struct Shared {
    unsettled: AtomicUsize,
    /// The greatest rank of how the others were settled.
    worst: AtomicU8,
}

impl Receipt {
    /// A receipt for the delivery with this tag. `settle` leads to the one task that owns the
    /// channel; it is unbounded because prefetch bounds what can be in it.
    #[must_use]
    pub const fn new(tag: u64, settle: mpsc::UnboundedSender<Settlement>) -> Self {
        Self {
            tag,
            settle: Some(settle),
            shared: None,
        }
    }

    /// The message is done with. If the connection broke meanwhile, it comes again.
    pub fn ack(mut self, _proof: &impl Durable) {
        self.send(Settlement::Ack(self.tag));
    }

    /// The message goes to the dead-letter exchange.
    pub fn dead_letter(mut self) {
        self.send(Settlement::DeadLetter(self.tag));
    }

    /// The channel it belongs to is gone.
    pub(crate) fn is_void(&self) -> bool {
        self.settle
            .as_ref()
            .is_none_or(mpsc::UnboundedSender::is_closed)
    }

    /// One receipt for each of so many parts of the message, at least one.
    ///
    /// A broker knows messages, not parts. So the message is settled once, when its last part is:
    /// acknowledged when all are, to the dead letters when one of them is to go there, and back to
    /// its queue otherwise. Parts that were done with then come again, which they must bear anyway.
    pub(crate) fn split(mut self, parts: usize) -> Vec<Self> {
        let settle = self.settle.take();
        let shared = Arc::new(Shared {
            unsettled: AtomicUsize::new(parts),
            worst: AtomicU8::new(0),
        });
        let part = |_| Self {
            tag: self.tag,
            settle: settle.clone(),
            shared: Some(Arc::clone(&shared)),
        };
        (0..parts).map(part).collect()
    }

    fn send(&mut self, settlement: Settlement) {
        let Some(settle) = self.settle.take() else {
            return;
        };
        let settlement = match &self.shared {
            None => Some(settlement),
            Some(shared) => shared.settled(settlement),
        };
        if let Some(settlement) = settlement {
            // A closed channel means the connection is gone, and the broker requeues by itself.
            let _gone = settle.send(settlement);
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.send(Settlement::Requeue(self.tag));
    }
}

impl Shared {
    /// How the message is settled, once its last part is.
    fn settled(&self, settlement: Settlement) -> Option<Settlement> {
        let tag = settlement.tag();
        self.worst.fetch_max(settlement.rank(), Ordering::AcqRel);
        // Whoever comes last sees what all others wrote before they counted themselves off.
        let is_last = self.unsettled.fetch_sub(1, Ordering::AcqRel) == 1;
        is_last.then(|| match self.worst.load(Ordering::Acquire) {
            0 => Settlement::Ack(tag),
            1 => Settlement::Requeue(tag),
            _ => Settlement::DeadLetter(tag),
        })
    }
}

impl Settlement {
    /// Of which delivery.
    pub(crate) const fn tag(self) -> u64 {
        let (Self::Ack(tag) | Self::Requeue(tag) | Self::DeadLetter(tag)) = self;
        tag
    }

    /// What becomes of a message if this becomes of a part: the greatest wins.
    const fn rank(self) -> u8 {
        match self {
            Self::Ack(_) => 0,
            Self::Requeue(_) => 1,
            Self::DeadLetter(_) => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Proof;
    impl Durable for Proof {}

    /// What the broker hears when the parts of a message are settled in this order.
    fn heard(parts: &[fn(Receipt)]) -> Vec<Settlement> {
        let (settle, mut settled) = mpsc::unbounded_channel();
        let receipts = Receipt::new(7, settle).split(parts.len());
        assert!(settled.try_recv().is_err(), "splitting settles nothing");
        for (receipt, part) in receipts.into_iter().zip(parts) {
            assert!(settled.try_recv().is_err(), "a part is left");
            part(receipt);
        }
        std::iter::from_fn(|| settled.try_recv().ok()).collect()
    }

    #[test]
    fn a_message_is_settled_with_its_last_part_and_as_its_worst_one() {
        let done: fn(Receipt) = |receipt| receipt.ack(&Proof);
        let dropped: fn(Receipt) = drop;
        let refused: fn(Receipt) = Receipt::dead_letter;
        assert_eq!(heard(&[done]), [Settlement::Ack(7)]);
        assert_eq!(heard(&[done, done, done]), [Settlement::Ack(7)]);
        assert_eq!(heard(&[dropped, done]), [Settlement::Requeue(7)]);
        assert_eq!(heard(&[done, dropped]), [Settlement::Requeue(7)]);
        let mixed = [done, refused, dropped, done];
        assert_eq!(heard(&mixed), [Settlement::DeadLetter(7)]);
    }
}
