//! Takes the deliveries of one queue, as many as its operation may have.

use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, Consumer, Delivery};
use broker::envelope::worker::BreakerState;
use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::execution::{Arrival, Pipeline};
use crate::limits::Permit;
use crate::operation::Lane;

/// A consumer that could not be started again is tried again after this.
const CONSUME_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A rate limit keeps no more in this process than it lets through in this time. Brokers take back
/// what is held for too long, and others may have room.
const RATE_HORIZON: Duration = Duration::from_secs(10);

/// One queue that is served.
pub(super) struct ServedLane {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) broker: Arc<dyn Broker>,
    pub(super) queue: String,
    pub(super) lane: Arc<Lane>,
    pub(super) shutdown: CancellationToken,
}

/// Why no more is taken from a consumer.
enum End {
    /// The worker stops, or the broker is closed.
    Over,
    /// The breaker has opened, half-opened or closed.
    BreakerChanged,
}

/// How many deliveries a queue's consumer may hold while nothing limits them further.
pub(super) fn prefetch(lane: &Lane) -> u16 {
    let settings = lane.operation.settings;
    let wanted = settings.concurrency.saturating_add(settings.backlog).max(1);
    let allowed = settings.rate.map_or(u16::MAX, |rate| {
        u16::try_from(rate.calls_within(RATE_HORIZON)).unwrap_or(u16::MAX)
    });
    wanted.min(allowed.max(1))
}

impl ServedLane {
    /// Serves until the shutdown, then waits for what runs.
    ///
    /// While the breaker is open there is no consumer: the broker hands nothing out, and what it
    /// had handed out goes round by a rung, to whoever can do it. A consumer for probes holds as
    /// many deliveries as there are probes.
    pub(super) async fn serve(self, first: Consumer) {
        let concurrency = usize::from(self.lane.operation.settings.concurrency.max(1));
        let slots = Arc::new(Semaphore::new(concurrency));
        let mut running = JoinSet::new();
        let mut next = Some(first);
        while let Some(mut consumer) = next.take() {
            match self.take(&mut consumer, &slots, &mut running).await {
                // What waits unhandled in this process goes back to its queue at once; what is
                // running can still be acknowledged.
                End::Over => drop(consumer),
                End::BreakerChanged => {
                    self.tell_breaker();
                    self.send_round(consumer).await;
                    next = self.consume_again().await;
                }
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Takes deliveries, each with a permit and a slot.
    async fn take(
        &self,
        consumer: &mut Consumer,
        slots: &Arc<Semaphore>,
        running: &mut JoinSet<()>,
    ) -> End {
        let mut state = self.lane.gate.state();
        let began_as = *state.borrow_and_update();
        // Others of the last one's message, which come at once unless something keeps them.
        let mut others = None;
        let is_limited = self.lane.operation.settings.rate.is_some();
        loop {
            let next = async {
                let permit = self.lane.gate.permit().await;
                let slot = if let Ok(slot) = slots.clone().try_acquire_owned() {
                    slot
                } else {
                    drop(others.take());
                    slots.clone().acquire_owned().await.ok()?
                };
                Some((permit, slot, consumer.next().await?))
            };
            let (mut permit, slot, delivery) = tokio::select! {
                biased;
                end = self.interrupted(&mut state, began_as) => return end,
                next = next => match next {
                    Some(next) => next,
                    None => return End::Over,
                },
            };
            tokio::select! {
                biased;
                end = self.interrupted(&mut state, began_as) => {
                    match end {
                        End::Over => drop(delivery),
                        End::BreakerChanged => {
                            self.pipeline.postpone(&self.lane.action, delivery).await;
                        }
                    }
                    return end;
                }
                () = permit.token() => {}
            }
            let arrival = self.pipeline.come();
            others = (consumer.has_more() && !is_limited).then(|| self.pipeline.come());
            running.spawn(execute(
                Arc::clone(&self.pipeline),
                Arc::clone(&self.lane),
                (delivery, arrival),
                permit,
                slot,
            ));
            while running.try_join_next().is_some() {}
        }
    }

    /// Waits for a reason to take no more.
    async fn interrupted(
        &self,
        state: &mut watch::Receiver<BreakerState>,
        began_as: BreakerState,
    ) -> End {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => End::Over,
            _ = state.wait_for(|state| *state != began_as) => End::BreakerChanged,
        }
    }

    fn tell_breaker(&self) {
        let (action, op) = (&self.lane.action, self.lane.op);
        match *self.lane.gate.state().borrow() {
            BreakerState::Open => {
                tracing::warn!(%action, %op, "an operation fails too often and is not called for now");
            }
            BreakerState::HalfOpen => {}
            BreakerState::Closed => tracing::info!(%action, %op, "an operation works again"),
        }
    }

    /// Lets go of a consumer and sends what it holds round. Given back to the queue instead, each
    /// message would come closer to the queue's delivery limit with every time that the breaker
    /// opens, and die of it without ever having been tried.
    async fn send_round(&self, mut consumer: Consumer) {
        consumer.stop();
        let mut held = Vec::new();
        while let Some(delivery) = consumer.next().await {
            held.push(delivery);
        }
        let round = held
            .into_iter()
            .map(|delivery| self.pipeline.postpone(&self.lane.action, delivery));
        join_all(round).await;
    }

    /// Consumes again once the breaker allows it; `None` at the shutdown.
    async fn consume_again(&self) -> Option<Consumer> {
        loop {
            let probes = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                probes = self.lane.gate.until_not_open() => probes,
            };
            let prefetch = probes.unwrap_or_else(|| prefetch(&self.lane));
            let error = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                consumer = self.broker.consume(&self.queue, prefetch) => match consumer {
                    Ok(consumer) => return Some(consumer),
                    Err(error) => error,
                },
            };
            tracing::warn!(
                queue = self.queue,
                error = &error as &dyn std::error::Error,
                "cannot consume; trying again"
            );
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                () = sleep(CONSUME_AGAIN_AFTER) => {}
            }
        }
    }
}

async fn execute(
    pipeline: Arc<Pipeline>,
    lane: Arc<Lane>,
    (delivery, arrival): (Delivery, Arrival),
    permit: Permit,
    slot: OwnedSemaphorePermit,
) {
    let taken = lane.metrics.take_slot();
    let end = arrival.carry_out(pipeline.execute(&lane, delivery)).await;
    permit.ended(end);
    drop((taken, slot));
}
