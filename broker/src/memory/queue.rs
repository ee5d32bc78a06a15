//! One queue in memory: what is ready, what is handed out, who consumes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::broker::{Delivery, Depth};
use crate::message::{Death, Incoming, Properties};
use crate::receipt::{Receipt, Settlement};

/// How a queue treats what it holds.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// More messages than this are refused.
    pub(super) length_max: usize,
    /// Requeued more often than this, a message is dead-lettered.
    pub(super) delivery_limit: u32,
    /// A message that has waited this long is dead-lettered.
    pub(super) ttl: Option<Duration>,
    /// Exchange for what is given up; without one it is dropped.
    pub(super) dead_letter: Option<String>,
}

/// A message in a queue.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) properties: Properties,
    pub(super) body: Bytes,
    pub(super) death: Option<Death>,
}

#[derive(Debug)]
struct Held {
    /// Place in the order of arrival, which a requeued message keeps.
    place: u64,
    message: Stored,
    requeued: u32,
    due: Option<Instant>,
}

#[derive(Debug)]
struct Taker {
    deliveries: mpsc::Sender<Delivery>,
    settle: mpsc::UnboundedSender<Settlement>,
    prefetch: usize,
    /// Deliveries it has not settled.
    holds: usize,
    /// It gets what others have no room for.
    spare: bool,
}

impl Taker {
    const fn has_room(&self) -> bool {
        self.holds < self.prefetch
    }
}

/// A queue.
#[derive(Debug)]
pub(super) struct Queue {
    name: String,
    rules: Rules,
    ready: VecDeque<Held>,
    next_place: u64,
    takers: VecDeque<(u64, Taker)>,
    /// By consumer and tag.
    unsettled: BTreeMap<(u64, u64), Held>,
    next_tag: u64,
}

impl Queue {
    pub(super) const fn new(name: String, rules: Rules) -> Self {
        Self {
            name,
            rules,
            ready: VecDeque::new(),
            next_place: 0,
            takers: VecDeque::new(),
            unsettled: BTreeMap::new(),
            next_tag: 1,
        }
    }

    /// Whether it takes one more message.
    pub(super) fn has_room(&self) -> bool {
        self.ready.len() + self.unsettled.len() < self.rules.length_max
    }

    pub(super) fn push(&mut self, message: Stored) {
        let due = self.rules.ttl.map(|ttl| Instant::now() + ttl);
        self.ready.push_back(Held {
            place: self.next_place,
            message,
            requeued: 0,
            due,
        });
        self.next_place += 1;
        self.hand_out();
    }

    /// Where what is given up goes.
    pub(super) fn dead_letter(&self) -> Option<&str> {
        self.rules.dead_letter.as_deref()
    }

    /// When the oldest message has waited long enough.
    pub(super) fn due(&self) -> Option<Instant> {
        self.ready.front().and_then(|held| held.due)
    }

    /// Takes out a message that has waited long enough.
    pub(super) fn expired(&mut self, now: Instant) -> Option<Stored> {
        let held = self
            .ready
            .pop_front_if(|held| held.due.is_some_and(|due| due <= now))?;
        Some(self.given_up(held.message, "expired"))
    }

    pub(super) fn subscribe(
        &mut self,
        consumer: u64,
        deliveries: mpsc::Sender<Delivery>,
        settle: mpsc::UnboundedSender<Settlement>,
        spare: bool,
    ) {
        let prefetch = deliveries.max_capacity();
        self.takers.push_back((
            consumer,
            Taker {
                deliveries,
                settle,
                prefetch,
                holds: 0,
                spare,
            },
        ));
        self.hand_out();
    }

    /// Hands out nothing more to this consumer; what it holds stays unsettled.
    pub(super) fn unsubscribe(&mut self, consumer: u64) {
        self.takers.retain(|(other, _)| *other != consumer);
    }

    /// Hands out nothing more to anybody.
    pub(super) fn close(&mut self) {
        self.takers.clear();
    }

    /// Settles a delivery; returns the message when it is given up.
    pub(super) fn settle(&mut self, consumer: u64, settlement: Settlement) -> Option<Stored> {
        let mut held = self.unsettled.remove(&(consumer, settlement.tag()))?;
        let taker = self.takers.iter_mut().find(|(other, _)| *other == consumer);
        if let Some((_, taker)) = taker {
            taker.holds -= 1;
        }
        let given_up = match settlement {
            Settlement::Ack(_) => None,
            Settlement::DeadLetter(_) => Some(self.given_up(held.message, "rejected")),
            Settlement::Requeue(_) if held.requeued >= self.rules.delivery_limit => {
                Some(self.given_up(held.message, "delivery_limit"))
            }
            Settlement::Requeue(_) => {
                held.requeued += 1;
                let at = self.ready.partition_point(|other| other.place < held.place);
                self.ready.insert(at, held);
                None
            }
        };
        self.hand_out();
        given_up
    }

    pub(super) fn unsettled(&self) -> usize {
        self.unsettled.len()
    }

    pub(super) fn depth(&self) -> Depth {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Depth {
            messages: count(self.ready.len()),
            consumers: count(self.takers.len()),
        }
    }

    fn given_up(&self, mut message: Stored, reason: &str) -> Stored {
        message.death = Some(Death {
            queue: self.name.clone(),
            reason: reason.to_owned(),
        });
        message
    }

    /// Gives what is ready to the consumers in turn, each up to its prefetch.
    fn hand_out(&mut self) {
        // Who takes no more would only give back what it is handed, closer to its limit.
        self.takers
            .retain(|(_, taker)| !taker.deliveries.is_closed());
        while !self.ready.is_empty()
            && let Some(next) = self.next_taker()
            && let Some((consumer, mut taker)) = self.takers.remove(next)
            && let Some(held) = self.ready.pop_front()
        {
            taker.holds += 1;
            let tag = self.next_tag;
            self.next_tag += 1;
            let delivery = Delivery {
                message: Incoming {
                    properties: held.message.properties.clone(),
                    body: held.message.body.clone(),
                    redelivered: held.requeued > 0,
                    death: held.message.death.clone(),
                },
                receipt: Receipt::new(tag, taker.settle.clone()),
            };
            self.unsettled.insert((consumer, tag), held);
            // A consumer that has just gone drops the delivery, and its receipt requeues it.
            let _consumer_is_gone = taker.deliveries.try_send(delivery);
            self.takers.push_back((consumer, taker));
        }
    }

    /// Whose turn it is, of those that have room.
    fn next_taker(&self) -> Option<usize> {
        let first = |spare| {
            let mut takers = self.takers.iter();
            takers.position(|(_, taker)| taker.spare == spare && taker.has_room())
        };
        first(false).or_else(|| first(true))
    }
}
