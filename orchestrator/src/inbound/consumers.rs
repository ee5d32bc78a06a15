//! Keeps an orchestrator at every queue that it reads.
//!
//! Answers come to a queue of the orchestrator that asked: it knows the saga, and nobody else moves it.
//! Every other orchestrator is there too, for what that one has no room for and for the day that it is
//! gone. Nothing rests on who reads what: whoever judges an answer stores it by the version it judged.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use broker::broker::Broker;
use futures_util::FutureExt as _;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use super::dead_letters::dead_letters;
use super::replies::replies;
use super::requests::requests;
use crate::engine::Engine;

/// A consumer that could not be started is tried again after this.
const CONSUME_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The consumers of one orchestrator.
#[derive(Debug, Clone)]
pub struct Consumers {
    /// What they hand their messages to.
    pub engine: Engine,
    /// Where they come from.
    pub broker: Arc<dyn Broker>,
    /// The tasks that consume.
    pub tasks: TaskTracker,
    /// Ends them.
    pub stopping: CancellationToken,
}

/// What is consumed.
enum Inbound {
    /// A queue of replies, and whether others come first.
    Replies(String, bool),
    Requests,
    /// A queue of messages that nobody could handle.
    Letters(String),
}

impl Consumers {
    /// Starts to read what all orchestrators share.
    pub fn start(&self) {
        let topology = &self.engine.shared().topology;
        let shared = Inbound::Replies(topology.replies_queue(), false);
        let all = [
            ("replies", shared),
            ("requests", Inbound::Requests),
            ("dead letters", Inbound::Letters(topology.dead())),
            ("unroutable", Inbound::Letters(topology.unroutable())),
        ];
        for (what, from) in all {
            self.keep(what, from, self.stopping.clone());
        }
    }

    /// Reads every reply queue of single orchestrators, and has answers come to its own once that is
    /// there.
    pub async fn attend_replies(self) {
        let shared = self.engine.shared();
        let mut known = shared.reply_queues.subscribe();
        let mut attended: BTreeMap<u32, (bool, DropGuard)> = BTreeMap::new();
        loop {
            let queues = *known.borrow_and_update();
            if let Err(error) = self.broker.declare_replies(queues.all).await {
                warn!(error = %crate::chain(&error), "declaring the reply queues; trying again");
                if self.pause().await {
                    return;
                }
                known.mark_changed();
            } else {
                for number in 1..=queues.all {
                    let spare = queues.own != Some(number);
                    if attended.get(&number).map(|(spare, _)| *spare) != Some(spare) {
                        let stopping = self.stopping.child_token();
                        let queue = shared.topology.own_replies_queue(number);
                        self.keep("replies", Inbound::Replies(queue, spare), stopping.clone());
                        // What was there before ends by this.
                        attended.insert(number, (spare, stopping.drop_guard()));
                    }
                }
                shared.answers_to.send_replace(queues.own.map_or_else(
                    || shared.topology.replies_queue(),
                    |number| shared.topology.own_replies_queue(number),
                ));
            }
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                _ = known.changed() => {}
            }
        }
    }

    /// Keeps a consumer going.
    fn keep(&self, what: &'static str, from: Inbound, stopping: CancellationToken) {
        let this = self.clone();
        self.tasks.spawn(async move {
            while !stopping.is_cancelled() {
                let (engine, broker) = (this.engine.clone(), Arc::clone(&this.broker));
                let token = stopping.clone();
                let consuming = async {
                    match &from {
                        Inbound::Replies(queue, spare) => {
                            replies(engine, broker, (queue.clone(), *spare), token).await
                        }
                        Inbound::Requests => requests(engine, broker, token).await,
                        Inbound::Letters(queue) => {
                            dead_letters(engine, broker, queue.clone(), token).await
                        }
                    }
                };
                match AssertUnwindSafe(consuming).catch_unwind().await {
                    Ok(Ok(())) if stopping.is_cancelled() => return,
                    Ok(Ok(())) => warn!(what, "a consumer has ended; it is started again"),
                    Err(_) => error!(what, "a consumer has panicked; it is started again"),
                    Ok(Err(error)) => {
                        warn!(what, error = %crate::chain(&error), "consuming; trying again");
                    }
                }
                if this.pause().await {
                    return;
                }
            }
        });
    }

    /// Waits before the next try; whether there is to be none.
    async fn pause(&self) -> bool {
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => true,
            () = tokio::time::sleep(CONSUME_AGAIN_AFTER) => false,
        }
    }
}
