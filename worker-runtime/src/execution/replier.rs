//! Sends answers, many to a message when many are ready, and acknowledges what they answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::broker::Broker;
use broker::envelope::replies::{self, ReplyItem};
use broker::gather::{self, Gather};
use broker::message::Outgoing;
use broker::receipt::Receipt;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::arrivals::Arrivals;
use super::sent::send;
use crate::ledger::Recorded;

/// Answers that are taken up at once.
const GATHER_MAX: usize = 512;

/// Answers that wait; executions that are done wait behind these.
const WAITING_MAX: usize = 1024;

/// Messages under way.
const MESSAGES_MAX: usize = 16;

/// An answer, the proof that it may be sent, and the delivery it settles.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) queue: String,
    pub(super) item: ReplyItem,
    pub(super) recorded: Recorded,
    pub(super) receipt: Receipt,
}

/// The task that sends answers.
pub(super) struct Replier {
    replies: mpsc::Sender<Reply>,
    task: JoinHandle<()>,
}

impl Replier {
    /// `answers` are those that are about to be handed over.
    pub(super) fn start(
        broker: Arc<dyn Broker>,
        build: String,
        answers: Arrivals,
        stop: CancellationToken,
    ) -> Self {
        let (replies, waiting) = mpsc::channel(WAITING_MAX);
        Self {
            replies,
            task: tokio::spawn(run((broker, build, stop), answers, waiting)),
        }
    }

    /// Hands over an answer. It is sent, and its delivery acknowledged, in the background.
    pub(super) async fn hand_over(&self, reply: Reply) {
        // The task outlives every sender; were it gone, the delivery would come again.
        let _gone = self.replies.send(reply).await;
    }

    /// Waits until every answer is sent or `stop` is cancelled.
    pub(super) async fn finish(self) {
        drop(self.replies);
        let _ended = self.task.await;
    }
}

async fn run(
    (broker, build, stop): (Arc<dyn Broker>, String, CancellationToken),
    answers: Arrivals,
    mut waiting: mpsc::Receiver<Reply>,
) {
    let slots = Arc::new(Semaphore::new(MESSAGES_MAX));
    let mut sending = JoinSet::new();
    let mut gathered = Vec::with_capacity(GATHER_MAX);
    let mut gather = Gather::default();
    while gather.next(&mut waiting, &mut gathered, GATHER_MAX).await > 0 {
        answers.are_over().await;
        gather::take(&mut waiting, &mut gathered, GATHER_MAX);
        gather.came_from(gathered.iter().map(|reply| reply.item.saga));
        for (message, replies) in pack(&mut gathered, &build) {
            let Ok(slot) = slots.clone().acquire_owned().await else {
                break;
            };
            let (broker, stop) = (broker.clone(), stop.clone());
            sending.spawn(async move {
                let recorded: Vec<Recorded> = replies.iter().map(|it| it.recorded).collect();
                if let Some(sent) = send(&*broker, message, &recorded, &stop).await {
                    failpoint::reached("worker.after_reply");
                    replies
                        .into_iter()
                        .for_each(|reply| reply.receipt.ack(&sent));
                }
                drop(slot);
            });
        }
        while sending.try_join_next().is_some() {}
    }
    while sending.join_next().await.is_some() {}
}

/// The answers as messages, each with those it carries.
fn pack(gathered: &mut Vec<Reply>, build: &str) -> Vec<(Outgoing, Vec<Reply>)> {
    let mut queues: BTreeMap<String, Vec<Reply>> = BTreeMap::new();
    for reply in gathered.drain(..) {
        queues.entry(reply.queue.clone()).or_default().push(reply);
    }
    let mut messages = Vec::new();
    for (queue, replies) in queues {
        let items: Vec<ReplyItem> = replies.iter().map(|reply| reply.item.clone()).collect();
        let mut replies = replies.into_iter();
        for packed in replies::encode(&queue, &items, || Uuid::now_v7().to_string()) {
            let carried: Vec<Reply> = replies.by_ref().take(packed.items.len()).collect();
            match packed.message {
                Ok(mut message) => {
                    // A reply that nobody can read is sorted by the build that wrote it.
                    let headers = &mut message.properties.headers;
                    headers.insert(replies::BUILD, build.to_owned());
                    messages.push((message, carried));
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "an answer cannot be sent; its command goes to the dead letters"
                    );
                    carried
                        .into_iter()
                        .for_each(|reply| reply.receipt.dead_letter());
                }
            }
        }
    }
    messages
}
