//! Consuming, and stopping to consume.

use std::sync::Arc;
use std::time::Duration;

use broker::broker::Consumer;
use broker::envelope::worker::Draining;
use saga_core::operator::By;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::announcer::Announcer;
use super::control;
use super::lane::{ServedLane, prefetch};
use super::server::{Worker, WorkerError};
use crate::execution::{Identity, Pipeline, keep_lease};
use crate::ledger::{Ledger, WorkerId};
use crate::observer::Observer;
use crate::operation::Lane;

/// After the drain timeout: for cancelled handlers to notice, and for their answers to leave.
const STOP_GRACE: Duration = Duration::from_secs(2);

pub(super) async fn run(worker: Worker, shutdown: CancellationToken) -> Result<(), WorkerError> {
    let observer = match &worker.observer {
        Some(observer) => observer.clone(),
        None => Observer::new()?,
    };
    let news = Arc::new(Notify::new());
    let lanes = worker.lanes(&observer.metrics, &news)?;
    let lanes: Vec<_> = lanes.into_iter().map(Arc::new).collect();
    let consumers = consume(&worker, &lanes).await?;

    let id = WorkerId::new_run(&worker.name);
    let own_queue = worker.topology.worker_queue(id.as_str());
    let told = worker
        .broker
        .consume_own(&own_queue, control::PREFETCH)
        .await?;
    let stop = CancellationToken::new();
    let pipeline = Arc::new(Pipeline::start(
        Identity {
            worker: id.clone(),
            build: worker.build.clone(),
        },
        (Arc::clone(&worker.broker), worker.topology.clone()),
        Arc::clone(&worker.ledger),
        observer.clone(),
        stop.clone(),
    ));
    // Whoever drops this worker instead of stopping it must not leave signs of life behind.
    let lease = AbortOnDropHandle::new(tokio::spawn({
        let (ledger, id, claims) = (worker.ledger.clone(), id.clone(), pipeline.claims());
        async move { keep_lease(&*ledger, &id, claims).await }
    }));
    let silence = CancellationToken::new();
    let _dropped = silence.clone().drop_guard();
    let running = pipeline.running().clone();
    let draining = watch::Sender::new(None);
    let news = (news, draining.subscribe());
    let announcer = Announcer::new(&worker, &id, lanes.clone(), running, news);
    let announcer = tokio::spawn(announcer.run(silence.clone()));
    observer.serves(worker.broker.health(), lanes);
    tracing::info!(worker = %id, build = worker.build, queues = consumers.len(), "the worker serves");
    let mut serving = JoinSet::new();
    let over = CancellationToken::new();
    for (queue, consumer, lane) in consumers {
        let served = ServedLane {
            pipeline: Arc::clone(&pipeline),
            broker: Arc::clone(&worker.broker),
            queue,
            lane,
            shutdown: over.clone(),
        };
        serving.spawn(served.serve(consumer));
    }

    let why = until_draining(&shutdown, told, &id, &*worker.ledger).await;
    draining.send_replace(Some(why));
    over.cancel();
    observer.drains();
    drain(serving, worker.drain_timeout, &stop).await;
    let is_idle = *pipeline.claims().borrow() == 0;
    if let Some(pipeline) = Arc::into_inner(pipeline) {
        let _sent = timeout(worker.drain_timeout.max(STOP_GRACE), pipeline.finish()).await;
    }
    silence.cancel();
    say_goodbye(announcer).await;
    stop.cancel();
    drop(lease);
    if is_idle {
        leave(&*worker.ledger, &id).await;
    }
    Ok(())
}

/// Waits until the process is to stop, or somebody has it drained.
async fn until_draining(
    shutdown: &CancellationToken,
    told: Consumer,
    id: &WorkerId,
    ledger: &dyn Ledger,
) -> Draining {
    let by = tokio::select! {
        () = shutdown.cancelled() => None,
        by = control::told_to_drain(told, id) => Some(by),
    };
    match &by {
        Some(By { who, reason }) => {
            tracing::info!(worker = %id, who, reason, "the worker drains: somebody asked for it");
        }
        None => tracing::info!(worker = %id, "the worker drains"),
    }
    Draining {
        since: ledger.now(),
        by,
    }
}

/// A consumer for each queue, with its queue and lane.
async fn consume(
    worker: &Worker,
    lanes: &[Arc<Lane>],
) -> Result<Vec<(String, Consumer, Arc<Lane>)>, WorkerError> {
    let steps: Vec<_> = lanes
        .iter()
        .map(|lane| (lane.action.clone(), lane.op))
        .collect();
    worker.broker.declare_steps(&steps).await?;
    let mut consumers = Vec::with_capacity(lanes.len());
    for lane in lanes {
        let queue = worker.topology.step_queue(&lane.action, lane.op);
        let consumer = worker.broker.consume(&queue, prefetch(lane)).await?;
        consumers.push((queue, consumer, Arc::clone(lane)));
    }
    Ok(consumers)
}

async fn say_goodbye(announcer: JoinHandle<Announcer>) {
    let said = async {
        if let Ok(announcer) = announcer.await {
            announcer.goodbye().await;
        }
    };
    // Whoever does not hear it learns it when nothing more is heard.
    let _said = timeout(STOP_GRACE, said).await;
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
