//! Telling a worker to drain.
//!
//! The word goes to the queue that the worker alone reads, and is not stored: it means one process
//! that is connected now. Whether it was heard shows in what the worker says of itself next.

use broker::broker::{Broker, Settled};
use broker::envelope::drain::{self, Drain};
use broker::envelope::worker::Occasion;
use saga_core::operator::By;
use tokio::time::timeout;
use uuid::Uuid;

use crate::deadline::BROKER_ANSWERS_WITHIN;
use crate::engine::Engine;
use crate::store::{StoreError, StoredWorker};

/// AMQP has no names of queues that are longer, in bytes. What this library makes is shorter; a
/// worker in another language may call itself anything.
const QUEUE_NAME_BYTES_MAX: usize = 255;

/// Tells a worker to take nothing new, finish what it has, and end. One that drains already is not
/// told again.
///
/// # Errors
/// When there is no such worker, or it cannot be told.
pub async fn drain(
    engine: &Engine,
    broker: &dyn Broker,
    id: &str,
    by: By,
) -> Result<StoredWorker, DrainError> {
    let shared = engine.shared();
    let workers = shared.store.workers().await?;
    let worker = workers
        .into_iter()
        .find(|worker| worker.announcement.worker == id)
        .ok_or_else(|| DrainError::NoWorker(id.to_owned()))?;
    let said = &worker.announcement;
    if said.announcement == Occasion::Goodbye {
        return Err(DrainError::Left(id.to_owned()));
    }
    if said.draining.is_some() {
        return Ok(worker);
    }
    let told = Drain {
        worker: id.to_owned(),
        by,
    };
    let message = drain::encode(&shared.topology, Uuid::now_v7(), &told);
    if message.properties.routing_key.len() > QUEUE_NAME_BYTES_MAX {
        return Err(DrainError::Unreachable(id.to_owned()));
    }
    // A publisher waits for as long as an alarm lasts.
    let publishing = timeout(BROKER_ANSWERS_WITHIN, broker.publish(vec![message]));
    match publishing.await.unwrap_or_default().first() {
        Some(Settled::Confirmed) => Ok(worker),
        Some(Settled::Unroutable) => Err(DrainError::Unreachable(id.to_owned())),
        Some(Settled::Refused | Settled::Unknown) | None => Err(DrainError::NotSent),
    }
}

/// Why a worker was not told.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// Nobody has heard of it.
    #[error("no worker {0} has been heard of within the last hour")]
    NoWorker(String),
    /// It has ended already.
    #[error("worker {0} has left already")]
    Left(String),
    /// It does not listen.
    #[error(
        "worker {0} does not listen: it is not connected to the broker now, or is of a kind that \
         cannot be told; stop its process instead"
    )]
    Unreachable(String),
    /// The broker did not take the message.
    #[error(
        "the broker did not confirm the message; look whether the worker drains, and ask again"
    )]
    NotSent,
    /// The store could not be read.
    #[error("look for the worker")]
    Store(#[from] StoreError),
}
