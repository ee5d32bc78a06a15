//! Exchanges and queues in memory, and which message goes where.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use saga_core::definition::RUNGS;
use saga_core::ids::{ActionName, Op};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::queue::{Queue, Rules, Stored};
use crate::broker::{OWN_QUEUE_MESSAGES_MAX, Settled};
use crate::inspection::{Condition, Inspected, ItemKind};
use crate::message::Outgoing;
use crate::topology::Topology;

/// Requeues of a message in a queue that nothing may fall out of.
const UNLIMITED: u32 = u32::MAX;

#[derive(Debug)]
enum Exchange {
    /// To the queue that is named like the routing key, where it is bound; else to the alternate.
    Direct {
        bound: BTreeSet<String>,
        alternate: String,
    },
    /// To this queue.
    Fanout(String),
    /// To nobody yet, and nobody minds.
    Topic,
}

/// Everything the broker holds.
#[derive(Debug)]
pub(super) struct Routing {
    topology: Topology,
    length_max: usize,
    delivery_limit: u32,
    exchanges: BTreeMap<String, Exchange>,
    queues: BTreeMap<String, Queue>,
    /// Queues whose messages expire.
    rungs: BTreeSet<String>,
    /// Told when a message comes that will expire.
    pub(super) expiring: Arc<Notify>,
}

impl Routing {
    pub(super) fn new(topology: Topology, length_max: usize, delivery_limit: u32) -> Self {
        Self {
            topology,
            length_max,
            delivery_limit,
            exchanges: BTreeMap::new(),
            queues: BTreeMap::new(),
            rungs: BTreeSet::new(),
            expiring: Arc::new(Notify::new()),
        }
    }

    pub(super) fn declare_base(&mut self) {
        let (dead, unroutable) = (self.topology.dead(), self.topology.unroutable());
        self.declare_fanout(dead.clone(), self.rules(UNLIMITED, None, None));
        self.declare_fanout(unroutable.clone(), self.rules(UNLIMITED, None, None));
        let direct = Exchange::Direct {
            bound: BTreeSet::new(),
            alternate: unroutable,
        };
        self.exchanges
            .entry(self.topology.steps_exchange())
            .or_insert(direct);
        self.exchanges
            .entry(self.topology.events_exchange())
            .or_insert(Exchange::Topic);
        let rules = self.rules(self.delivery_limit, None, Some(dead));
        self.declare_queue(self.topology.replies_queue(), rules.clone());
        self.declare_queue(self.topology.requests_queue(), rules);
    }

    pub(super) fn declare_replies(&mut self, queues: u32) {
        let rules = self.rules(self.delivery_limit, None, Some(self.topology.dead()));
        for number in 1..=queues {
            self.declare_queue(self.topology.own_replies_queue(number), rules.clone());
        }
    }

    pub(super) fn declare_step(&mut self, action: &ActionName, op: Op) {
        for delay in RUNGS {
            let rung = self.topology.rung(action.pool(), delay);
            let back = self.topology.steps_exchange();
            self.declare_fanout(rung.clone(), self.rules(UNLIMITED, Some(delay), Some(back)));
            self.rungs.insert(rung);
        }
        let queue = self.topology.step_queue(action, op);
        let rules = self.rules(self.delivery_limit, None, Some(self.topology.dead()));
        self.declare_queue(queue.clone(), rules);
        let steps = self.exchanges.get_mut(&self.topology.steps_exchange());
        if let Some(Exchange::Direct { bound, .. }) = steps {
            bound.insert(queue);
        }
    }

    fn rules(&self, limit: u32, ttl: Option<Duration>, dead_letter: Option<String>) -> Rules {
        Rules {
            length_max: self.length_max,
            delivery_limit: limit,
            ttl,
            dead_letter,
        }
    }

    fn declare_fanout(&mut self, name: String, rules: Rules) {
        self.declare_queue(name.clone(), rules);
        self.exchanges.insert(name.clone(), Exchange::Fanout(name));
    }

    fn declare_queue(&mut self, name: String, rules: Rules) {
        self.queues
            .entry(name.clone())
            .or_insert_with(|| Queue::new(name, rules));
    }

    /// What the base and these operations need, and whether it is there. Nothing here has arguments
    /// that could differ.
    pub(super) fn inspect(&mut self, steps: &[(ActionName, Op)]) -> Vec<Inspected> {
        let topology = &self.topology;
        let fanouts = [topology.dead(), topology.unroutable()];
        let exchanges = [topology.steps_exchange(), topology.events_exchange()];
        let mut queues: BTreeSet<String> =
            [topology.replies_queue(), topology.requests_queue()].into();
        let own = self.queues.keys();
        queues.extend(
            own.filter(|name| topology.is_own_replies_queue(name))
                .cloned(),
        );
        let mut both: BTreeSet<String> = fanouts.into();
        for (action, op) in steps {
            queues.insert(topology.step_queue(action, *op));
            both.extend(RUNGS.map(|delay| topology.rung(action.pool(), delay)));
        }
        let exchange = |name: String| (ItemKind::Exchange, name);
        let queue = |name: String| (ItemKind::Queue, name);
        let pairs = both
            .into_iter()
            .flat_map(|name| [exchange(name.clone()), queue(name)]);
        let needed: Vec<_> = pairs
            .chain(exchanges.map(exchange))
            .chain(queues.into_iter().map(queue))
            .collect();
        let look = |(kind, name): (ItemKind, String)| {
            let depth = match kind {
                ItemKind::Exchange => None,
                ItemKind::Queue => self.queues.get_mut(&name).map(|queue| queue.depth()),
            };
            let there = match kind {
                ItemKind::Exchange => self.exchanges.contains_key(&name),
                ItemKind::Queue => depth.is_some(),
            };
            let condition = if there {
                Condition::Fine
            } else {
                Condition::Missing
            };
            Inspected {
                kind,
                name,
                condition,
                depth,
            }
        };
        needed.into_iter().map(look).collect()
    }

    /// A queue of one consumer.
    pub(super) fn declare_own(&mut self, name: &str, prefetch: u16) {
        let rules = Rules {
            length_max: usize::from(OWN_QUEUE_MESSAGES_MAX) + usize::from(prefetch),
            ..self.rules(UNLIMITED, None, None)
        };
        self.declare_queue(name.to_owned(), rules);
    }

    /// Forgets a queue with what is in it.
    pub(super) fn delete(&mut self, name: &str) {
        self.queues.remove(name);
    }

    pub(super) fn queue(&mut self, name: &str) -> Option<&mut Queue> {
        self.queues.get_mut(name)
    }

    pub(super) fn queues(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.queues.values_mut()
    }

    pub(super) fn publish(&mut self, message: Outgoing) -> Settled {
        let Outgoing { properties, body } = message;
        let target = match self.target(&properties.exchange, &properties.routing_key) {
            Target::Queue(name) => name,
            Target::Nobody => return Settled::Unroutable,
            Target::NobodyMinds => return Settled::Confirmed,
        };
        let Some(queue) = self.queues.get_mut(&target) else {
            return Settled::Unroutable;
        };
        if !queue.has_room() {
            return Settled::Refused;
        }
        queue.push(Stored {
            properties,
            body,
            death: None,
        });
        self.announce(&target);
        Settled::Confirmed
    }

    /// Passes on what a queue has given up. Nothing is lost on this way: the target takes it even
    /// when it is full, as an at-least-once transfer ends up doing.
    pub(super) fn dead_letter(&mut self, from: &str, mut message: Stored) {
        let Some(exchange) = self.queues.get(from).and_then(Queue::dead_letter) else {
            return;
        };
        let exchange = exchange.to_owned();
        if let Target::Queue(name) = self.target(&exchange, &message.properties.routing_key)
            && let Some(queue) = self.queues.get_mut(&name)
        {
            message.properties.exchange = exchange;
            queue.push(message);
            self.announce(&name);
        }
    }

    /// Hands back every message whose time on a rung is over; returns when the next one is.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        let mut expired = Vec::new();
        for rung in &self.rungs {
            let Some(queue) = self.queues.get_mut(rung) else {
                continue;
            };
            while let Some(due) = queue.due()
                && let Some(message) = queue.expired(now)
            {
                expired.push((due, rung.clone(), message));
            }
        }
        expired.sort_by_key(|(due, _, _)| *due);
        for (_, rung, message) in expired {
            self.dead_letter(&rung, message);
        }
        self.rungs
            .iter()
            .filter_map(|rung| self.queues.get(rung)?.due())
            .min()
    }

    fn announce(&self, queue: &str) {
        if self.rungs.contains(queue) {
            self.expiring.notify_one();
        }
    }

    fn target(&self, exchange: &str, routing_key: &str) -> Target {
        if exchange.is_empty() {
            return Target::Queue(routing_key.to_owned());
        }
        match self.exchanges.get(exchange) {
            None => Target::Nobody,
            Some(Exchange::Topic) => Target::NobodyMinds,
            Some(Exchange::Fanout(queue)) => Target::Queue(queue.clone()),
            Some(Exchange::Direct { bound, .. }) if bound.contains(routing_key) => {
                Target::Queue(routing_key.to_owned())
            }
            Some(Exchange::Direct { alternate, .. }) => Target::Queue(alternate.clone()),
        }
    }
}

enum Target {
    Queue(String),
    Nobody,
    NobodyMinds,
}
