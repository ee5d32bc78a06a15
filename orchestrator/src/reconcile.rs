//! Finds commands that nobody has any more, and has them sent again.
//!
//! The outbox and confirms see to it that a command reaches the broker, and the broker that it
//! reaches a worker. Should it be lost there all the same (a queue was purged or deleted, a node's
//! disk is gone), nobody would ever answer, so what the sagas wait for is compared with what the
//! queues have. A mistake is harmless: the worker's ledger answers the second command.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, BrokerError, Health};
use saga_core::ids::{ActionName, Op, SagaId};
use saga_core::in_flight::{InFlight, in_flight};
use saga_core::input::{Input, Missing};
use saga_core::saga::{Saga, Status};
use saga_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::catalog::CatalogError;
use crate::company::something_happens;
use crate::deadline::in_time;
use crate::engine::{Done, Engine, Job};
use crate::store::{PAGE_ROWS_MAX, SagaFilter, Store, StoreError};

/// A pass by itself is made this often.
const PASS_EVERY: Duration = Duration::from_mins(1);

/// A command is looked for when nobody has said anything of it for this long. Many wait longer in
/// their queue, which is then seen there.
pub const SILENT_FOR: Duration = Duration::from_mins(5);

/// Nothing is concluded while the outbox is behind by more than this.
const OUTBOX_LAG_MAX: Duration = Duration::from_secs(10);

/// The statuses in which something can be under way.
const MOVING: [Status; 2] = [Status::Running, Status::Compensating];

/// Where a pass goes on: among the sagas of one of [`MOVING`], before the last one looked at.
type Place = (usize, Option<SagaId>);

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reconciled {
    /// Open sagas that were looked at.
    pub sagas: u32,
    /// Commands of theirs of which nobody had said anything for long.
    pub silent: u32,
    /// Those that nobody has: sent again, or only named.
    pub missing: Vec<MissingCommand>,
    /// Nothing was looked at, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// A command that nobody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingCommand {
    /// Of which saga.
    pub saga: SagaId,
    /// Of which step.
    pub step: String,
    /// What was asked.
    pub op: Op,
    /// Which attempt.
    pub attempt: u32,
    /// When it was sent.
    pub since: Timestamp,
    /// The queue where it is not, or the child saga that does not know of it.
    pub looked_in: String,
}

/// Why a pass was given up.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The store.
    #[error("look at the open sagas")]
    Store(#[from] StoreError),
    /// The broker.
    #[error("look at the queues")]
    Broker(#[from] BrokerError),
    /// A definition.
    #[error("look a definition up")]
    Catalog(#[from] CatalogError),
}

/// Makes a pass now and then until stopped.
pub async fn run(engine: Engine, broker: Arc<dyn Broker>, stopping: CancellationToken) {
    let mut from = (0, None);
    let shared = engine.shared();
    let mut feed = None;
    let mut in_flight = 0;
    loop {
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(PASS_EVERY) => {}
        }
        if from == (0, None) {
            // From here on: what has happened before is seen by looking.
            feed = shared.company.listen(&shared.feed);
        }
        let mut pass = Pass::new(&engine, &*broker, SILENT_FOR, false);
        let next = match pass.run(from).await {
            Ok(next) => next,
            Err(error) => {
                warn!(error = %crate::chain(&error), "reconciling");
                continue;
            }
        };
        if !pass.found.missing.is_empty() {
            let commands = pass.found.missing.len();
            info!(commands, "commands were lost; sent again");
        }
        in_flight += pass.in_flight;
        if next.is_none() && std::mem::take(&mut in_flight) == 0 {
            tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                () = something_happens(feed.as_mut()) => {}
            }
        }
        from = next.unwrap_or((0, None));
    }
}

/// Compares every open saga with the queues, once.
///
/// # Errors
/// What could not be looked at; what was found before is sent again all the same.
pub async fn reconcile(
    engine: &Engine,
    broker: &dyn Broker,
    silent_for: Duration,
    dry_run: bool,
) -> Result<Reconciled, ReconcileError> {
    let mut pass = Pass::new(engine, broker, silent_for, dry_run);
    let mut from = Some((0, None));
    while let Some(place) = from {
        from = pass.run(place).await?;
    }
    Ok(pass.found)
}

struct Pass<'a> {
    engine: &'a Engine,
    broker: &'a dyn Broker,
    silent_for: Duration,
    dry_run: bool,
    /// Whether each queue that was looked at is empty.
    empty: BTreeMap<String, bool>,
    found: Reconciled,
    /// Commands that somebody has, or should have.
    in_flight: u32,
}

impl<'a> Pass<'a> {
    fn new(
        engine: &'a Engine,
        broker: &'a dyn Broker,
        silent_for: Duration,
        dry_run: bool,
    ) -> Self {
        Self {
            engine,
            broker,
            silent_for,
            dry_run,
            empty: BTreeMap::new(),
            found: Reconciled::default(),
            in_flight: 0,
        }
    }

    fn store(&self) -> &dyn Store {
        &*self.engine.shared().store
    }

    /// Looks at a page of sagas, newest first; returns where to go on, unless it was the last.
    async fn run(&mut self, (status, before): Place) -> Result<Option<Place>, ReconcileError> {
        let filter = SagaFilter {
            statuses: vec![MOVING[status]],
            before,
            limit: PAGE_ROWS_MAX,
            ..SagaFilter::default()
        };
        let page = self.store().list_states(&filter).await?;
        // Without an open saga there is nothing to ask for, and idling costs next to nothing.
        if !page.sagas.is_empty() {
            if let Some(reason) = self.cannot_tell().await? {
                self.found.skipped = Some(reason);
                return Ok(None);
            }
            let now = self.store().now();
            for saga in &page.sagas {
                self.look_at(saga, now).await?;
            }
        }
        Ok(match page.next {
            Some(next) => Some((status, Some(next))),
            None => (status + 1 < MOVING.len()).then_some((status + 1, None)),
        })
    }

    /// Why nothing can be concluded from an empty queue now.
    async fn cannot_tell(&self) -> Result<Option<String>, ReconcileError> {
        if *self.broker.health().borrow() != Health::Connected {
            return Ok(Some("the broker does not take messages".to_owned()));
        }
        let (_, oldest) = self.store().outbox_backlog().await?;
        let lag = oldest.map_or(Duration::ZERO, |at| self.store().now().since(at));
        let behind = || "commands are still on their way to the broker".to_owned();
        Ok((lag > OUTBOX_LAG_MAX).then(behind))
    }

    async fn look_at(&mut self, saga: &Saga, now: Timestamp) -> Result<(), ReconcileError> {
        self.found.sagas += 1;
        let definition = self.engine.shared().catalog.get(&saga.definition).await?;
        for sent in in_flight(&definition, saga, now) {
            self.in_flight += 1;
            if now.since(sent.since) < self.silent_for {
                continue;
            }
            self.found.silent += 1;
            let looked_in = match &sent.action {
                Some(action) => self.missing_in_queue(action, sent.op).await?,
                None => self.missing_in_child(saga.id, &sent).await?,
            };
            if let Some(looked_in) = looked_in {
                self.send_again(saga.id, sent, looked_in).await;
            }
        }
        Ok(())
    }

    /// The name of the queue, when nothing waits in it. One that is gone is declared first.
    async fn missing_in_queue(
        &mut self,
        action: &ActionName,
        op: Op,
    ) -> Result<Option<String>, ReconcileError> {
        let queue = self.engine.shared().topology.step_queue(action, op);
        let empty = match self.empty.get(&queue) {
            Some(empty) => *empty,
            None => {
                let depth = in_time(self.broker.depth(&queue)).await?;
                if depth.is_none() && !self.dry_run {
                    in_time(self.broker.declare_steps(&[(action.clone(), op)])).await?;
                }
                let empty = depth.is_none_or(|depth| depth.messages == 0);
                self.empty.insert(queue.clone(), empty);
                empty
            }
        };
        Ok(empty.then_some(queue))
    }

    /// The child saga, when it does not know what it was asked, or has ended and nobody heard it.
    async fn missing_in_child(
        &self,
        parent: SagaId,
        sent: &InFlight,
    ) -> Result<Option<String>, ReconcileError> {
        let child = parent.child(&sent.key, sent.round);
        let (sagas, _) = self.store().load(&[child]).await?;
        let busy = sagas.first().is_some_and(|saga| {
            let asked = saga.parent.as_ref().map(|state| state.asked);
            asked == Some(sent.op) && !saga.phase.is_closed()
        });
        Ok((!busy).then(|| format!("saga {child}")))
    }

    async fn send_again(&mut self, saga: SagaId, sent: InFlight, looked_in: String) {
        self.found.missing.push(MissingCommand {
            saga,
            step: sent.key.to_string(),
            op: sent.op,
            attempt: sent.attempt,
            since: sent.since,
            looked_in,
        });
        if self.dry_run {
            return;
        }
        let input = Input::Missing(Missing {
            key: sent.key,
            op: sent.op,
            round: sent.round,
            attempt: sent.attempt,
        });
        self.engine
            .submit(Job {
                saga,
                definition: None,
                input,
                letter: None,
                done: Done::Nobody,
            })
            .await;
    }
}
