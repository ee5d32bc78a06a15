//! Declaring, and remembering what this connection has declared.

use std::collections::{BTreeMap, BTreeSet};

use lapin::Channel;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use saga_core::ids::{ActionName, Op};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tracing::warn;

use super::convert::name;
use super::plan::{self, Group, Item};
use super::supervisor::{Broken, Link, Live, RPC_TIMEOUT, rpc};
use crate::broker::BrokerError;
use crate::topology::Topology;

/// The broker found something of that name with other settings.
pub(super) const PRECONDITION_FAILED: u16 = 406;

/// Declares each thing once per connection, and again when it turns out to be gone.
#[derive(Debug)]
pub(super) struct Declarer {
    topology: Topology,
    delivery_limit: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What has ever been asked for.
    known: BTreeMap<String, Group>,
    /// Names of what the connection of this generation has declared.
    declared: BTreeSet<String>,
    generation: u64,
}

/// What a person can do about a declaration that the broker refused.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(
        "it exists with other settings; drain and delete it, or run with the settings it was \
         made with"
    )]
    Mismatch(#[source] Broken),
    #[error("the broker refused")]
    Other(#[source] Broken),
}

impl Declarer {
    pub(super) fn new(topology: Topology, delivery_limit: u32) -> Self {
        Self {
            topology,
            delivery_limit,
            state: Mutex::default(),
        }
    }

    /// What every deployment has.
    pub(super) async fn base(&self, link: &Link) -> Result<(), BrokerError> {
        self.ensure(link, plan::base(&self.topology, self.delivery_limit))
            .await
    }

    /// The reply queues of single orchestrators, 1 to `queues`.
    pub(super) async fn replies(&self, link: &Link, queues: u32) -> Result<(), BrokerError> {
        let names = (1..=queues).map(|number| self.topology.own_replies_queue(number));
        let group = |name| plan::inbox(&self.topology, self.delivery_limit, name);
        self.ensure(link, names.map(group).collect()).await
    }

    /// The base, and the queues and rungs of these operations.
    pub(super) async fn steps(
        &self,
        link: &Link,
        steps: &[(ActionName, Op)],
    ) -> Result<(), BrokerError> {
        let mut groups = plan::base(&self.topology, self.delivery_limit);
        for (action, op) in steps {
            groups.extend(plan::step(&self.topology, self.delivery_limit, action, *op));
        }
        self.ensure(link, groups).await
    }

    /// Everything that a deployment with these operations needs, and the reply queues that are known.
    pub(super) async fn needed(
        &self,
        steps: &[(ActionName, Op)],
    ) -> impl Iterator<Item = Item> + use<> {
        let mut groups = plan::base(&self.topology, self.delivery_limit);
        let state = self.state.lock().await;
        let known = state.known.values();
        groups.extend(
            known
                .filter(|group| self.topology.is_own_replies_queue(&group.name))
                .cloned(),
        );
        drop(state);
        for (action, op) in steps {
            groups.extend(plan::step(&self.topology, self.delivery_limit, action, *op));
        }
        groups.into_iter().flat_map(|group| group.items)
    }

    /// Declares everything again that was ever asked for: somebody may have deleted something
    /// while we were away. What fails is only logged; whoever needs it asks again. Without a broker
    /// that answers, all of it waits for the next connection.
    pub(super) async fn restore_all(&self, link: &Link) {
        let known: Vec<_> = self.state.lock().await.known.values().cloned().collect();
        for group in in_order(known, &self.topology) {
            if let Err(error) = self.ensure(link, vec![group]).await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "declaring again failed"
                );
                if matches!(error, BrokerError::Unavailable) {
                    return;
                }
            }
        }
    }

    /// Whether that was ever asked for.
    pub(super) async fn knows(&self, name: &str) -> bool {
        self.state.lock().await.known.contains_key(name)
    }

    /// Declares what has that name again, which somebody deleted. Nothing happens when it was never
    /// asked for. The bindings of every step queue go with the exchange that they are bound to.
    pub(super) async fn restore(&self, link: &Link, name: &str) {
        if name == self.topology.steps_exchange() {
            self.state.lock().await.declared.clear();
            return self.restore_all(link).await;
        }
        let known = {
            let mut state = self.state.lock().await;
            state.declared.remove(name);
            state.known.get(name).cloned()
        };
        // A worker answers to the queue that a command names, and has not declared it.
        let known = known.or_else(|| {
            let own = self.topology.is_own_replies_queue(name);
            own.then(|| plan::inbox(&self.topology, self.delivery_limit, name.to_owned()))
        });
        if let Some(group) = known
            && let Err(error) = self.ensure(link, vec![group]).await
        {
            warn!(
                name,
                error = &error as &dyn std::error::Error,
                "declaring again failed"
            );
        }
    }

    async fn ensure(&self, link: &Link, groups: Vec<Group>) -> Result<(), BrokerError> {
        let mut state = self.state.lock().await;
        let live = connection(link).await?;
        if state.generation != live.generation {
            state.generation = live.generation;
            state.declared.clear();
        }
        let missing: Vec<_> = groups
            .into_iter()
            .filter(|group| !state.declared.contains(&group.name))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        // A refused declaration closes its channel, so it gets one of its own.
        let channel = live.channel().await.map_err(|_| BrokerError::Unavailable)?;
        for group in missing {
            if state.declared.contains(&group.name) {
                continue;
            }
            for item in &group.items {
                if let Err(error) = declare(&channel, item).await {
                    live.suspect();
                    return Err(refused(item, error));
                }
            }
            state.declared.insert(group.name.clone());
            state.known.insert(group.name.clone(), group);
        }
        let _closed = rpc(channel.close(200, "OK".into())).await;
        Ok(())
    }
}

/// Exchanges that others refer to come first, as in the plan of the base.
fn in_order(mut groups: Vec<Group>, topology: &Topology) -> Vec<Group> {
    let base = plan::base(topology, 0);
    let rank = |group: &Group| base.iter().position(|other| other.name == group.name);
    groups.sort_by_key(|group| rank(group).unwrap_or(base.len()));
    groups
}

/// The connection, if there is one within the time that a request may take.
pub(super) async fn connection(link: &Link) -> Result<std::sync::Arc<Live>, BrokerError> {
    let mut link = link.clone();
    let live = timeout(RPC_TIMEOUT, link.live()).await;
    live.ok().flatten().ok_or(BrokerError::Unavailable)
}

fn refused(item: &Item, error: Broken) -> BrokerError {
    match error.code() {
        None => BrokerError::Unavailable,
        Some(PRECONDITION_FAILED) => BrokerError::Declare {
            what: item.what(),
            source: Box::new(Refused::Mismatch(error)),
        },
        Some(_) => BrokerError::Declare {
            what: item.what(),
            source: Box::new(Refused::Other(error)),
        },
    }
}

pub(super) async fn declare(channel: &Channel, item: &Item) -> Result<(), Broken> {
    match item {
        Item::Exchange {
            name: called,
            kind,
            arguments,
        } => {
            let options = ExchangeDeclareOptions {
                durable: true,
                ..Default::default()
            };
            rpc(channel.exchange_declare(name(called), kind.clone(), options, arguments.clone()))
                .await
        }
        Item::Queue {
            name: called,
            arguments,
        } => {
            let options = QueueDeclareOptions {
                durable: true,
                ..Default::default()
            };
            rpc(channel.queue_declare(name(called), options, arguments.clone()))
                .await
                .map(drop)
        }
        Item::Bind {
            queue,
            exchange,
            routing_key,
        } => {
            let (queue, exchange) = (name(queue), name(exchange));
            let options = QueueBindOptions::default();
            let key = name(routing_key);
            rpc(channel.queue_bind(queue, exchange, key, options, FieldTable::default())).await
        }
    }
}
