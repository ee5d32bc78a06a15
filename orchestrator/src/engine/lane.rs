//! One lane: everything that happens to a share of the sagas, one batch after the other.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use broker::gather::Gather;
use broker::topology::Topology;
use futures_util::FutureExt as _;
use saga_core::definition::{Definition, DefinitionRef};
use saga_core::event::Event;
use saga_core::ids::SagaId;
use saga_core::saga::Saga;
use saga_core::values::{ValueKey, Values};
use serde_json::Value;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::cache::{Cache, Known};
use super::closings::Closings;
use super::fold::{Folded, fold};
use super::group::{Group, Pending};
use super::job::{Done, Job};
use super::persist::persist;
use super::rivals::Rivals;
use crate::admission::{Intake, OpenSagas};
use crate::catalog::Catalog;
use crate::company::Company;
use crate::dependencies::Dependencies;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::store::{Committed, ReplyQueues, Store, StoreError};
use crate::timers::TimerSignal;

/// Inputs decided and stored together, at most. While it is stored, a batch is in memory as
/// transitions, as columns and as the bytes of a statement; more in one saves next to nothing.
pub(crate) const BATCH_JOBS_MAX: usize = 256;

/// Loads of missing values before a decision, at most. A decision reads what one step after the
/// other needs, so it is bounded by the steps that one input can pass.
pub(super) const VALUE_LOADS_MAX: usize = 256;

/// The inputs of a batch that ended in a panic come again at once; this keeps it from being a storm.
const PAUSE_AFTER_PANIC: Duration = Duration::from_secs(1);

/// A delivery that cannot be judged goes back to its queue after this.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(5);

/// What the lanes of one orchestrator share.
#[derive(Debug)]
pub struct Shared {
    /// Where sagas are kept.
    pub store: Arc<dyn Store>,
    /// Compiled definitions.
    pub catalog: Catalog,
    /// Names on the broker.
    pub topology: Topology,
    /// The reply queues that there are, as of the last sign of life.
    pub(crate) reply_queues: watch::Sender<ReplyQueues>,
    /// The reply queue that workers are asked to answer to.
    pub(crate) answers_to: watch::Sender<String>,
    /// Who else works on these sagas.
    pub company: Company,
    /// What is to be sent.
    pub outbox: Arc<Outbox>,
    /// When a saga must be looked at again.
    pub timers: TimerSignal,
    /// Who waits for a saga to rest.
    pub closings: Closings,
    /// What is stored, for whoever watches. One that is too slow misses some.
    pub feed: broadcast::Sender<Occurrence>,
    /// How many sagas may be open, where that is limited.
    pub(crate) open_sagas: Option<OpenSagas>,
    /// Counters.
    pub metrics: Metrics,
    /// Whether the store and the broker can be used.
    pub dependencies: Dependencies,
    /// The process is going down; what cannot be stored now is given back.
    pub stopping: CancellationToken,
}

/// One stored event.
#[derive(Debug, Clone)]
pub struct Occurrence {
    /// Of which saga.
    pub saga: SagaId,
    /// What that runs.
    pub definition: DefinitionRef,
    /// What happened.
    pub event: Event,
}

pub(super) struct Lane {
    pub(super) shared: Arc<Shared>,
    pub(super) cache: Cache,
    pub(super) rivals: Rivals,
    jobs: mpsc::Receiver<Waiting>,
    intake: Arc<Intake>,
}

/// A job, and since when it waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) since: Instant,
    pub(super) job: Job,
}

/// A group with its verdicts.
pub(super) struct Judged {
    pub(super) group: Group,
    pub(super) definition: Arc<Definition>,
    pub(super) folded: Folded,
    /// Proof that the judged state was read for this batch.
    pub(super) fresh: Option<Committed>,
}

impl Lane {
    pub(super) fn new(
        shared: Arc<Shared>,
        jobs: mpsc::Receiver<Waiting>,
        intake: Arc<Intake>,
    ) -> Self {
        Self {
            shared,
            cache: Cache::default(),
            rivals: Rivals::default(),
            jobs,
            intake,
        }
    }

    /// Takes whatever waits until every sender is gone.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_JOBS_MAX);
        let mut gather = Gather::default();
        while gather
            .next(&mut self.jobs, &mut batch, BATCH_JOBS_MAX)
            .await
            > 0
        {
            self.shared.metrics.batch_size.observe(count(batch.len()));
            if let (Some(oldest), Some(newest)) = (batch.first(), batch.last()) {
                self.intake.took((oldest.since, newest.since), batch.len());
            }
            let pending = Pending::of(batch.drain(..).map(|waiting: Waiting| waiting.job));
            gather.came_from(pending.sagas());
            let worked = AssertUnwindSafe(self.work(pending)).catch_unwind().await;
            if worked.is_err() {
                self.recover().await;
            }
            self.intake.is_done();
        }
    }

    async fn work(&mut self, mut pending: Pending) {
        loop {
            let mut groups = pending.take();
            if groups.is_empty() {
                return;
            }
            let now = Instant::now();
            let contested = |id: &SagaId, _: &mut Group| self.rivals.is_contested(*id, now);
            let contested: Vec<Group> = groups.extract_if(.., contested).map(|it| it.1).collect();
            for group in contested {
                self.judge_locked(group, &mut pending).await;
            }
            let judged = self.judge(groups).await;
            self.store_and_tell(judged, &mut pending).await;
        }
    }

    /// A bug ended the work on a batch. Its deliveries go back to their queue; what it may have
    /// stored is in the outbox; what it had in memory is not to be trusted. The lane goes on: the
    /// process would look well without it, and a share of the sagas would stand still.
    async fn recover(&mut self) {
        error!("a lane has panicked over a batch; its inputs are given back");
        self.cache = Cache::default();
        self.shared.outbox.look_in_store();
        tokio::time::sleep(PAUSE_AFTER_PANIC).await;
    }

    async fn judge(&mut self, mut groups: BTreeMap<SagaId, Group>) -> Vec<Judged> {
        let mut fresh = BTreeMap::new();
        self.load(&mut groups, &mut fresh).await;
        let mut judged = Vec::with_capacity(groups.len());
        for _ in 0..VALUE_LOADS_MAX {
            let mut missing: Vec<(SagaId, ValueKey)> = Vec::new();
            let mut waiting = BTreeMap::new();
            for (id, group) in groups {
                let Some(definition) = self.definition_of(&group).await else {
                    self.give_back(group);
                    continue;
                };
                match self.fold(&group, &definition) {
                    Ok(mut folded) => {
                        if let Some(transition) = &mut folded.transition {
                            transition.replaces = group.replaces;
                        }
                        let fresh = fresh.get(&id).copied();
                        judged.push(Judged {
                            group,
                            definition,
                            folded,
                            fresh,
                        });
                    }
                    Err(keys) => {
                        missing.extend(keys.into_iter().map(|key| (id, key)));
                        waiting.insert(id, group);
                    }
                }
            }
            groups = waiting;
            if groups.is_empty() {
                break;
            }
            self.load_values(&missing).await;
        }
        for (id, group) in groups {
            error!(saga.id = %id, "a decision reads values that the store does not have");
            self.give_back(group);
        }
        judged
    }

    fn fold(&mut self, group: &Group, definition: &Definition) -> Result<Folded, Vec<ValueKey>> {
        let blank;
        let none = Values::default();
        let (saga, values) = if let Some(known) = self.cache.get(group.saga) {
            (&known.saga, &known.values)
        } else {
            blank = Arc::new(Saga::new(group.saga, definition.reference.clone()));
            (&blank, &none)
        };
        let inputs = group.jobs.iter().map(|job| &job.input);
        let now = self.shared.store.now();
        let answers_to = self.shared.answers_to.borrow();
        let ways = (&self.shared.topology, answers_to.as_str());
        fold(definition, ways, saga, values, inputs, now)
    }

    /// Lets go of inputs that cannot be judged. Their deliveries come again, after a while: given
    /// back at once they would be here at once, for ever.
    pub(super) fn give_back(&self, group: Group) {
        let deliveries: Vec<Job> = group
            .jobs
            .into_iter()
            .filter(|job| matches!(job.done, Done::Delivery(_)))
            .collect();
        let stopping = self.shared.stopping.clone();
        // Lost at shutdown, its deliveries go back with the connection.
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(GIVE_BACK_AFTER) => {}
                () = stopping.cancelled() => {}
            }
            drop(deliveries);
        });
    }

    /// What the group's saga runs. Without it nothing can be decided.
    pub(super) async fn definition_of(&mut self, group: &Group) -> Option<Arc<Definition>> {
        let known = self.cache.get(group.saga);
        let Some(reference) = known.map(|known| known.saga.definition.clone()) else {
            return group.jobs.iter().find_map(|job| job.definition.clone());
        };
        match self.shared.catalog.get(&reference).await {
            Ok(definition) => Some(definition),
            Err(error) => {
                error!(saga.id = %group.saga, error = %crate::chain(&error), "cannot decide");
                None
            }
        }
    }

    /// Brings the sagas of these groups into the cache. Groups whose saga does not exist, and is not
    /// about to, are taken out and settled.
    async fn load(
        &mut self,
        groups: &mut BTreeMap<SagaId, Group>,
        fresh: &mut BTreeMap<SagaId, Committed>,
    ) {
        let doubtful = self.rivals.about(Instant::now());
        let mut asked = Vec::new();
        for (id, group) in &*groups {
            let starts = group
                .jobs
                .iter()
                .any(|job| matches!(job.done, Done::Start(_)));
            if group.read {
                self.cache.forget(*id);
            }
            match self.cache.get(*id).map(|known| known.saga.version) {
                Some(version) if doubtful => asked.push((*id, version)),
                None if !starts => asked.push((*id, 0)),
                Some(_) | None => {}
            }
        }
        if asked.is_empty() {
            return;
        }
        let store = Arc::clone(&self.shared.store);
        let Some((sagas, proof)) = self.persist(|| store.load_newer(&asked)).await else {
            asked.iter().for_each(|(id, _)| drop(groups.remove(id)));
            return;
        };
        // What is known and was not sent is as it is known.
        let known = asked.iter().filter(|(_, version)| *version > 0);
        fresh.extend(known.map(|(id, _)| (*id, proof)));
        for saga in sagas {
            let id = saga.id;
            fresh.insert(id, proof);
            // A value is never changed, so those at hand still hold.
            let values = self.cache.get(id).map(|known| known.values.clone());
            self.cache.put(
                id,
                Known {
                    saga: Arc::new(saga),
                    values: values.unwrap_or_default(),
                },
            );
        }
        for (id, _) in &asked {
            if fresh.contains_key(id) {
                continue;
            }
            let begins = |group: &Group| group.jobs.iter().any(|job| job.definition.is_some());
            if groups.get(id).is_some_and(begins) {
                fresh.insert(*id, proof);
                continue;
            }
            if let Some(group) = groups.remove(id) {
                self.settle_orphans(group, proof).await;
            }
        }
    }

    pub(super) async fn load_values(&mut self, missing: &[(SagaId, ValueKey)]) {
        let store = Arc::clone(&self.shared.store);
        let values = self
            .persist(|| store.load_values(missing))
            .await
            .unwrap_or_default();
        for (id, key, value) in values.into_iter().chain(self.look_up(missing).await) {
            if let Some(known) = self.cache.get(id) {
                known.values.insert(key, value);
            }
        }
    }

    /// What decisions read of other sagas; that there is none is an answer too.
    async fn look_up(&self, missing: &[(SagaId, ValueKey)]) -> Vec<(SagaId, ValueKey, Arc<Value>)> {
        let (mut places, mut wanted) = (Vec::new(), Vec::new());
        for (saga, key) in missing {
            if let ValueKey::LastGood(action, input) = key {
                places.push((*saga, key.clone()));
                wanted.push((action.clone(), *input));
            }
        }
        if wanted.is_empty() {
            return Vec::new();
        }
        let store = Arc::clone(&self.shared.store);
        let found = self.persist(|| store.last_good(&wanted)).await;
        let found = found.unwrap_or_default().into_iter();
        let values = places.into_iter().zip(found).map(|((saga, key), good)| {
            let value = serde_json::to_value(good).unwrap_or_default();
            (saga, key, Arc::new(value))
        });
        values.collect()
    }

    /// Repeats an operation of the store until it is done. `None` when the process is going down
    /// or the store says that repeating is no use.
    pub(super) async fn persist<T, F>(&self, operation: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        persist(&self.shared, operation).await
    }
}

/// A count for a histogram.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
const fn count(items: usize) -> f64 {
    items as f64
}
