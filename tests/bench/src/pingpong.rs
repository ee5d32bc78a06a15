//! The yardstick: the fastest that commands and replies can go through the same broker with nothing
//! behind them.
//!
//! A command is published with a confirm, consumed, answered with a confirm, acknowledged; the answer
//! is consumed and acknowledged. Queues, persistence, confirms and sizes are those of amends; there is
//! no state, no header, no database.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::statistics::float;

/// The queues' type, as in amends.
const QUEUE_TYPE: &str = "quorum";

const COMMANDS: &str = "bench.commands";
const REPLIES: &str = "bench.replies";

/// Deliveries that a worker may hold, and that the asking side may.
const WORKER_PREFETCH: u16 = 500;
const ASKING_PREFETCH: u16 = 1000;

/// The asking side acknowledges so many answers at once.
const ACK_EVERY: usize = 50;

/// Answers that a coalescing worker puts in one message, as in amends.
const COALESCED_MAX: usize = 128;

/// Commands in one message, where they are coalesced, at most: as the worker of the benchmark takes.
const COMMANDS_MAX: usize = 128;

/// Message bodies, in bytes: what amends sends for a step of the benchmark's saga.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bodies {
    pub(crate) command: usize,
    pub(crate) reply: usize,
}

/// One way to play it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Game {
    /// Commands without an answer, at most.
    pub(crate) window: usize,
    pub(crate) workers: usize,
    /// Many commands and many answers to a message where many are ready.
    pub(crate) coalesced: bool,
}

/// Every window and number of workers that may be the best.
pub(crate) fn games() -> Vec<Game> {
    let windows = [64, 256, 1000, 2000];
    let of = |window| {
        [1, 2, 4].map(|workers| Game {
            window,
            workers,
            coalesced: false,
        })
    };
    windows.into_iter().flat_map(of).collect()
}

/// Commands that were answered, in a second.
pub(crate) async fn play(url: &str, game: Game, bodies: Bodies, commands: usize) -> Result<f64> {
    let setup = connect(url).await?;
    let channel = setup.create_channel().await?;
    for queue in [COMMANDS, REPLIES] {
        declare(&channel, queue).await?;
    }
    let mut tasks = JoinSet::new();
    for _ in 0..game.workers {
        let connection = connect(url).await?;
        tasks.spawn(async move {
            let worked = work(&connection, game.coalesced, bodies).await;
            worked.context("a worker of the ping-pong")
        });
    }
    let (asking, answers) = (connect(url).await?, connect(url).await?);
    let window = Arc::new(Semaphore::new(game.window));
    let began = Instant::now();
    let permits = Arc::clone(&window);
    tasks.spawn(async move {
        let at_once = if game.coalesced { COMMANDS_MAX } else { 1 };
        let asked = ask(&asking, &permits, (bodies.command, at_once), commands).await;
        asked.context("the asking side of the ping-pong")
    });
    tokio::select! {
        answered = listen(&answers, &window, bodies.reply, commands) => answered?,
        Some(ended) = tasks.join_next() => ended??,
    }
    let seconds = began.elapsed().as_secs_f64();
    tasks.shutdown().await;
    for queue in [COMMANDS, REPLIES] {
        channel
            .queue_delete(queue.into(), QueueDeleteOptions::default())
            .await?;
    }
    setup.close(200, "OK".into()).await?;
    Ok(float(commands) / seconds)
}

pub(crate) async fn connect(url: &str) -> Result<Connection> {
    let connected = Connection::connect(url, ConnectionProperties::default()).await;
    connected.context("connect to RabbitMQ")
}

/// Declares an empty queue.
pub(crate) async fn declare(channel: &Channel, queue: &str) -> Result<()> {
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString(QUEUE_TYPE.into()),
    );
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_delete(queue.into(), QueueDeleteOptions::default())
        .await?;
    channel
        .queue_declare(queue.into(), options, arguments)
        .await?;
    Ok(())
}

pub(crate) async fn consume(channel: &Channel, queue: &str, prefetch: u16) -> Result<Consumer> {
    channel
        .basic_qos(prefetch, BasicQosOptions::default())
        .await?;
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default());
    Ok(consumer.await?)
}

pub(crate) fn persistent() -> BasicProperties {
    const PERSISTENT: u8 = 2;
    BasicProperties::default().with_delivery_mode(PERSISTENT)
}

async fn confirmed(connection: &Connection) -> Result<Channel> {
    let channel = connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok(channel)
}

/// Answers until it is stopped.
async fn work(connection: &Connection, coalesced: bool, bodies: Bodies) -> Result<()> {
    let channel = confirmed(connection).await?;
    let mut commands = consume(&channel, COMMANDS, WORKER_PREFETCH).await?;
    let mut answering = JoinSet::new();
    while let Some(first) = commands.next().await {
        let mut taken = vec![first?];
        let mut carried = taken[0].data.len() / bodies.command;
        while coalesced
            && carried < COALESCED_MAX
            && let Some(Some(more)) = commands.next().now_or_never()
        {
            let more = more?;
            carried += more.data.len() / bodies.command;
            taken.push(more);
        }
        let body = vec![b'x'; bodies.reply * carried];
        let options = BasicPublishOptions::default();
        let confirm = channel
            .basic_publish("".into(), REPLIES.into(), options, &body, persistent())
            .await?;
        answering.spawn(async move {
            confirm.await?;
            acknowledge(&taken).await
        });
        while let Some(answered) = answering.try_join_next() {
            answered??;
        }
    }
    Ok(())
}

async fn acknowledge(commands: &[Delivery]) -> Result<()> {
    for command in commands {
        command.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

/// Sends commands as the window allows, and waits until it is stopped.
async fn ask(
    connection: &Connection,
    window: &Semaphore,
    (bytes, at_once): (usize, usize),
    commands: usize,
) -> Result<()> {
    let channel = confirmed(connection).await?;
    let mut confirms = JoinSet::new();
    let mut left = commands;
    while left > 0 {
        window.acquire().await?.forget();
        let mut count = 1;
        while count < at_once.min(left)
            && let Ok(room) = window.try_acquire()
        {
            room.forget();
            count += 1;
        }
        left -= count;
        let body = vec![b'x'; bytes * count];
        let options = BasicPublishOptions::default();
        let confirm = channel
            .basic_publish("".into(), COMMANDS.into(), options, &body, persistent())
            .await?;
        confirms.spawn(confirm);
        while let Some(confirmed) = confirms.try_join_next() {
            confirmed??;
        }
    }
    std::future::pending().await
}

/// Takes the answers.
async fn listen(
    connection: &Connection,
    window: &Semaphore,
    bytes: usize,
    commands: usize,
) -> Result<()> {
    let channel = connection.create_channel().await?;
    let mut replies = consume(&channel, REPLIES, ASKING_PREFETCH).await?;
    let (mut answered, mut unacknowledged) = (0, 0);
    while answered < commands {
        let reply = replies
            .next()
            .await
            .context("the ping-pong's queue is gone")??;
        let carried = reply.data.len() / bytes;
        answered += carried;
        unacknowledged += 1;
        window.add_permits(carried);
        if unacknowledged >= ACK_EVERY || answered >= commands || carried > 1 {
            unacknowledged = 0;
            reply.ack(BasicAckOptions { multiple: true }).await?;
        }
    }
    Ok(())
}
