//! Consuming: one task owns each consumer's channel, hands out deliveries and does all the
//! acknowledging.

use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::join_all;
use lapin::Channel;
use lapin::message::Delivery as AmqpDelivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use super::acks::PendingAcks;
use super::convert;
use super::declare::Declarer;
use super::health::HealthBoard;
use super::plan;
use super::reconnect::Delays;
use super::supervisor::{Broken, Link, Live, RPC_TIMEOUT, rpc, set};
use super::tags::{Order, Tags};
use crate::access::Access;
use crate::broker::Delivery;
use crate::receipt::{Receipt, Settlement};

/// The broker knows no such queue.
pub(super) const NOT_FOUND: u16 = 404;

/// One consumer, over all the channels it will ever have.
pub(super) struct Subscription {
    pub(super) queue: String,
    pub(super) prefetch: u16,
    pub(super) access: Access,
    pub(super) deliveries: mpsc::Sender<Delivery>,
    pub(super) declarer: Arc<Declarer>,
    pub(super) board: Arc<HealthBoard>,
    pub(super) closing: watch::Receiver<bool>,
}

/// Why a session on one channel ended.
enum End {
    /// Nobody takes deliveries any more.
    Stopped,
    /// The consumer was cancelled by the broker, or the channel or connection broke.
    Lost,
}

impl Subscription {
    /// Consumes until the receiving end is dropped or the broker is closed. The first attempt to
    /// subscribe is reported, so that a caller learns of a queue that does not exist.
    pub(super) async fn run(
        mut self,
        link: Link,
        first: oneshot::Sender<Result<(), Broken>>,
        _running: mpsc::Sender<()>,
    ) {
        self.consume(link, first).await;
        self.board.heard(&self.queue);
    }

    async fn consume(&mut self, mut link: Link, first: oneshot::Sender<Result<(), Broken>>) {
        let mut first = Some(first);
        let mut delays = Delays::new();
        while let Some(live) = self.connection(&mut link).await {
            let began = Instant::now();
            match self.subscribe(&live).await {
                Ok((channel, stream)) => {
                    if let Some(first) = first.take() {
                        let _caller_is_gone = first.send(Ok(()));
                    }
                    self.board.heard(&self.queue);
                    debug!(
                        queue = self.queue,
                        generation = live.generation,
                        "consuming"
                    );
                    match self.session(channel, stream, live.ended()).await {
                        End::Stopped => return,
                        End::Lost => info!(queue = self.queue, "consumer lost"),
                    }
                }
                Err(error) => {
                    let code = error.code();
                    // A queue that was declared here and deleted since comes back below.
                    let deleted = code == Some(NOT_FOUND) && self.declarer.knows(&self.queue).await;
                    if let Some(first) = first.take()
                        && code.is_some()
                        && !deleted
                    {
                        let _caller_is_gone = first.send(Err(error));
                        return;
                    }
                    warn!(
                        queue = self.queue,
                        error = &error as &dyn std::error::Error,
                        "cannot consume, trying again"
                    );
                    drop(error);
                    if code == Some(NOT_FOUND) {
                        self.declarer.restore(&link, &self.queue).await;
                    }
                }
            }
            // What is told to one process alone is no work that waits. After a silent loss the broker
            // keeps the queue locked until it misses heartbeats, and all else is served meanwhile.
            if self.access != Access::Own {
                self.board.unheard(&self.queue);
            }
            live.suspect();
            if began.elapsed() > RPC_TIMEOUT {
                delays.reset();
            }
            drop(live);
            sleep(delays.next()).await;
        }
    }

    async fn connection(&mut self, link: &mut Link) -> Option<Arc<Live>> {
        tokio::select! {
            biased;
            () = set(&mut self.closing) => None,
            () = self.deliveries.closed() => None,
            live = link.live() => live,
        }
    }

    async fn subscribe(&self, live: &Live) -> Result<(Channel, lapin::Consumer), Broken> {
        let channel = live.channel().await?;
        rpc(channel.basic_qos(self.prefetch, BasicQosOptions::default())).await?;
        let arguments = match self.access {
            Access::Fair => FieldTable::default(),
            Access::Spare => plan::spare_arguments(),
            Access::Own => {
                self.declare_own(&channel).await?;
                FieldTable::default()
            }
        };
        let options = BasicConsumeOptions::default();
        let queue = convert::name(&self.queue);
        let stream = rpc(channel.basic_consume(queue, "".into(), options, arguments)).await?;
        Ok((channel, stream))
    }

    async fn declare_own(&self, channel: &Channel) -> Result<(), Broken> {
        let options = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..Default::default()
        };
        let (queue, arguments) = (convert::name(&self.queue), plan::own_queue_arguments());
        let declared = channel.queue_declare(queue, options, arguments);
        rpc(declared).await.map(drop)
    }

    async fn session(
        &mut self,
        channel: Channel,
        mut stream: lapin::Consumer,
        mut ended: watch::Receiver<bool>,
    ) -> End {
        let (settle, mut settled) = mpsc::unbounded_channel();
        let mut tags = Tags::default();
        let mut acks = PendingAcks::of(self.prefetch);
        // A delivery that finds no room; only those of a lost channel can take it up.
        let mut parked: Option<Delivery> = None;
        loop {
            if self.deliveries.is_closed() {
                // At once: what came now would only go back, closer to its delivery limit.
                break;
            }
            tokio::select! {
                biased;
                () = acks.gather(&mut settled) => {
                    if self.deliveries.is_closed() {
                        // Told before the broker knows, it would make room for more.
                        break;
                    }
                    if let Err(error) = tell(&channel, &mut tags, &acks.take()).await {
                        debug!(queue = self.queue, %error, "not acknowledged, will come again");
                        return End::Lost;
                    }
                }
                delivery = stream.next(), if parked.is_none() => match delivery {
                    Some(Ok(delivery)) => {
                        let delivery = hand_out(delivery, &mut tags, &settle);
                        match self.deliveries.try_send(delivery) {
                            Ok(()) => {}
                            Err(TrySendError::Full(delivery)) => parked = Some(delivery),
                            Err(TrySendError::Closed(delivery)) => drop(delivery),
                        }
                    }
                    Some(Err(error)) => {
                        debug!(queue = self.queue, %error, "channel lost");
                        return End::Lost;
                    }
                    None => return End::Lost,
                },
                permit = self.deliveries.reserve(), if parked.is_some() => {
                    if let (Ok(permit), Some(delivery)) = (permit, parked.take()) {
                        permit.send(delivery);
                    }
                }
                () = set(&mut ended) => return End::Lost,
                () = self.deliveries.closed() => break,
                () = set(&mut self.closing) => break,
            }
        }
        drop(parked);
        let wound_up = wind_up(&channel, stream, tags, acks.take(), (settle, settled)).await;
        if let Err(error) = wound_up {
            debug!(queue = self.queue, %error, "not all acknowledged, will come again");
        }
        End::Stopped
    }
}

fn hand_out(
    delivery: AmqpDelivery,
    tags: &mut Tags,
    settle: &mpsc::UnboundedSender<Settlement>,
) -> Delivery {
    let tag = delivery.delivery_tag;
    tags.delivered(tag);
    Delivery {
        message: convert::incoming(delivery),
        receipt: Receipt::new(tag, settle.clone()),
    }
}

/// Stops the flow of deliveries and waits until those that were handed out are settled.
async fn wind_up(
    channel: &Channel,
    stream: lapin::Consumer,
    mut tags: Tags,
    untold: Vec<Settlement>,
    (settle, mut settled): (
        mpsc::UnboundedSender<Settlement>,
        mpsc::UnboundedReceiver<Settlement>,
    ),
) -> Result<(), Broken> {
    rpc(channel.basic_cancel(stream.tag(), BasicCancelOptions::default())).await?;
    let mut stream = pin!(stream);
    while let Some(Ok(delivery)) = stream.next().await {
        // Nobody wants it: dropping its receipt requeues it.
        drop(hand_out(delivery, &mut tags, &settle));
    }
    drop(settle);
    tell(channel, &mut tags, &untold).await?;
    let mut batch = Vec::new();
    while settled.recv_many(&mut batch, usize::from(u16::MAX)).await > 0 {
        tell(channel, &mut tags, &batch).await?;
        batch.clear();
    }
    rpc(channel.close(200, "OK".into())).await
}

/// Tells the broker what was settled. The frames are queued in order and awaited together.
///
/// This goes by channel and tag, not by lapin's acker: each generation has a channel of its own,
/// so a tag can never be one of an earlier channel.
async fn tell(
    channel: &Channel,
    tags: &mut Tags,
    settlements: &[Settlement],
) -> Result<(), Broken> {
    let orders = tags.settle(settlements);
    let frames = orders.into_iter().map(async |order| match order {
        Order::Ack { tag, multiple } => channel.basic_ack(tag, BasicAckOptions { multiple }).await,
        Order::Requeue(tag) => {
            let options = BasicNackOptions {
                multiple: false,
                requeue: true,
            };
            channel.basic_nack(tag, options).await
        }
        Order::DeadLetter(tag) => {
            let options = BasicNackOptions {
                multiple: false,
                requeue: false,
            };
            channel.basic_nack(tag, options).await
        }
    });
    for sent in rpc(async { Ok(join_all(frames).await) }).await? {
        sent?;
    }
    Ok(())
}
