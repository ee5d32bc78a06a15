//! The exchanges and queues of a deployment and every argument they are declared with.
//!
//! Every argument is set, also where it is some version's default, so that all versions behave
//! alike.

use std::time::Duration;

use lapin::ExchangeKind;
use lapin::types::{AMQPValue, FieldTable};
use saga_core::definition::RUNGS;
use saga_core::ids::{ActionName, Op};

use crate::broker::OWN_QUEUE_MESSAGES_MAX;
use crate::topology::Topology;

/// For queues that nothing may fall out of. The newest brokers limit deliveries to 20 where
/// nothing is said, the oldest know no word for "no limit", and both read this.
const UNLIMITED: u32 = 1_000_000_000;

/// What is declared together, named after its queue or exchange.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) items: Vec<Item>,
}

/// One thing to declare.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Exchange {
        name: String,
        kind: ExchangeKind,
        arguments: FieldTable,
    },
    Queue {
        name: String,
        arguments: FieldTable,
    },
    Bind {
        queue: String,
        exchange: String,
        routing_key: String,
    },
}

impl Item {
    /// Kind and name, for errors.
    pub(super) fn what(&self) -> String {
        match self {
            Self::Exchange { name, .. } => format!("exchange {name}"),
            Self::Queue { name, .. } => format!("queue {name}"),
            Self::Bind {
                queue, exchange, ..
            } => format!("binding of {queue} to {exchange}"),
        }
    }
}

/// What every deployment has, in the order in which it must be declared.
pub(super) fn base(topology: &Topology, delivery_limit: u32) -> Vec<Group> {
    let steps = topology.steps_exchange();
    let mut alternate = FieldTable::default();
    alternate.insert("alternate-exchange".into(), text(&topology.unroutable()));
    let exchange = |name: String, kind, arguments| Group {
        items: vec![Item::Exchange {
            name: name.clone(),
            kind,
            arguments,
        }],
        name,
    };
    vec![
        fanout_with_queue(topology.dead(), queue_arguments(UNLIMITED)),
        fanout_with_queue(topology.unroutable(), queue_arguments(UNLIMITED)),
        exchange(steps, ExchangeKind::Direct, alternate),
        exchange(
            topology.events_exchange(),
            ExchangeKind::Topic,
            FieldTable::default(),
        ),
        inbox(topology, delivery_limit, topology.replies_queue()),
        inbox(topology, delivery_limit, topology.requests_queue()),
    ]
}

/// A queue that orchestrators read, and that is written to by its name.
pub(super) fn inbox(topology: &Topology, delivery_limit: u32, name: String) -> Group {
    Group {
        items: vec![Item::Queue {
            arguments: dead_lettering(queue_arguments(delivery_limit), &topology.dead()),
            name: name.clone(),
        }],
        name,
    }
}

/// The queue of one operation and the rungs of its pool.
pub(super) fn step(
    topology: &Topology,
    delivery_limit: u32,
    action: &ActionName,
    op: Op,
) -> Vec<Group> {
    let queue = topology.step_queue(action, op);
    let arguments = dead_lettering(queue_arguments(delivery_limit), &topology.dead());
    let step = Group {
        name: queue.clone(),
        items: vec![
            Item::Queue {
                name: queue.clone(),
                arguments,
            },
            Item::Bind {
                exchange: topology.steps_exchange(),
                routing_key: queue.clone(),
                queue,
            },
        ],
    };
    let rungs = RUNGS
        .into_iter()
        .map(|delay| rung(topology, action.pool(), delay));
    rungs.chain([step]).collect()
}

/// A queue that holds each message for the same time and hands it back. The fanout exchange in
/// front keeps the routing key, which names the queue the message goes to in the end.
fn rung(topology: &Topology, pool: &str, delay: Duration) -> Group {
    let mut arguments = dead_lettering(queue_arguments(UNLIMITED), &topology.steps_exchange());
    let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(millis));
    fanout_with_queue(topology.rung(pool, delay), arguments)
}

fn fanout_with_queue(name: String, arguments: FieldTable) -> Group {
    let exchange = Item::Exchange {
        name: name.clone(),
        kind: ExchangeKind::Fanout,
        arguments: FieldTable::default(),
    };
    let queue = Item::Queue {
        name: name.clone(),
        arguments,
    };
    let bind = Item::Bind {
        queue: name.clone(),
        exchange: name.clone(),
        routing_key: String::new(),
    };
    Group {
        name,
        items: vec![exchange, queue, bind],
    }
}

fn queue_arguments(delivery_limit: u32) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    let limit = AMQPValue::LongLongInt(delivery_limit.into());
    arguments.insert("x-delivery-limit".into(), limit);
    arguments
}

/// Of a consumer that takes what others have no room for. Where nothing is said it is 0.
pub(super) fn spare_arguments() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-priority".into(), AMQPValue::LongInt(-1));
    arguments
}

/// Of a queue that one consumer alone reads. It lives as long as that is connected, so it needs no
/// copies on other nodes, and no file.
pub(super) fn own_queue_arguments() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("classic"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    let length = AMQPValue::LongLongInt(OWN_QUEUE_MESSAGES_MAX.into());
    arguments.insert("x-max-length".into(), length);
    arguments
}

fn dead_lettering(mut arguments: FieldTable, exchange: &str) -> FieldTable {
    arguments.insert("x-dead-letter-exchange".into(), text(exchange));
    arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
