//! The sagas that filters name, page by page.

use std::collections::VecDeque;
use std::time::Duration;

use orchestrator::http::{PageView, SagaView};
use saga_core::saga::Status;
use tokio::time::Instant;

use crate::client::{Client, encode_query};
use crate::failure::Failure;
use crate::filter_args::Query;

/// Rows of a page.
const PAGE_ROWS: usize = 1_000;

/// One saga that something is to be done to, or one piece of its step.
#[derive(Debug, Clone)]
pub struct Item {
    /// The saga.
    pub id: String,
    /// What it runs, as name and version.
    pub definition: String,
    /// Where it stood when it was found.
    pub status: Status,
    /// The piece of the step that is meant, for a verb about pieces, such as `pay[3]`.
    pub piece: Option<String>,
}

/// Sagas that fit, newest first, up to a limit. Pages are fetched when they are needed.
#[derive(Debug)]
pub struct Selection<'a> {
    client: &'a Client,
    query: Query,
    /// A saga is one item for each piece of the step that the filters name.
    of_pieces: bool,
    found: VecDeque<Item>,
    place: Place,
    left: usize,
    /// Some that fit were beyond the limit.
    cut: bool,
}

/// Where the next page begins.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    First,
    After(String),
    /// There is none.
    Last,
}

impl<'a> Selection<'a> {
    /// Nothing is asked yet. With `of_pieces` a saga is found once for each piece that fits.
    #[must_use]
    pub fn new(client: &'a Client, query: Query, of_pieces: bool, limit: usize) -> Self {
        Self {
            client,
            query,
            of_pieces,
            found: VecDeque::new(),
            place: Place::First,
            left: limit,
            cut: false,
        }
    }

    /// Looks ahead until everything is found or this has passed. What is found stays for
    /// [`next`](Self::next).
    ///
    /// # Errors
    /// When the orchestrator does not answer, or does not understand the filters.
    pub async fn look_ahead(&mut self, limit: Duration) -> Result<(), Failure> {
        let until = Instant::now() + limit;
        while !self.is_complete() && Instant::now() < until {
            self.fetch().await?;
        }
        Ok(())
    }

    /// How many are found and not taken yet.
    #[must_use]
    pub fn ahead(&self) -> usize {
        self.found.len()
    }

    /// Nothing more will be found.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.left == 0 || self.place == Place::Last
    }

    /// There may be more that fit, beyond the limit.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.cut || (self.left == 0 && self.place != Place::Last)
    }

    /// The next one.
    ///
    /// # Errors
    /// As for [`look_ahead`](Self::look_ahead).
    pub async fn next(&mut self) -> Result<Option<Item>, Failure> {
        while self.found.is_empty() && !self.is_complete() {
            self.fetch().await?;
        }
        Ok(self.found.pop_front())
    }

    async fn fetch(&mut self) -> Result<(), Failure> {
        let mut query = self.query.clone();
        query.push(("limit", PAGE_ROWS.to_string()));
        match &self.place {
            Place::First => {}
            Place::After(cursor) => query.push(("cursor", cursor.clone())),
            Place::Last => return Ok(()),
        }
        let path = format!("/v1/sagas?{}", encode_query(&query));
        let page: PageView = self.client.get(&path).await?;
        self.place = page.next_cursor.map_or(Place::Last, Place::After);
        let of_pieces = self.of_pieces;
        let sagas = page.sagas.into_iter();
        let mut items = sagas.flat_map(|saga| items(saga, of_pieces)).peekable();
        while self.left > 0
            && let Some(item) = items.next()
        {
            self.left -= 1;
            self.found.push_back(item);
        }
        self.cut |= items.peek().is_some();
        Ok(())
    }
}

/// A saga, or one item for each of its pieces that fit.
fn items(saga: SagaView, of_pieces: bool) -> Vec<Item> {
    let item = Item {
        definition: format!("{} {}", saga.definition, saga.version),
        id: saga.id,
        status: saga.status,
        piece: None,
    };
    if saga.at.is_empty() || !of_pieces {
        return vec![item];
    }
    let pieces = saga.at.into_iter().map(|piece| Item {
        piece: Some(piece),
        ..item.clone()
    });
    pieces.collect()
}
