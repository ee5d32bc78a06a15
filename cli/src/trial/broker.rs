//! The embedded engine's broker, made to repeat or to withhold what a fault says.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use broker::broker::{Broker, BrokerError, Consumer, Depth, Health, Settled};
use broker::envelope::{child, command, replies};
use broker::inspection::Inspected;
use broker::memory::MemoryBroker;
use broker::message::Outgoing;
use saga_core::ids::{ActionName, Op};
use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::fault::{Fault, Planted};

/// A memory broker that is not to be trusted with the messages of one step.
pub(super) struct FaultyBroker {
    inner: MemoryBroker,
    planted: Option<Planted>,
    withheld: Mutex<Vec<Outgoing>>,
    withholding: Notify,
    has_withheld: AtomicBool,
    /// Ids of messages that were doubled. A worker that sends a copy round by a rung because the
    /// original is at work is not to find two of it there, or that would go on for ever.
    doubled: Mutex<BTreeSet<String>>,
}

impl FaultyBroker {
    pub(super) fn new(inner: MemoryBroker, planted: Option<Planted>) -> Self {
        Self {
            inner,
            planted,
            withheld: Mutex::default(),
            withholding: Notify::new(),
            has_withheld: AtomicBool::new(false),
            doubled: Mutex::default(),
        }
    }

    /// Waits until something is withheld.
    pub(super) async fn withholds(&self) {
        self.withholding.notified().await;
    }

    /// Lets go of what was withheld.
    pub(super) async fn release(&self) {
        let withheld =
            std::mem::take(&mut *self.withheld.lock().unwrap_or_else(PoisonError::into_inner));
        let _always_taken = self.inner.publish(withheld).await;
    }

    /// Publishes a message, twice or without some of its replies.
    async fn publish_one(&self, message: Outgoing) -> Settled {
        let twice = self.is_of_doubled_step(&message) && self.is_first_time(&message);
        let Some(message) = self.without_late_replies(message) else {
            return Settled::Confirmed;
        };
        if twice {
            let _copy = self.inner.publish(vec![message.clone()]).await;
        }
        let settled = self.inner.publish(vec![message]).await;
        settled.first().copied().unwrap_or(Settled::Unknown)
    }

    fn is_first_time(&self, message: &Outgoing) -> bool {
        self.doubled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(message.properties.message_id.clone())
    }

    fn is_of_doubled_step(&self, message: &Outgoing) -> bool {
        let Some(planted) = self
            .planted
            .as_ref()
            .filter(|planted| planted.fault == Fault::Duplicate)
        else {
            return false;
        };
        let headers = &message.properties.headers;
        match message.properties.kind.as_str() {
            command::KIND => {
                let element = headers
                    .get(command::ELEMENT)
                    .and_then(|text| text.parse().ok());
                headers.get(command::STEP) == Some(planted.step.as_str())
                    && element == Some(planted.element)
            }
            child::KIND => is_asked_by(&message.body, planted),
            replies::KIND => items(&message.body).iter().any(|item| is_of(item, planted)),
            _ => false,
        }
    }

    /// The message without the replies that are to be late; `None` when nothing is left of it.
    fn without_late_replies(&self, message: Outgoing) -> Option<Outgoing> {
        let Some(planted) = self.planted.as_ref().filter(|planted| {
            planted.fault == Fault::LateReply && message.properties.kind == replies::KIND
        }) else {
            return Some(message);
        };
        let (late, timely): (Vec<Value>, Vec<Value>) = items(&message.body)
            .into_iter()
            .partition(|item| is_of(item, planted) && is_first_action(item));
        // Asked again, the worker answers again; that answer is in time.
        if late.is_empty() || self.has_withheld.swap(true, Ordering::AcqRel) {
            return Some(message);
        }
        let part = |items: Vec<Value>| Outgoing {
            properties: message.properties.clone(),
            body: serde_json::json!({ "replies": items }).to_string().into(),
        };
        self.withheld
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(part(late));
        self.withholding.notify_one();
        (!timely.is_empty()).then(|| part(timely))
    }
}

fn items(body: &[u8]) -> Vec<Value> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(mut fields)) => match fields.remove("replies") {
            Some(Value::Array(items)) => items,
            Some(_) | None => Vec::new(),
        },
        Ok(_) | Err(_) => Vec::new(),
    }
}

fn is_of(item: &Value, planted: &Planted) -> bool {
    let element = item.get("element").and_then(Value::as_u64).unwrap_or(0);
    item.get("step").and_then(Value::as_str) == Some(planted.step.as_str())
        && element == u64::from(planted.element)
}

/// Whether this is what a step asks of the saga that it runs.
fn is_asked_by(body: &[u8], planted: &Planted) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let asking = body.pointer("/parent/step").and_then(Value::as_str);
    asking == Some(planted.key().to_string().as_str())
}

fn is_first_action(item: &Value) -> bool {
    item.get("op").and_then(Value::as_str) == Some(Op::Action.as_str())
        && item.get("attempt").and_then(Value::as_u64) == Some(1)
}

impl fmt::Debug for FaultyBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyBroker")
            .field("planted", &self.planted)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Broker for FaultyBroker {
    async fn declare_base(&self) -> Result<(), BrokerError> {
        self.inner.declare_base().await
    }

    async fn declare_replies(&self, queues: u32) -> Result<(), BrokerError> {
        self.inner.declare_replies(queues).await
    }

    async fn declare_steps(&self, steps: &[(ActionName, Op)]) -> Result<(), BrokerError> {
        self.inner.declare_steps(steps).await
    }

    async fn restore(&self, name: &str) {
        self.inner.restore(name).await;
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Settled> {
        let mut settled = Vec::with_capacity(batch.len());
        for message in batch {
            settled.push(self.publish_one(message).await);
        }
        settled
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.inner.consume(queue, prefetch).await
    }

    async fn consume_spare(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.inner.consume_spare(queue, prefetch).await
    }

    async fn consume_own(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.inner.consume_own(queue, prefetch).await
    }

    async fn depth(&self, queue: &str) -> Result<Option<Depth>, BrokerError> {
        self.inner.depth(queue).await
    }

    async fn inspect(&self, steps: &[(ActionName, Op)]) -> Result<Vec<Inspected>, BrokerError> {
        self.inner.inspect(steps).await
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.inner.health()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
