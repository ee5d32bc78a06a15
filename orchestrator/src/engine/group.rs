//! The inputs of one saga that wait in the same batch.

use std::collections::{BTreeMap, VecDeque};

use saga_core::ids::SagaId;

use super::job::Job;

/// The jobs of one saga, in the order in which they came.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) saga: SagaId,
    pub(super) jobs: Vec<Job>,
    /// How often it lost the compare-and-set.
    pub(super) lost: u32,
    /// The cached state is not to be trusted: read it.
    pub(super) read: bool,
    /// The closed saga whose business key this start takes over.
    pub(super) replaces: Option<SagaId>,
}

impl Group {
    pub(super) const fn new(saga: SagaId, jobs: Vec<Job>) -> Self {
        Self {
            saga,
            jobs,
            lost: 0,
            read: false,
            replaces: None,
        }
    }
}

/// What still has to be done of one batch. A saga may stand in it more than once, but is taken out
/// once at a time.
#[derive(Debug, Default)]
pub(super) struct Pending(VecDeque<Group>);

impl Pending {
    pub(super) fn of(jobs: impl IntoIterator<Item = Job>) -> Self {
        let mut by_saga: BTreeMap<SagaId, Vec<Job>> = BTreeMap::new();
        for job in jobs {
            by_saga.entry(job.saga).or_default().push(job);
        }
        Self(
            by_saga
                .into_iter()
                .map(|(saga, jobs)| Group::new(saga, jobs))
                .collect(),
        )
    }

    /// Whose inputs wait.
    pub(super) fn sagas(&self) -> impl Iterator<Item = SagaId> {
        self.0.iter().map(|group| group.saga)
    }

    pub(super) fn push(&mut self, group: Group) {
        self.0.push_back(group);
    }

    /// The next groups, at most one of each saga; the others stay.
    pub(super) fn take(&mut self) -> BTreeMap<SagaId, Group> {
        let mut taken = BTreeMap::new();
        let mut rest = VecDeque::new();
        for group in self.0.drain(..) {
            match taken.entry(group.saga) {
                std::collections::btree_map::Entry::Vacant(slot) => {
                    slot.insert(group);
                }
                std::collections::btree_map::Entry::Occupied(_) => rest.push_back(group),
            }
        }
        self.0 = rest;
        taken
    }
}
