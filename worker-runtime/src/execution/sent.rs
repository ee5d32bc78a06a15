//! The proof that a delivery may be acknowledged.

use std::time::Duration;

use broker::broker::{Broker, Settled};
use broker::message::Outgoing;
use broker::receipt::Durable;
use tokio_util::sync::CancellationToken;

use crate::ledger::Recorded;

const FIRST_DELAY: Duration = Duration::from_millis(50);
const LAST_DELAY: Duration = Duration::from_secs(2);

/// What a delivery caused is recorded, and the message that says so is confirmed.
#[derive(Debug)]
pub(super) struct Sent(());

impl Durable for Sent {}

/// Publishes a message that carries recorded answers until the broker confirms it; `None` when
/// `stop` is cancelled first. The deliveries then stay unsettled and come again.
pub(super) async fn send(
    broker: &dyn Broker,
    message: Outgoing,
    _recorded: &[Recorded],
    stop: &CancellationToken,
) -> Option<Sent> {
    let mut delay = FIRST_DELAY;
    loop {
        let settled = broker.publish(vec![message.clone()]).await;
        match settled.first() {
            Some(Settled::Confirmed) => return Some(Sent(())),
            Some(Settled::Unroutable) => {
                tracing::error!(
                    queue = message.properties.routing_key,
                    "no queue takes this worker's message; was it deleted? It is declared again"
                );
                broker.restore(message.properties.target()).await;
            }
            Some(Settled::Refused | Settled::Unknown) | None => tracing::warn!(
                queue = message.properties.routing_key,
                "the broker did not confirm a message; it is sent again"
            ),
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(delay) => delay = (delay * 2).min(LAST_DELAY),
        }
    }
}
