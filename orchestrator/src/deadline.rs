//! How long somebody waits for the broker.

use std::time::Duration;

use broker::broker::BrokerError;
use tokio::time::timeout;

/// The broker answers within this, or it counts as silent. One that hangs would keep a request for
/// as long as it does: a connection is only given up after its heartbeats, a publisher waits out an
/// alarm, and what is declared is declared one after the other.
pub(crate) const BROKER_ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// What the broker answers, or that it has not.
pub(crate) async fn in_time<T>(
    asked: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    let answer = timeout(BROKER_ANSWERS_WITHIN, asked).await;
    answer.unwrap_or(Err(BrokerError::Silent(BROKER_ANSWERS_WITHIN)))
}
