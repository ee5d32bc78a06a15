//! Sends a delivery that is not its turn round by the shortest rung.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use broker::broker::Broker;
use broker::message::{Incoming, Outgoing};
use broker::receipt::Receipt;
use broker::topology::Topology;
use saga_core::ids::ActionName;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::sent::send;
use crate::ledger::Recorded;

/// The shortest rung.
const RUNG: Duration = Duration::from_millis(250);

/// Copies under way.
const LANES: usize = 16;

pub(super) struct Postponer {
    broker: Arc<dyn Broker>,
    topology: Topology,
    /// Two copies of one message are never under way at once, because confirms are matched by its
    /// id: each lane carries one, and a message always takes the same lane.
    lanes: [Mutex<()>; LANES],
}

impl Postponer {
    pub(super) fn new(broker: Arc<dyn Broker>, topology: Topology) -> Self {
        Self {
            broker,
            topology,
            lanes: std::array::from_fn(|_| Mutex::new(())),
        }
    }

    /// Publishes a copy to the rung, under the same id and attempt, and acknowledges the original
    /// once the copy is confirmed.
    pub(super) async fn postpone(
        &self,
        action: &ActionName,
        message: Incoming,
        receipt: Receipt,
        stop: &CancellationToken,
    ) {
        let mut hasher = DefaultHasher::new();
        message.properties.message_id.hash(&mut hasher);
        let lane = usize::try_from(hasher.finish()).unwrap_or(usize::MAX) % LANES;
        let _alone = self.lanes[lane].lock().await;
        let mut properties = message.properties;
        properties.exchange = self.topology.rung(action.pool(), RUNG);
        let copy = Outgoing {
            properties,
            body: message.body,
        };
        let nothing = [Recorded::nothing_to_record()];
        if let Some(sent) = send(&*self.broker, copy, &nothing, stop).await {
            receipt.ack(&sent);
        }
    }
}
