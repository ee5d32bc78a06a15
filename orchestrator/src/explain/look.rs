//! Looks at everything that tells why a saga does not move. What cannot be seen is said, and is no
//! reason to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use broker::broker::{Broker, Depth, Health};
use saga_core::explain::{
    CONFIRMED_ROW_STAYS, Cause, Child, Letter, Queue, Servers, Sighting, causes, in_order,
    needs_clues, refine, refine_child, refine_parked,
};
use saga_core::ids::{ActionName, MessageId, Op, SagaId};
use saga_core::saga::Saga;
use saga_core::time::Timestamp;

use super::census::Census;
use crate::catalog::CatalogError;
use crate::engine::Engine;
use crate::store::{Clues, StoreError};

/// A queue that is not told of within this is not seen.
const DEPTH_LIMIT: Duration = Duration::from_secs(2);

/// How deep children of children are followed.
const CHILD_DEPTH_MAX: u32 = 4;

/// Children that are looked at for one question.
const CHILDREN_MAX: u32 = 200;

/// Causes of one saga whose commands are looked for.
const COMMANDS_MAX: usize = 20;

/// Why one saga does not move.
#[derive(Debug)]
pub struct Explained {
    /// When that was looked at.
    pub at: Timestamp,
    /// The saga as it stands.
    pub saga: Saga,
    /// Its causes, the first first; none when it is over.
    pub causes: Vec<Cause>,
    /// What could not be seen, and why.
    pub unknown: Vec<String>,
}

/// Why this saga does not move; `None` when there is no such saga.
///
/// # Errors
/// When the store does not answer.
pub async fn explain(
    engine: &Engine,
    broker: &dyn Broker,
    id: SagaId,
) -> Result<Option<Explained>, StoreError> {
    let (sagas, _) = engine.shared().store.load(&[id]).await?;
    match sagas.into_iter().next() {
        Some(saga) => explain_as(engine, broker, saga).await.map(Some),
        None => Ok(None),
    }
}

/// The same of a saga that is at hand, as it stands there.
pub(crate) async fn explain_as(
    engine: &Engine,
    broker: &dyn Broker,
    saga: Saga,
) -> Result<Explained, StoreError> {
    let mut look = Look::new(engine, broker).await?;
    let causes = look.at(std::slice::from_ref(&saga), 0).await?;
    let causes = causes.into_iter().next().unwrap_or_default();
    Ok(Explained {
        at: look.now,
        saga,
        causes,
        unknown: look.unknown(),
    })
}

/// One question, about any number of sagas: each queue is asked once.
pub(super) struct Look<'a> {
    engine: &'a Engine,
    broker: &'a dyn Broker,
    pub(super) now: Timestamp,
    census: Census,
    queues: BTreeMap<String, Option<Queue>>,
    /// The broker did not answer, and is not asked about other queues.
    is_silent: bool,
    children_left: u32,
    unknown: BTreeSet<String>,
}

impl<'a> Look<'a> {
    pub(super) async fn new(
        engine: &'a Engine,
        broker: &'a dyn Broker,
    ) -> Result<Self, StoreError> {
        let store = &engine.shared().store;
        let now = store.now();
        Ok(Self {
            engine,
            broker,
            now,
            census: Census::of(store.workers().await?, now),
            queues: BTreeMap::new(),
            is_silent: false,
            children_left: CHILDREN_MAX,
            unknown: BTreeSet::new(),
        })
    }

    pub(super) fn unknown(&self) -> Vec<String> {
        self.unknown.iter().cloned().collect()
    }

    /// The causes of each of these sagas, the first first.
    pub(super) async fn at(
        &mut self,
        sagas: &[Saga],
        depth: u32,
    ) -> Result<Vec<Vec<Cause>>, StoreError> {
        let mut all = Vec::with_capacity(sagas.len());
        for saga in sagas {
            all.push(self.told_by_state(saga).await?);
        }
        let unclear = sagas.iter().zip(&all);
        let unclear = unclear.filter(|(_, causes)| causes.iter().any(needs_clues));
        let unclear: Vec<SagaId> = unclear.map(|(saga, _)| saga.id).collect();
        let clues = if unclear.is_empty() {
            Clues::default()
        } else {
            self.engine.shared().store.clues(&unclear).await?
        };
        for (saga, causes) in sagas.iter().zip(&mut all) {
            let found = std::mem::take(causes);
            for (number, cause) in found.into_iter().enumerate() {
                causes.push(if number < COMMANDS_MAX {
                    self.refined(cause, saga, &clues, depth).await?
                } else {
                    cause
                });
            }
            in_order(causes, self.now);
        }
        Ok(all)
    }

    /// The causes as the saga's own state tells them.
    async fn told_by_state(&self, saga: &Saga) -> Result<Vec<Cause>, StoreError> {
        if saga.phase.is_closed() {
            return Ok(Vec::new());
        }
        match self.engine.shared().catalog.get(&saga.definition).await {
            Ok(definition) => Ok(causes(&definition, saga, self.now)),
            Err(CatalogError::Store(error)) => Err(error),
            Err(error) => Ok(vec![Cause::DefinitionMissing {
                definition: saga.definition.clone(),
                why: crate::chain(&error),
            }]),
        }
    }

    async fn refined(
        &mut self,
        mut cause: Cause,
        saga: &Saga,
        clues: &Clues,
        depth: u32,
    ) -> Result<Cause, StoreError> {
        if let Cause::WaitingForChild { child, .. } = &cause {
            let seen = Box::pin(self.child(*child, depth)).await?;
            if let Some(seen) = seen {
                refine_child(&mut cause, seen);
            }
            return Ok(cause);
        }
        if let Cause::Parked { .. } = &cause {
            let letter = clues.letters.iter().find(|letter| letter.saga == saga.id);
            if let Some(letter) = letter {
                refine_parked(&mut cause, letter.id);
            }
            return Ok(cause);
        }
        let sighting = self.sight(&cause, saga, clues).await;
        Ok(refine(cause, &sighting))
    }

    /// What is seen of the command that a cause is about.
    async fn sight(&mut self, cause: &Cause, saga: &Saga, clues: &Clues) -> Sighting {
        let (Cause::Dispatched {
            step, op, attempt, ..
        }
        | Cause::DeadLettered {
            step, op, attempt, ..
        }
        | Cause::Executing {
            step, op, attempt, ..
        }) = cause
        else {
            return Sighting::default();
        };
        let mut seen = Sighting {
            running: self.census.running(saga.id, step, *op, *attempt),
            ..Sighting::default()
        };
        let (Cause::Dispatched { operation, .. } | Cause::DeadLettered { operation, .. }) = cause
        else {
            seen.servers = Some(Servers::default());
            return seen;
        };
        let work = saga.steps.get(step).and_then(|state| state.work);
        let id = work.map(|work| MessageId {
            saga: saga.id,
            seq: work.command,
        });
        let unsent = clues.unsent.iter().find(|(sent, _)| Some(*sent) == id);
        seen.unsent_since = unsent
            .map(|(_, written)| *written)
            .filter(|written| self.now.since(*written) > CONFIRMED_ROW_STAYS);
        seen.letter = letter(cause, saga.id, id, clues);
        seen.servers = Some(self.census.servers(operation, *op));
        seen.queue = self.queue(operation, *op).await;
        seen
    }

    /// A queue, which is asked once.
    async fn queue(&mut self, operation: &ActionName, op: Op) -> Option<Queue> {
        let name = self.engine.shared().topology.step_queue(operation, op);
        if let Some(known) = self.queues.get(&name) {
            return known.clone();
        }
        let seen = match self.depth(&name).await {
            Ok(depth) => {
                let (messages, consumers) =
                    depth.map_or((0, 0), |depth| (depth.messages, depth.consumers));
                Some(Queue {
                    name: name.clone(),
                    messages,
                    consumers,
                })
            }
            Err(why) => {
                self.unknown.insert(format!("the queues: {why}"));
                None
            }
        };
        self.queues.insert(name, seen.clone());
        seen
    }

    async fn depth(&mut self, name: &str) -> Result<Option<Depth>, String> {
        let health = *self.broker.health().borrow();
        if health == Health::Disconnected {
            return Err("the broker is not connected".to_owned());
        }
        let silent = || "the broker does not answer".to_owned();
        if self.is_silent {
            return Err(silent());
        }
        match tokio::time::timeout(DEPTH_LIMIT, self.broker.depth(name)).await {
            Ok(Ok(depth)) => Ok(depth),
            Ok(Err(error)) => Err(crate::chain(&error)),
            Err(_) => {
                self.is_silent = true;
                Err(silent())
            }
        }
    }

    /// The saga that another waits for, with its own first cause.
    async fn child(&mut self, child: SagaId, depth: u32) -> Result<Option<Child>, StoreError> {
        if depth >= CHILD_DEPTH_MAX || self.children_left == 0 {
            self.unknown
                .insert("children: too many of them to look at all".to_owned());
            return Ok(None);
        }
        self.children_left -= 1;
        let store = &self.engine.shared().store;
        let (sagas, _) = store.load(&[child]).await?;
        let Some(saga) = sagas.into_iter().next() else {
            return Ok(None);
        };
        let causes = self.at(std::slice::from_ref(&saga), depth + 1).await?;
        Ok(Some(Child {
            status: saga.status(),
            cause: causes.into_iter().flatten().next(),
        }))
    }
}

/// The letter of a command; of one that was sent again, the newest of its saga.
fn letter(cause: &Cause, saga: SagaId, id: Option<MessageId>, clues: &Clues) -> Option<Letter> {
    let mut own = clues.letters.iter().filter(|letter| letter.saga == saga);
    let found = if let Cause::DeadLettered { .. } = cause {
        own.next()
    } else {
        let id = id?.to_string();
        own.find(|letter| letter.message_id.as_deref() == Some(&*id))
    };
    found.map(|letter| Letter {
        id: letter.id,
        reason: letter.reason.clone(),
    })
}
