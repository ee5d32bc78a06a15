//! What a consumer of the in-memory broker sends back.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};

use super::routing::Routing;
use crate::broker::{Delivery, Health};
use crate::receipt::Settlement;

/// A consumer's way back to its queue.
pub(super) struct Subscription {
    pub(super) routing: Arc<Mutex<Routing>>,
    pub(super) queue: String,
    /// The queue is gone with this consumer.
    pub(super) own: bool,
    pub(super) consumer: u64,
}

impl Subscription {
    /// Settles what the consumer settles. When its receiving end is dropped it gets nothing more;
    /// what was handed out can still be settled, and this ends with the last receipt.
    pub(super) async fn run(
        self,
        deliveries: mpsc::Sender<Delivery>,
        mut settled: mpsc::UnboundedReceiver<Settlement>,
        mut health: watch::Receiver<Health>,
    ) {
        let mut deliveries = Some(deliveries);
        loop {
            tokio::select! {
                biased;
                settlement = settled.recv() => match settlement {
                    Some(settlement) => self.settle(settlement),
                    None => return self.ended(),
                },
                () = over(deliveries.as_ref(), &mut health) => {
                    deliveries = None;
                    self.with(|routing| {
                        if let Some(queue) = routing.queue(&self.queue) {
                            queue.unsubscribe(self.consumer);
                        }
                    });
                    self.ended();
                }
            }
        }
    }

    /// Nobody takes anything from the queue any more.
    fn ended(&self) {
        if self.own {
            self.with(|routing| routing.delete(&self.queue));
        }
    }

    fn settle(&self, settlement: Settlement) {
        self.with(|routing| {
            let queue = routing.queue(&self.queue);
            let given_up = queue.and_then(|queue| queue.settle(self.consumer, settlement));
            if let Some(message) = given_up {
                routing.dead_letter(&self.queue, message);
            }
        });
    }

    fn with(&self, change: impl FnOnce(&mut Routing)) {
        change(&mut self.routing.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Waits until the consumer is dropped or the broker closed; for ever when that is known already.
async fn over(deliveries: Option<&mpsc::Sender<Delivery>>, health: &mut watch::Receiver<Health>) {
    let Some(deliveries) = deliveries else {
        return std::future::pending().await;
    };
    tokio::select! {
        biased;
        () = deliveries.closed() => {}
        _ = health.wait_for(|health| *health == Health::Disconnected) => {}
    }
}
