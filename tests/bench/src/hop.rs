//! The broker's hop: from publishing a message to having it, one at a time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use lapin::options::{BasicAckOptions, BasicPublishOptions, QueueDeleteOptions};

use crate::pingpong::{connect, consume, declare, persistent};

const QUEUE: &str = "bench.hop";

/// How long each message was on its way through a queue of amends' type.
pub(crate) async fn hops(url: &str, bytes: usize, count: usize) -> Result<Vec<Duration>> {
    let connection = connect(url).await?;
    let channel = connection.create_channel().await?;
    declare(&channel, QUEUE).await?;
    let mut messages = consume(&channel, QUEUE, 1).await?;
    let body = vec![b'x'; bytes];
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish("".into(), QUEUE.into(), options, &body, persistent());
        sent.await?;
        let message = messages.next().await.context("the queue is gone")??;
        took.push(began.elapsed());
        message.ack(BasicAckOptions::default()).await?;
    }
    channel
        .queue_delete(QUEUE.into(), QueueDeleteOptions::default())
        .await?;
    connection.close(200, "OK".into()).await?;
    Ok(took)
}
