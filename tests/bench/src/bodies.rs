//! How large the messages of the benchmark's saga are.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use broker::envelope::replies::{self, ReplyItem};
use lapin::options::{BasicGetOptions, BasicNackOptions};
use saga_core::ids::{MessageId, Op, SagaId, StepKey};
use saga_core::input::{Reply, ReplyOutcome};
use serde_json::json;

use crate::pingpong::{Bodies, connect};

/// A command that has not come after this long never will.
const COMMAND_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The command that waits in this queue, and an answer to it. The command stays in its queue.
pub(crate) async fn bodies(url: &str, queue: &str, saga: &str) -> Result<Bodies> {
    let connection = connect(url).await?;
    let channel = connection.create_channel().await?;
    let until = Instant::now() + COMMAND_WITHIN;
    let command = loop {
        let found = channel
            .basic_get(queue.into(), BasicGetOptions::default())
            .await?;
        match found {
            Some(message) => break message.delivery,
            None if Instant::now() < until => tokio::time::sleep(LOOK_EVERY).await,
            None => bail!("no command has come to {queue}"),
        }
    };
    let bytes = command.data.len();
    let options = BasicNackOptions {
        multiple: false,
        requeue: true,
    };
    command.nack(options).await?;
    connection.close(200, "OK".into()).await?;
    Ok(Bodies {
        command: bytes,
        reply: reply(saga)?,
    })
}

/// The answer to the first step, as a worker sends it.
fn reply(saga: &str) -> Result<usize> {
    let saga: SagaId = saga.parse().context("the id of a saga")?;
    let item = ReplyItem {
        saga,
        command: MessageId { saga, seq: 2 },
        reply: Reply {
            key: StepKey::parse("identify"),
            op: Op::Action,
            round: 0,
            attempt: 1,
            outcome: ReplyOutcome::Done(json!({ "name": "Customer 1" }).into()),
            worker: Some(format!("bench-0/{saga}")),
        },
    };
    let packed = replies::encode("replies", &[item], || saga.to_string());
    let message = packed
        .into_iter()
        .next()
        .context("no message for a reply")?
        .message?;
    Ok(message.body.len())
}
