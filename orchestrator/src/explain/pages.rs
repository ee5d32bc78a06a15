//! Open sagas page by page, each read and decoded while the one before it is judged.

use std::collections::VecDeque;
use std::sync::Arc;

use saga_core::ids::SagaId;
use saga_core::saga::{Saga, Status};
use tokio_util::task::AbortOnDropHandle;

use crate::store::{PAGE_ROWS_MAX, SagaFilter, StatePage, Store, StoreError};

/// Open sagas that are looked at for one report.
pub const LOOKED_AT_MAX: u32 = 5_000;

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
    left: usize,
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
    /// Begins to read; status and page of the filter do not count.
    pub(super) fn of(store: Arc<dyn Store>, filter: &SagaFilter) -> Self {
        let mut pages = Self {
            store,
            filter: filter.clone(),
            left: LOOKED_AT_MAX as usize,
            complete: true,
            statuses: OPEN.into_iter(),
            reading: VecDeque::new(),
        };
        pages.read_ahead();
        pages
    }

    /// The next page; `None` when there is no more, or enough.
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
        self.complete &= sagas.len() <= self.left;
        sagas.truncate(self.left);
        self.left -= sagas.len();
        if let Some(before) = next {
            self.complete &= self.left > 0;
            if self.left > 0 {
                let reading = self.read(status, Some(before));
                self.reading.push_front(reading);
            }
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
            limit: PAGE_ROWS_MAX,
            ..self.filter.clone()
        };
        let store = Arc::clone(&self.store);
        let page = tokio::spawn(async move { store.list_states(&filter).await });
        let page = AbortOnDropHandle::new(page);
        Reading { status, page }
    }
}
