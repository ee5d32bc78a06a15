//! Signals on their way from the broker to their sagas.

use broker::broker::Delivery;
use broker::envelope::signal::{self, SignalTarget};
use saga_core::ids::SagaId;
use tracing::warn;

use crate::engine::{Engine, OperateError};
use crate::inbound;
use crate::letters;
use crate::store::StoreError;

/// Tells a saga a signal. One that it does not take, or that nobody is there for, is kept for
/// people with the reason.
pub(crate) async fn take(engine: &Engine, queue: &str, delivery: Delivery) {
    let Delivery { message, receipt } = delivery;
    let envelope = match signal::decode(&message) {
        Ok(envelope) => envelope,
        Err(error) => {
            let reason = crate::chain(&error);
            let letter = letters::from_message(&message, queue, None, reason);
            return inbound::keep(engine, vec![letter], receipt).await;
        }
    };
    let saga = match find(engine, &envelope.to).await {
        Ok(Some(saga)) => saga,
        Ok(None) => {
            let reason = format!("a signal for {:?}, which does not exist", envelope.to);
            let letter = letters::from_message(&message, queue, None, reason);
            return inbound::keep(engine, vec![letter], receipt).await;
        }
        Err(error) => {
            warn!(error = %crate::chain(&error), "finding the saga of a signal");
            return drop(receipt);
        }
    };
    match engine.signal(saga, envelope.signal).await {
        Ok(proof) => receipt.ack(&proof),
        // Unacknowledged, it comes again.
        Err(OperateError::ShuttingDown) => drop(receipt),
        Err(
            error @ (OperateError::NoSaga(_)
            | OperateError::Refused(_)
            | OperateError::Unstorable(_)),
        ) => {
            let reason = crate::chain(&error);
            let letter = letters::from_message(&message, queue, Some(saga), reason);
            inbound::keep(engine, vec![letter], receipt).await;
        }
    }
}

async fn find(engine: &Engine, to: &SignalTarget) -> Result<Option<SagaId>, StoreError> {
    match to {
        SignalTarget::Saga(saga) => Ok(Some(*saga)),
        SignalTarget::Key { definition, key } => {
            engine.shared().store.find_key(definition, key).await
        }
    }
}
