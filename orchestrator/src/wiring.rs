//! The exchanges and queues that the registered definitions need, against those that are there, and
//! who serves them.

use std::sync::Arc;

use broker::broker::{Broker, BrokerError, Depth, Health};
use broker::inspection::{Condition, Inspected, ItemKind};
use broker::topology::Topology;
use saga_core::definition::DefinitionRef;
use saga_core::ids::{ActionName, Op};

use crate::catalog::{Catalog, CatalogError, Needs};
use crate::deadline::in_time;
use crate::store::{Store, StoreError};

/// What is wired to what.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// Every exchange and queue that is needed.
    pub wires: Vec<Wire>,
    /// Why nothing of the broker can be seen; then every condition is unknown.
    pub blind: Option<String>,
    /// Definitions that do not compile, and why; what they need is not known.
    pub broken: Vec<(DefinitionRef, String)>,
}

/// One exchange or queue.
#[derive(Debug, Clone)]
pub struct Wire {
    /// What it is.
    pub kind: ItemKind,
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub condition: Condition,
    /// How full a queue is, where that can be seen.
    pub depth: Option<Depth>,
    /// The operation whose commands a queue holds.
    pub serves: Option<(ActionName, Op)>,
    /// The names of the workers that have said that they serve it, and are alive.
    pub workers: Vec<String>,
}

/// Why the wiring cannot be told or mended.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The definitions.
    #[error("look up what the definitions need")]
    Catalog(#[from] CatalogError),
    /// The workers.
    #[error("look up who serves what")]
    Store(#[from] StoreError),
    /// The broker.
    #[error("declare what is missing")]
    Broker(#[from] BrokerError),
}

impl Wire {
    /// Nobody takes what comes here, although somebody should.
    #[must_use]
    pub fn is_unattended(&self) -> bool {
        self.serves.is_some() && self.depth.is_some_and(|depth| depth.consumers == 0)
    }
}

impl Wiring {
    /// Whether everything is there as it should be. Queues without consumers are another matter.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let fine = |wire: &Wire| wire.condition == Condition::Fine;
        self.blind.is_none() && self.broken.is_empty() && self.wires.iter().all(fine)
    }
}

/// Compares what is needed with what is there.
///
/// # Errors
/// When the store does not answer. A broker that does not makes everything unknown.
pub async fn inspect(
    catalog: &Catalog,
    store: &Arc<dyn Store>,
    broker: &dyn Broker,
    topology: &Topology,
) -> Result<Wiring, WiringError> {
    let needs = catalog.needs().await?;
    let (found, blind) = match look(broker, &needs).await {
        Ok(found) => (found, None),
        Err(why) => (unseen(topology, &needs, &why), Some(why)),
    };
    let (workers, now) = (store.workers().await?, store.now());
    let wires = found.into_iter().map(|it| {
        let named = |(action, op): &&(ActionName, Op)| {
            it.kind == ItemKind::Queue && topology.step_queue(action, *op) == it.name
        };
        let serves = needs.steps.iter().find(named).cloned();
        let mut servers: Vec<String> = Vec::new();
        if let Some((action, op)) = &serves {
            let alive = workers.iter().filter(|worker| worker.serves(now));
            for said in alive.map(|worker| &worker.announcement) {
                let mut operations = said.operations.iter();
                if operations.any(|it| it.operation == *action && it.op == *op) {
                    servers.push(said.name.clone());
                }
            }
        }
        Wire {
            kind: it.kind,
            name: it.name,
            condition: it.condition,
            depth: it.depth,
            serves,
            workers: servers,
        }
    });
    Ok(Wiring {
        wires: wires.collect(),
        blind,
        broken: needs.broken,
    })
}

async fn look(broker: &dyn Broker, needs: &Needs) -> Result<Vec<Inspected>, String> {
    if *broker.health().borrow() == Health::Disconnected {
        return Err("the broker cannot be reached".to_owned());
    }
    let found = in_time(broker.inspect(&needs.steps)).await;
    found.map_err(|error| crate::chain(&error))
}

/// The queues that there should be, of which nothing can be seen.
fn unseen(topology: &Topology, needs: &Needs, why: &str) -> Vec<Inspected> {
    let base = [
        topology.dead(),
        topology.unroutable(),
        topology.replies_queue(),
        topology.requests_queue(),
    ];
    let steps = needs.steps.iter();
    let steps = steps.map(|(action, op)| topology.step_queue(action, *op));
    let queue = |name| Inspected {
        kind: ItemKind::Queue,
        name,
        condition: Condition::Unknown(why.to_owned()),
        depth: None,
    };
    base.into_iter().chain(steps).map(queue).collect()
}

/// Declares what is missing, bindings included, which cannot be seen. Nothing is ever deleted, and
/// what exists with other arguments stays as it is.
///
/// # Errors
/// When the store does not answer, or the broker does not.
pub async fn apply(
    catalog: &Catalog,
    broker: &dyn Broker,
    topology: &Topology,
) -> Result<(), WiringError> {
    let needs = catalog.needs().await?;
    declared(in_time(broker.declare_base()).await)?;
    for step in &needs.steps {
        declared(in_time(broker.declare_steps(std::slice::from_ref(step))).await)?;
    }
    // This process has declared most of it before, and would take it for there.
    let steps = topology.steps_exchange();
    in_time(async {
        broker.restore(&steps).await;
        Ok(())
    })
    .await?;
    Ok(())
}

/// What has other arguments is refused, and must not keep what comes after it from being declared.
fn declared(answer: Result<(), BrokerError>) -> Result<(), BrokerError> {
    match answer {
        Ok(()) | Err(BrokerError::Declare { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
