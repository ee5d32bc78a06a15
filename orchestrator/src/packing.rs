//! Which commands share a message.
//!
//! Commands that leave in the same moment for the same queue travel together, as many as each of the
//! workers that serve the queue has announced that it takes. In the store each has its own row, so
//! what was not confirmed may be packed otherwise the next time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use broker::envelope::commands;
use broker::message::Outgoing;
use broker::topology::Topology;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::store::{OutboxMessage, Store, StoredWorker};

/// While commands are sent, what workers announce is read this often. A worker that has come since
/// and takes less gives what it cannot read to the dead letters, from where each is sent alone.
const READ_EVERY: Duration = Duration::from_secs(10);

/// How many commands may share a message, by queue.
type Limits = HashMap<String, usize>;

/// Packs commands.
#[derive(Debug)]
pub(crate) struct Packing {
    store: Arc<dyn Store>,
    topology: Topology,
    /// Only of queues where it is more than one.
    limits: RwLock<Limits>,
    used: Notify,
}

/// A message, and the rows that it carries: as many as there are commands in it.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) message: Outgoing,
    pub(crate) rows: Vec<OutboxMessage>,
}

impl Packing {
    pub(crate) fn new(store: Arc<dyn Store>, topology: Topology) -> Self {
        Self {
            store,
            topology,
            limits: RwLock::default(),
            used: Notify::new(),
        }
    }

    /// The messages that carry these rows.
    pub(crate) fn pack(&self, rows: Vec<OutboxMessage>) -> Vec<Parcel> {
        self.used.notify_one();
        let limits = self.limits.read().unwrap_or_else(PoisonError::into_inner);
        let shares = share(rows, &limits, &self.topology.steps_exchange());
        drop(limits);
        shares.into_iter().map(Parcel::of).collect()
    }

    /// Reads what workers announce, for as long as something is sent.
    pub(crate) async fn run(self: Arc<Self>, stopping: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                () = self.used.notified() => {}
            }
            match self.store.workers().await {
                Ok(workers) => self.heard(&workers),
                Err(error) => debug!(error = %crate::chain(&error), "reading who takes what"),
            }
            tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(READ_EVERY) => {}
            }
        }
    }

    fn heard(&self, workers: &[StoredWorker]) {
        let now = self.store.now();
        let serving = workers.iter().filter(|worker| worker.serves(now));
        let mut limits = Limits::new();
        for it in serving.flat_map(|worker| &worker.announcement.operations) {
            let queue = self.topology.step_queue(&it.operation, it.op);
            let takes = usize::try_from(it.per_message).unwrap_or(usize::MAX);
            let least = limits.entry(queue).or_insert(commands::COMMANDS_MAX);
            *least = takes.min(*least);
        }
        limits.retain(|_, least| *least > 1);
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }
}

impl Parcel {
    fn of(rows: Vec<OutboxMessage>) -> Self {
        let message = match &rows[..] {
            [first, others @ ..] if !others.is_empty() => {
                let others: Vec<&Outgoing> = others.iter().map(|row| &row.message).collect();
                commands::pack(&first.message, &others)
            }
            alone => alone[0].message.clone(),
        };
        Self { message, rows }
    }
}

/// The rows by message, none empty; those for one queue stay in their order.
fn share(
    rows: Vec<OutboxMessage>,
    limits: &Limits,
    steps_exchange: &str,
) -> Vec<Vec<OutboxMessage>> {
    let mut shares: Vec<Vec<OutboxMessage>> = Vec::new();
    // Which of them still has room, by queue.
    let mut open: HashMap<String, usize> = HashMap::new();
    for row in rows {
        let properties = &row.message.properties;
        let limit = limits.get(&properties.routing_key).copied().unwrap_or(1);
        if limit == 1 || properties.exchange != steps_exchange || !commands::may_share(&row.message)
        {
            shares.push(vec![row]);
            continue;
        }
        let with = open.get(&properties.routing_key).copied().filter(|with| {
            let there = &shares[*with];
            there.len() < limit && commands::same_way(&there[0].message.properties, properties)
        });
        if let Some(with) = with {
            shares[with].push(row);
        } else {
            open.insert(properties.routing_key.clone(), shares.len());
            shares.push(vec![row]);
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use broker::envelope::command;
    use broker::message::Properties;
    use bytes::Bytes;
    use saga_core::ids::{MessageId, SagaId};
    use uuid::Uuid;

    use super::*;

    const STEPS: &str = "t.steps";

    fn row(seq: u64, queue: &str, change: impl FnOnce(&mut Properties)) -> OutboxMessage {
        let id = MessageId {
            saga: SagaId(Uuid::nil()),
            seq,
        };
        let mut properties = Properties {
            exchange: STEPS.to_owned(),
            routing_key: queue.to_owned(),
            message_id: id.to_string(),
            kind: command::KIND.to_owned(),
            shares: true,
            ..Properties::default()
        };
        change(&mut properties);
        let body = Bytes::from_static(b"{}");
        let message = Outgoing { properties, body };
        OutboxMessage { id, message }
    }

    fn as_it_is(_: &mut Properties) {}

    /// The numbers of the rows by message.
    fn shared(rows: Vec<OutboxMessage>, limits: &[(&str, usize)]) -> Vec<Vec<u64>> {
        let limits = limits
            .iter()
            .map(|(queue, most)| ((*queue).to_owned(), *most));
        let shares = share(rows, &limits.collect(), STEPS);
        let numbers = |rows: &Vec<OutboxMessage>| rows.iter().map(|row| row.id.seq).collect();
        shares.iter().map(numbers).collect()
    }

    #[test]
    fn commands_for_one_queue_share_a_message_up_to_its_limit() {
        let rows = |queues: &str| {
            let queues = queues.chars().map(|queue| queue.to_string());
            (1..)
                .zip(queues)
                .map(|(seq, queue)| row(seq, &queue, as_it_is))
                .collect::<Vec<_>>()
        };
        let none: [Vec<u64>; 0] = [];
        assert_eq!(shared(rows(""), &[("a", 3)]), none);
        assert_eq!(shared(rows("aa"), &[]), [[1], [2]], "nobody has said so");
        assert_eq!(
            shared(rows("abaaba"), &[("a", 3), ("b", 8)]),
            [vec![1, 3, 4], vec![2, 5], vec![6]]
        );
    }

    #[test]
    fn what_goes_another_way_or_may_do_harm_goes_alone() {
        let rung = |it: &mut Properties| it.exchange = "t.retry.a.1s".to_owned();
        let again = |it: &mut Properties| it.shares = false;
        let answer = |it: &mut Properties| it.kind = "amends.replies.v1".to_owned();
        let urgent = |it: &mut Properties| it.priority = Some(9);
        let rows = vec![
            row(1, "a", as_it_is),
            row(2, "a", rung),
            row(3, "a", again),
            row(4, "a", answer),
            row(5, "a", as_it_is),
            row(6, "a", urgent),
        ];
        let alone = [vec![1, 5], vec![2], vec![3], vec![4], vec![6]];
        assert_eq!(shared(rows, &[("a", 9)]), alone);
    }

    #[test]
    fn a_row_alone_is_sent_as_it_is() {
        let parcel = Parcel::of(vec![row(1, "a", as_it_is)]);
        assert_eq!(parcel.message, row(1, "a", as_it_is).message);
        let two = vec![row(1, "a", as_it_is), row(2, "a", as_it_is)];
        let parcel = Parcel::of(two);
        assert_eq!(parcel.message.properties.kind, commands::KIND);
        assert_eq!(parcel.rows.len(), 2);
    }
}
