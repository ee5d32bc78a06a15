//! Sends what is stored: from memory right after the commit, and from the store what memory could
//! not hold.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::broker::{Broker, Health, Settled};
use broker::topology::Topology;
use saga_core::ids::MessageId;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::company::Company;
use crate::packing::Packing;
use crate::store::{OutboxMessage, Store};

/// Messages kept in memory; what is over stays in the store until these are sent.
pub(crate) const QUEUE_MESSAGES_MAX: usize = 4096;

/// Messages handed to the broker in one call.
const PUBLISH_MESSAGES_MAX: usize = 512;

/// Calls to the broker that are under way at once.
const PUBLISH_CALLS_MAX: usize = 4;

/// A message that the broker did not take is sent again after this.
const SEND_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Confirmed rows that no batch took along are deleted after this.
const DELETE_AFTER: Duration = Duration::from_secs(1);

/// Rows of ours in the store are compared with memory this often. They only differ when something
/// went wrong here; without this, such a row would wait for the end of this process.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// The sending half of the outbox.
#[derive(Debug)]
pub struct Outbox {
    broker: Arc<dyn Broker>,
    store: Arc<dyn Store>,
    company: Company,
    packing: Arc<Packing>,
    queue: Mutex<VecDeque<OutboxMessage>>,
    confirmed: Mutex<Vec<MessageId>>,
    /// Rows of ours are in the store that are not in memory.
    behind: AtomicBool,
    work: Notify,
    calls: Arc<Semaphore>,
}

impl Outbox {
    /// An outbox that has nothing to send yet.
    #[must_use]
    pub fn new(
        broker: Arc<dyn Broker>,
        topology: Topology,
        store: Arc<dyn Store>,
        company: Company,
    ) -> Arc<Self> {
        Arc::new(Self {
            broker,
            packing: Arc::new(Packing::new(Arc::clone(&store), topology)),
            store,
            company,
            queue: Mutex::default(),
            confirmed: Mutex::default(),
            behind: AtomicBool::new(false),
            work: Notify::new(),
            calls: Arc::new(Semaphore::new(PUBLISH_CALLS_MAX)),
        })
    }

    /// Who knows which commands may share a message.
    pub(crate) fn packing(&self) -> Arc<Packing> {
        Arc::clone(&self.packing)
    }

    /// Takes messages whose rows are committed. Never waits: what does not fit is read from the
    /// store later.
    pub fn offer(&self, messages: Vec<OutboxMessage>) {
        if messages.is_empty() {
            return;
        }
        let mut queue = lock(&self.queue);
        if queue.len() + messages.len() > QUEUE_MESSAGES_MAX {
            self.behind.store(true, Ordering::Release);
        } else {
            queue.extend(messages);
        }
        drop(queue);
        self.work.notify_one();
    }

    /// Confirmed rows for the next batch to delete.
    pub fn take_confirmed(&self, limit: usize) -> Vec<MessageId> {
        let mut confirmed = lock(&self.confirmed);
        let rest = confirmed.len().saturating_sub(limit);
        confirmed.split_off(rest)
    }

    /// The batch that should have deleted these rows was not stored.
    pub fn give_back(&self, confirmed: &[MessageId]) {
        lock(&self.confirmed).extend_from_slice(confirmed);
    }

    /// A commit may have been stored although its answer was lost: its rows are in the store, and
    /// nobody has offered them here.
    pub fn look_in_store(&self) {
        self.behind.store(true, Ordering::Release);
        self.work.notify_one();
    }

    /// Messages in memory that wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.queue).len()
    }

    /// Sends until stopped.
    pub async fn run(self: Arc<Self>, stopping: CancellationToken, tasks: TaskTracker) {
        // Set while there is something to come back for, so that an idle outbox rarely wakes.
        let mut tidy_at = None;
        let mut look_at = Instant::now();
        self.look_in_store();
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => break,
                () = reached(tidy_at) => {
                    tidy_at = None;
                    self.delete_confirmed().await;
                }
                () = self.company.wait_until(look_at) => self.behind.store(true, Ordering::Release),
                () = self.work.notified() => {}
            }
            self.send_queue(&tasks).await;
            if self.behind.load(Ordering::Acquire) {
                look_at = Instant::now() + LOOK_EVERY;
                self.refill().await;
            }
            if tidy_at.is_none() && self.has_leftovers() {
                tidy_at = Some(Instant::now() + DELETE_AFTER);
            }
        }
        // What is under way still gets its confirms; what is not is adopted by the next process.
        let _all_calls = self.calls.acquire_many(call_permits()).await;
        self.delete_confirmed().await;
    }

    async fn send_queue(self: &Arc<Self>, tasks: &TaskTracker) {
        loop {
            let batch: Vec<OutboxMessage> = {
                let mut queue = lock(&self.queue);
                let size = queue.len().min(PUBLISH_MESSAGES_MAX);
                queue.drain(..size).collect()
            };
            if batch.is_empty() {
                return;
            }
            let Ok(permit) = Arc::clone(&self.calls).acquire_owned().await else {
                return;
            };
            let outbox = Arc::clone(self);
            tasks.spawn(async move {
                let unsent = outbox.publish(batch).await;
                drop(permit);
                outbox.send_again(unsent).await;
            });
        }
    }

    /// Publishes a batch; returns what the broker has not confirmed.
    async fn publish(&self, batch: Vec<OutboxMessage>) -> Vec<OutboxMessage> {
        let mut confirmed = Vec::with_capacity(batch.len());
        let (mut unsent, mut missing) = (Vec::new(), BTreeSet::new());
        let (messages, carried): (Vec<_>, Vec<_>) = self
            .packing
            .pack(batch)
            .into_iter()
            .map(|parcel| (parcel.message, parcel.rows))
            .unzip();
        let settled = self.broker.publish(messages).await;
        failpoint::reached("orchestrator.after_publish");
        for (rows, settled) in carried.into_iter().zip(settled) {
            match settled {
                Settled::Confirmed => confirmed.extend(rows.iter().map(|row| row.id)),
                Settled::Unroutable => {
                    let properties = rows.iter().map(|row| &row.message.properties);
                    missing.extend(properties.map(|it| it.target().to_owned()));
                    unsent.extend(rows);
                }
                Settled::Refused | Settled::Unknown => {
                    for row in &rows {
                        debug!(message.id = %row.id, ?settled, "a command was not confirmed");
                    }
                    unsent.extend(rows);
                }
            }
        }
        self.note_confirmed(confirmed);
        failpoint::reached("orchestrator.after_confirm");
        for name in missing {
            warn!(
                name,
                "what commands are sent to is gone; declaring it again"
            );
            self.broker.restore(&name).await;
        }
        unsent
    }

    /// Keeps rows for the next batch to delete. The first of them wakes the loop, which deletes them
    /// when no batch comes.
    fn note_confirmed(&self, mut confirmed: Vec<MessageId>) {
        let mut rows = lock(&self.confirmed);
        let is_first = rows.is_empty() && !confirmed.is_empty();
        rows.append(&mut confirmed);
        drop(rows);
        if is_first {
            self.work.notify_one();
        }
    }

    async fn send_again(&self, unsent: Vec<OutboxMessage>) {
        if unsent.is_empty() {
            return;
        }
        warn!(
            messages = unsent.len(),
            "the broker did not confirm; sending again"
        );
        tokio::time::sleep(SEND_AGAIN_AFTER).await;
        self.offer(unsent);
    }

    /// Reads rows of ours that memory could not hold, once memory is empty.
    async fn refill(&self) {
        if self.waiting() > 0 || self.calls.available_permits() < PUBLISH_CALLS_MAX {
            return;
        }
        self.delete_confirmed().await;
        let limit = u32::try_from(QUEUE_MESSAGES_MAX / 2).unwrap_or(u32::MAX);
        self.behind.store(false, Ordering::Release);
        match self.store.own_outbox(None, limit).await {
            Ok(rows) => {
                let all = rows.len() < QUEUE_MESSAGES_MAX / 2;
                let confirmed: BTreeSet<MessageId> =
                    lock(&self.confirmed).iter().copied().collect();
                self.offer(
                    rows.into_iter()
                        .filter(|row| !confirmed.contains(&row.id))
                        .collect(),
                );
                if !all {
                    self.behind.store(true, Ordering::Release);
                }
            }
            Err(error) => {
                warn!(error = %crate::chain(&error), "reading the outbox");
                self.behind.store(true, Ordering::Release);
            }
        }
    }

    /// Takes over what orchestrators that live no more have not sent. Not while the broker blocks:
    /// it would only move rows from one queue to another.
    pub async fn adopt(&self) {
        let room = QUEUE_MESSAGES_MAX.saturating_sub(self.waiting()) / 2;
        let takes_messages = match *self.broker.health().borrow() {
            Health::Connected | Health::Deaf => true,
            Health::Blocked | Health::Disconnected => false,
        };
        if !takes_messages || room == 0 {
            return;
        }
        match self
            .store
            .adopt_outbox(u32::try_from(room).unwrap_or(u32::MAX))
            .await
        {
            Ok(rows) => {
                if !rows.is_empty() {
                    warn!(
                        messages = rows.len(),
                        "took over commands of an orchestrator that is gone"
                    );
                }
                self.offer(rows);
            }
            Err(error) => {
                warn!(error = %crate::chain(&error), "taking over the outbox");
                self.look_in_store();
            }
        }
    }

    /// Confirmed rows to delete, or rows to read that memory could not hold.
    fn has_leftovers(&self) -> bool {
        self.behind.load(Ordering::Acquire) || !lock(&self.confirmed).is_empty()
    }

    async fn delete_confirmed(&self) {
        let confirmed = self.take_confirmed(QUEUE_MESSAGES_MAX);
        if confirmed.is_empty() {
            return;
        }
        if let Err(error) = self.store.delete_outbox(&confirmed).await {
            debug!(error = %crate::chain(&error), "deleting confirmed commands; trying again");
            self.give_back(&confirmed);
        }
    }
}

/// Waits for this time; for ever when there is none.
async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn call_permits() -> u32 {
    u32::try_from(PUBLISH_CALLS_MAX).unwrap_or(u32::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
