//! Requests: what workers say of themselves, starts, signals, and what steps ask of child sagas. Each
//! kind of message has one arm in [`sort`].

use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, BrokerError, Delivery};
use broker::envelope::worker::{self, Announcement};
use broker::envelope::{EnvelopeError, child, signal, start};
use broker::message::Incoming;
use broker::receipt::Receipt;
use futures_util::FutureExt;
use futures_util::future::join_all;
use saga_core::input::Input;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::census::Census;
use super::delivery::{keep, next};
use super::starts;
use crate::engine::{Done, Engine, Job};
use crate::store::StoreError;
use crate::{children, letters, signals};

/// Requests that may be with this process unsettled, and that are handled together.
const REQUESTS_PREFETCH: u16 = 128;

/// A worker that says nothing for this long counts as gone. It speaks at least once a minute.
const WORKER_LEASE: Duration = Duration::from_secs(150);

/// A store that is away is tried again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Consumes the requests until stopped. Whatever waits is handled together, so that workers that
/// speak at once cost one statement.
pub(super) async fn requests(
    engine: Engine,
    broker: Arc<dyn Broker>,
    stopping: CancellationToken,
) -> Result<(), BrokerError> {
    let queue = engine.shared().topology.requests_queue();
    let mut consumer = broker.consume(&queue, REQUESTS_PREFETCH).await?;
    let mut census = Census::default();
    while let Some(first) = next(&mut consumer, &stopping).await {
        let mut waiting = vec![first];
        while waiting.len() < usize::from(REQUESTS_PREFETCH)
            && let Some(Some(more)) = consumer.next().now_or_never()
        {
            waiting.push(more);
        }
        let mut sorted = Sorted::default();
        for delivery in waiting {
            sort(delivery, &mut sorted);
        }
        let Sorted {
            announced,
            starts,
            asks,
            signals,
            unusable,
        } = sorted;
        let announcing = take_announcements(&engine, &queue, announced, &mut census, &stopping);
        let starting =
            join_all(starts.into_iter().map(|(delivery, start)| {
                starts::take(&engine, &queue, delivery, start, &stopping)
            }));
        let asking = async {
            for delivery in asks {
                children::take(&engine, &queue, delivery).await;
            }
        };
        // One after the other: sagas take signals in the order of their arrival.
        let signalling = async {
            for delivery in signals {
                signals::take(&engine, &queue, delivery).await;
            }
        };
        let refusing = async {
            for (delivery, why) in unusable {
                refuse(&engine, &queue, delivery, &why).await;
            }
        };
        tokio::join!(announcing, starting, asking, signalling, refusing);
    }
    Ok(())
}

/// Requests by what is done with them.
#[derive(Default)]
struct Sorted {
    announced: Vec<Announced>,
    starts: Vec<(Delivery, start::StartMessage)>,
    /// What steps ask of child sagas.
    asks: Vec<Delivery>,
    signals: Vec<Delivery>,
    unusable: Vec<(Delivery, String)>,
}

/// An announcement and its delivery.
struct Announced {
    announcement: Announcement,
    message: Incoming,
    receipt: Receipt,
}

fn sort(delivery: Delivery, sorted: &mut Sorted) {
    let unreadable = |error: &EnvelopeError| crate::chain(error);
    match delivery.message.properties.kind.as_str() {
        worker::KIND => match worker::decode(&delivery.message) {
            Ok(announcement) => {
                let Delivery { message, receipt } = delivery;
                sorted.announced.push(Announced {
                    announcement,
                    message,
                    receipt,
                });
            }
            Err(error) => sorted.unusable.push((delivery, unreadable(&error))),
        },
        start::KIND => match start::decode(&delivery.message) {
            Ok(start) => sorted.starts.push((delivery, start)),
            Err(error) => sorted.unusable.push((delivery, unreadable(&error))),
        },
        child::KIND => sorted.asks.push(delivery),
        signal::KIND => sorted.signals.push(delivery),
        unknown => {
            let why = format!("nobody here takes messages of type `{unknown}`");
            sorted.unusable.push((delivery, why));
        }
    }
}

async fn refuse(engine: &Engine, queue: &str, delivery: Delivery, why: &str) {
    let Delivery { message, receipt } = delivery;
    let mut letter = letters::from_message(&message, queue, None, why.to_owned());
    letter.fingerprint = format!("bad_request/{}", message.properties.kind);
    keep(engine, vec![letter], receipt).await;
}

/// Keeps the newest word of each worker, and tells sagas that their commands were started. The
/// latter is told again with the next heartbeat of whoever is still at it, so the deliveries wait
/// for the former only.
async fn take_announcements(
    engine: &Engine,
    queue: &str,
    announced: Vec<Announced>,
    census: &mut Census,
    stopping: &CancellationToken,
) {
    if announced.is_empty() {
        return;
    }
    for Announced { announcement, .. } in &announced {
        for running in census.news(announcement) {
            let job = Job {
                saga: running.saga,
                definition: None,
                input: Input::Heartbeat(running.heartbeat(&announcement.worker)),
                letter: None,
                done: Done::Nobody,
            };
            engine.submit(job).await;
        }
    }
    let together = announced.iter().map(|it| &it.announcement);
    match announce(engine, &together.collect::<Vec<_>>(), stopping).await {
        Some(Ok(proof)) => announced.into_iter().for_each(|it| it.receipt.ack(&proof)),
        // Unacknowledged, they come again.
        None => {}
        // One of them is more than the store can hold. Alone, each shows whether it is the one.
        Some(Err(_refused)) => {
            for one in announced {
                match announce(engine, &[&one.announcement], stopping).await {
                    Some(Ok(proof)) => one.receipt.ack(&proof),
                    Some(Err(error)) => {
                        let (message, receipt) = (one.message, one.receipt);
                        let why = crate::chain(&error);
                        refuse(engine, queue, Delivery { message, receipt }, &why).await;
                    }
                    None => return,
                }
            }
        }
    }
}

/// Stores announcements, however long the store is away; `None` when it is time to stop.
async fn announce(
    engine: &Engine,
    announcements: &[&Announcement],
    stopping: &CancellationToken,
) -> Option<Result<crate::store::Committed, StoreError>> {
    let store = &engine.shared().store;
    loop {
        let error = match store.announce(announcements, WORKER_LEASE).await {
            Err(error @ StoreError::Unavailable { .. }) => error,
            done => return Some(done),
        };
        warn!(error = %crate::chain(&error), "keeping what workers say; trying again");
        tokio::select! {
            biased;
            () = stopping.cancelled() => return None,
            () = tokio::time::sleep(AGAIN_AFTER) => {}
        }
    }
}
