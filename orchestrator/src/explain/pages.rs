//! Open sagas page by page, each read and decoded while the one before it is judged.

use std::collections::VecDeque;
use std::sync::Arc;

use saga_core::ids::SagaId;
use saga_core::saga::{Saga, Status};
use tokio_util::task::AbortOnDropHandle;

use crate::store::{PAGE_ROWS_MAX, SagaFilter, StatePage, Store, StoreError};

/// The open statuses, in the order of how likely such a saga is stuck.
const OPEN: [Status; 4] = [
    Status::CompensationFailed,
    Status::Paused,
    Status::Compensating,
    Status::Running,
];

/// Pages that are read at once, each by a session of its own.
const READ_AT_ONCE: usize = 2;

/// The open sagas that a filter lets through, as far as one report looks.
pub(super) struct Pages {
    store: Arc<dyn Store>,
    filter: SagaFilter,
    /// Those that may still be handed out.
    left: u32,
    complete: bool,
    /// Statuses of which nothing has been read yet.
    statuses: std::array::IntoIter<Status, 4>,
    /// In the order in which they are handed out.
    reading: VecDeque<Reading>,
}

/// A page that another task reads.
struct Reading {
    status: Status,
    page: AbortOnDropHandle<Result<StatePage, StoreError>>,
}

impl Pages {
    /// Begins to read, `most` sagas in all; status and page of the filter do not count.
    pub(super) fn of(store: Arc<dyn Store>, filter: &SagaFilter, most: u32) -> Self {
        let mut pages = Self {
            store,
            filter: filter.clone(),
            left: most,
            complete: true,
            statuses: OPEN.into_iter(),
            reading: VecDeque::new(),
        };
        pages.read_ahead();
        pages
    }

    /// The next page, empty where a status has none or those before it were enough; `None` after the
    /// last.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Saga>>, StoreError> {
        let Some(Reading { status, page }) = self.reading.pop_front() else {
            return Ok(None);
        };
        let read = page.await.map_err(|ended| StoreError::Unavailable {
            operation: "list sagas",
            source: ended.into(),
        });
        let StatePage { mut sagas, next } = read??;
        let enough = usize::try_from(self.left).unwrap_or(usize::MAX);
        self.complete &= sagas.len() <= enough;
        sagas.truncate(enough);
        self.left -= u32::try_from(sagas.len()).unwrap_or(self.left);
        match next {
            Some(before) if self.left > 0 => {
                let reading = self.read(status, Some(before));
                self.reading.push_front(reading);
            }
            Some(_) => self.complete = false,
            None => {}
        }
        self.read_ahead();
        Ok(Some(sagas))
    }

    /// Whether every open saga that the filter lets through has been handed out, once there are no
    /// more pages.
    pub(super) const fn is_complete(&self) -> bool {
        self.complete
    }

    fn read_ahead(&mut self) {
        while self.reading.len() < READ_AT_ONCE
            && let Some(status) = self.statuses.next()
        {
            let reading = self.read(status, None);
            self.reading.push_back(reading);
        }
    }

    fn read(&self, status: Status, before: Option<SagaId>) -> Reading {
        let filter = SagaFilter {
            statuses: vec![status],
            before,
            // When there are enough, one row tells that there would be more.
            limit: self.left.clamp(1, PAGE_ROWS_MAX),
            ..self.filter.clone()
        };
        let store = Arc::clone(&self.store);
        let page = tokio::spawn(async move { store.list_states(&filter).await });
        let page = AbortOnDropHandle::new(page);
        Reading { status, page }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use saga_core::definition::DefinitionRef;
    use saga_core::event::{Event, EventKind, PauseCause};
    use saga_core::operator::By;
    use saga_core::time::Timestamp;
    use semver::Version;
    use uuid::Uuid;

    use super::*;
    use crate::store::{Batch, MemoryStore, Transition};

    /// More than a page of them.
    const RUNNING: usize = PAGE_ROWS_MAX as usize + 200;
    const PAUSED: usize = 3;

    async fn store() -> Arc<dyn Store> {
        let store = MemoryStore::new(Uuid::nil(), Timestamp::from_micros(1_700_000_000_000_000));
        let definition = DefinitionRef {
            name: "order".into(),
            version: Version::new(1, 0, 0),
        };
        let by = By {
            who: "ada".to_owned(),
            reason: "a look".to_owned(),
        };
        let transitions = (0..RUNNING + PAUSED).map(|number| {
            let mut saga = Saga::new(store.new_saga_id(), definition.clone());
            saga.version = 1;
            saga.started_at = store.now();
            saga.lifetime_ends = saga.started_at.after(Duration::from_hours(24));
            // Among the others, so that their ids do not tell them apart.
            if number % 401 == 1 {
                saga.pause = Some(PauseCause::Operator(by.clone()));
            }
            let kind = EventKind::SagaStarted {
                definition: definition.clone(),
                key: None,
                labels: BTreeMap::new(),
                deadline: None,
                lifetime_ends: saga.lifetime_ends,
                parent: None,
            };
            let (seq, at) = (1, saga.started_at);
            Transition {
                saga: Arc::new(saga),
                expected: 0,
                events: vec![Event { seq, at, kind }],
                values: Vec::new(),
                outbox: Vec::new(),
                wake_at: None,
                start_key: None,
                replaces: None,
                good: Vec::new(),
            }
        });
        let batch = Batch {
            transitions: transitions.collect(),
            ..Batch::default()
        };
        store.commit(&batch).await.unwrap();
        Arc::new(store)
    }

    /// The sizes of the pages that are not empty, and whether they are all there is.
    async fn sizes(most: u32) -> (Vec<usize>, bool) {
        let mut pages = Pages::of(store().await, &SagaFilter::default(), most);
        let (mut sizes, mut seen) = (Vec::new(), BTreeSet::new());
        while let Some(sagas) = pages.next().await.unwrap() {
            assert!(sagas.is_sorted_by(|one, next| one.id > next.id));
            sizes.extend(Some(sagas.len()).filter(|size| *size > 0));
            for saga in sagas {
                let paused_first = seen.len() < PAUSED;
                assert_eq!(saga.status() == Status::Paused, paused_first);
                assert!(seen.insert(saga.id), "handed out twice");
            }
        }
        (sizes, pages.is_complete())
    }

    #[tokio::test]
    async fn all_are_handed_out_once_those_that_rest_first() {
        let all = u32::try_from(RUNNING + PAUSED).unwrap();
        assert_eq!(sizes(all + 1).await, (vec![3, 1_000, 200], true));
        assert_eq!(sizes(all).await, (vec![3, 1_000, 200], true));
    }

    #[tokio::test]
    async fn what_is_left_out_is_noticed() {
        let all = u32::try_from(RUNNING + PAUSED).unwrap();
        assert_eq!(sizes(all - 1).await, (vec![3, 1_000, 199], false));
        assert_eq!(sizes(PAGE_ROWS_MAX).await, (vec![3, 997], false));
        assert_eq!(sizes(3).await, (vec![3], false));
        assert_eq!(sizes(2).await, (vec![2], false));
    }
}
