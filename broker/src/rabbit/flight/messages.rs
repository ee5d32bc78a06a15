//! What is under way on one publishing channel, and what became of it.
//!
//! lapin attaches a returned message to whichever confirm completes next, so a confirm says for
//! certain only two things: a return attached to it names, by its id, a message that no queue
//! wanted; and no return attached to it means that at that moment no return was waiting to be
//! attached to one. Everything here follows from these two.

use std::collections::{BTreeMap, HashSet};

use tokio::time::Instant;

use crate::broker::Settled;

/// Place of a message in its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rabbit) struct Slot {
    pub(in crate::rabbit) batch: u64,
    pub(in crate::rabbit) index: usize,
}

/// A message that was handed to the connection.
#[derive(Debug)]
pub(in crate::rabbit) struct Sent {
    pub(in crate::rabbit) slot: Slot,
    pub(in crate::rabbit) message_id: String,
    pub(in crate::rabbit) exchange: String,
    pub(in crate::rabbit) at: Instant,
}

/// One confirm.
#[derive(Debug)]
pub(in crate::rabbit) struct Confirm {
    /// Number of the message it is for, as [`Flight::launch`] gave it.
    pub(in crate::rabbit) number: u64,
    /// Ack or nack.
    pub(in crate::rabbit) ack: bool,
    /// Id of the returned message that is attached to it, of whichever message that is.
    pub(in crate::rabbit) returned: Option<String>,
}

/// Messages without a known fate.
#[derive(Debug, Default)]
pub(in crate::rabbit) struct Flight {
    next: u64,
    /// No confirm yet.
    sent: BTreeMap<u64, Sent>,
    /// Acknowledged, but a return of theirs may still wait to be attached to a later confirm.
    held: Vec<Sent>,
    /// Ids that came back and whose own confirm is not settled.
    returned: HashSet<String>,
}

impl Flight {
    /// Takes note of a message that is being sent.
    pub(in crate::rabbit) fn launch(&mut self, sent: Sent) -> u64 {
        self.next += 1;
        self.sent.insert(self.next, sent);
        self.next
    }

    /// How many have no known fate.
    pub(in crate::rabbit) fn len(&self) -> usize {
        self.sent.len() + self.held.len()
    }

    /// When the oldest of those without a confirm was sent.
    pub(in crate::rabbit) fn oldest(&self) -> Option<Instant> {
        self.sent.first_key_value().map(|(_, sent)| sent.at)
    }

    /// Takes *all* confirms that have completed so far, in any order, and says what is now known.
    ///
    /// A message is settled once every return that could be its own has been seen:
    /// * a nack settles at once: only a queue refuses, so it was routed;
    /// * an ack whose id came back is unroutable;
    /// * an ack without an attached return found no return waiting, so its own, had there been
    ///   one, was attached to an earlier confirm, and all earlier ones have been taken;
    /// * an ack with the return of another is held until a later call brings a confirm without
    ///   one, or until nothing is under way any more. One of both always comes: each return is
    ///   attached once, so for every one that went astray a confirm is left without.
    pub(in crate::rabbit) fn settle(&mut self, confirms: Vec<Confirm>) -> Vec<(Slot, Settled)> {
        let none_waited = confirms.iter().any(|confirm| confirm.returned.is_none());
        let mut settled = Vec::with_capacity(confirms.len());
        let mut clear = if none_waited {
            std::mem::take(&mut self.held)
        } else {
            Vec::new()
        };
        for confirm in confirms {
            let Some(sent) = self.sent.remove(&confirm.number) else {
                continue;
            };
            let astray = confirm
                .returned
                .as_ref()
                .is_some_and(|id| *id != sent.message_id);
            self.returned.extend(confirm.returned);
            if !confirm.ack {
                self.returned.remove(&sent.message_id);
                settled.push((sent.slot, Settled::Refused));
            } else if astray {
                self.held.push(sent);
            } else {
                clear.push(sent);
            }
        }
        if self.sent.is_empty() {
            clear.append(&mut self.held);
        }
        for sent in clear {
            let unroutable = self.returned.remove(&sent.message_id);
            let fate = if unroutable {
                Settled::Unroutable
            } else {
                Settled::Confirmed
            };
            settled.push((sent.slot, fate));
        }
        let returned = &mut self.returned;
        settled.extend(
            self.held
                .extract_if(.., |sent| returned.remove(&sent.message_id))
                .map(|sent| (sent.slot, Settled::Unroutable)),
        );
        settled
    }

    /// The channel is gone: whatever has no known fate is unknown, except what was sent to an
    /// exchange that does not exist, which is what closed the channel.
    pub(in crate::rabbit) fn abort(
        &mut self,
        missing_exchange: Option<&str>,
    ) -> Vec<(Slot, Settled)> {
        self.returned.clear();
        let sent = std::mem::take(&mut self.sent).into_values();
        sent.chain(std::mem::take(&mut self.held))
            .map(|sent| {
                let nowhere = missing_exchange == Some(sent.exchange.as_str());
                (
                    sent.slot,
                    if nowhere {
                        Settled::Unroutable
                    } else {
                        Settled::Unknown
                    },
                )
            })
            .collect()
    }
}
