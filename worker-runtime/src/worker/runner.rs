//! Consuming, and stopping to consume.

use std::sync::Arc;
use std::time::Duration;

use broker::broker::Consumer;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::server::{Worker, WorkerError};
use crate::execution::{Pipeline, keep_lease};
use crate::ledger::{Ledger, WorkerId};
use crate::operation::Lane;

/// After the drain timeout: for cancelled handlers to notice, and for their answers to leave.
const STOP_GRACE: Duration = Duration::from_secs(2);

pub(super) async fn run(
    worker: Worker,
    lanes: Vec<Lane>,
    shutdown: CancellationToken,
) -> Result<(), WorkerError> {
    let Worker {
        name,
        broker,
        topology,
        ledger,
        drain_timeout,
        ..
    } = worker;
    let steps: Vec<_> = lanes
        .iter()
        .map(|lane| (lane.action.clone(), lane.op))
        .collect();
    broker.declare_steps(&steps).await?;
    let mut served = Vec::with_capacity(lanes.len());
    for lane in lanes {
        let settings = lane.operation.settings;
        let prefetch = settings.concurrency.saturating_add(settings.backlog).max(1);
        let queue = topology.step_queue(&lane.action, lane.op);
        served.push((broker.consume(&queue, prefetch).await?, Arc::new(lane)));
    }

    let id = WorkerId::new_run(&name);
    let stop = CancellationToken::new();
    let pipeline = Pipeline::start(id.clone(), broker, topology, ledger.clone(), stop.clone());
    let pipeline = Arc::new(pipeline);
    let lease = tokio::spawn({
        let (ledger, id, claims) = (ledger.clone(), id.clone(), pipeline.claims());
        async move { keep_lease(&*ledger, &id, claims).await }
    });
    tracing::info!(worker = %id, queues = served.len(), "the worker serves");
    let mut serving = JoinSet::new();
    for (consumer, lane) in served {
        serving.spawn(serve(pipeline.clone(), lane, consumer, shutdown.clone()));
    }

    shutdown.cancelled().await;
    drain(serving, drain_timeout, &stop).await;
    let is_idle = *pipeline.claims().borrow() == 0;
    if let Some(pipeline) = Arc::into_inner(pipeline) {
        let _sent = timeout(drain_timeout.max(STOP_GRACE), pipeline.finish()).await;
    }
    stop.cancel();
    lease.abort();
    if is_idle {
        leave(&*ledger, &id).await;
    }
    Ok(())
}

/// Lets what runs end by itself, then by cancellation, then by force.
async fn drain(mut serving: JoinSet<()>, patience: Duration, stop: &CancellationToken) {
    let all_ended = async |serving: &mut JoinSet<()>| while serving.join_next().await.is_some() {};
    if timeout(patience, all_ended(&mut serving)).await.is_ok() {
        return;
    }
    tracing::warn!("calls are still running after the drain timeout; they are cancelled");
    stop.cancel();
    let _ended = timeout(STOP_GRACE, all_ended(&mut serving)).await;
    serving.shutdown().await;
}

async fn leave(ledger: &dyn Ledger, id: &WorkerId) {
    if let Err(error) = ledger.leave(id).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the lease is left to end"
        );
    }
}

/// Takes deliveries from one queue, each with a slot, until the shutdown; then waits for them.
async fn serve(
    pipeline: Arc<Pipeline>,
    lane: Arc<Lane>,
    mut consumer: Consumer,
    shutdown: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(usize::from(
        lane.operation.settings.concurrency.max(1),
    )));
    let mut running = JoinSet::new();
    loop {
        let slot = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            slot = slots.clone().acquire_owned() => slot,
        };
        let delivery = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            delivery = consumer.next() => delivery,
        };
        let (Ok(slot), Some(delivery)) = (slot, delivery) else {
            break;
        };
        let (pipeline, lane) = (pipeline.clone(), lane.clone());
        running.spawn(async move {
            pipeline.execute(&lane, delivery).await;
            drop(slot);
        });
        while running.try_join_next().is_some() {}
    }
    // What waits unhandled in this process goes back to its queue at once; what is running can
    // still be acknowledged.
    drop(consumer);
    while running.join_next().await.is_some() {}
}
