//! The books in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use saga_core::ids::SagaId;

/// A book whose rows commit together with the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Journal {
    Orders,
    Charges,
    Stock,
}

impl Journal {
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Orders => "demo_orders",
            Self::Charges => "demo_charges",
            Self::Stock => "demo_stock_movements",
        }
    }
}

/// A service outside, which keeps its own records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Desk {
    Notifications,
    Deliveries,
    Bookings,
    Services,
}

impl Desk {
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Notifications => "demo_notifications",
            Self::Deliveries => "demo_deliveries",
            Self::Bookings => "demo_bookings",
            Self::Services => "demo_services",
        }
    }
}

/// One row of a journal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) journal: Journal,
    pub(super) saga: SagaId,
    pub(super) kind: &'static str,
    pub(super) reference: &'a str,
    pub(super) amount: i64,
}

/// The kind of a desk's record that says that its key will never be acted on.
pub(super) const VOID: &str = "void";

/// The books of a process without a database. Clones are the same books.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
pub(super) struct Pages {
    next: u64,
    /// Journal, kind and amount of each entry.
    entries: BTreeMap<u64, (Journal, &'static str, i64)>,
    on_hand: BTreeMap<String, i64>,
    /// The kind of each desk's records, by key.
    records: BTreeMap<(Desk, String), &'static str>,
}

impl Shelf {
    pub(super) fn new() -> Self {
        let shelf = Self::default();
        shelf.pages().on_hand.insert("out-of-stock".to_owned(), 0);
        shelf
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // Every change is complete when the guard is dropped, panic or not.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry and says how to take it out again.
    pub(super) fn enter(&self, entry: Entry<'_>) -> impl FnOnce() + Send + 'static {
        let mut pages = self.pages();
        pages.next += 1;
        let number = pages.next;
        pages
            .entries
            .insert(number, (entry.journal, entry.kind, entry.amount));
        let shelf = self.clone();
        move || {
            shelf.pages().entries.remove(&number);
        }
    }

    /// Changes what is on hand of a product that there are only so many of; `None` when that would
    /// leave less than nothing.
    pub(super) fn move_stock(
        &self,
        sku: &str,
        change: i64,
    ) -> Option<impl FnOnce() + Send + 'static> {
        let mut pages = self.pages();
        if let Some(on_hand) = pages.on_hand.get_mut(sku) {
            if *on_hand + change < 0 {
                return None;
            }
            *on_hand += change;
        }
        let (shelf, sku) = (self.clone(), sku.to_owned());
        Some(move || {
            if let Some(on_hand) = shelf.pages().on_hand.get_mut(&sku) {
                *on_hand -= change;
            }
        })
    }

    /// Records an act of a desk under its key, unless there is a record; which one there is.
    pub(super) fn record(&self, desk: Desk, key: &str, kind: &'static str) -> &'static str {
        self.pages()
            .records
            .entry((desk, key.to_owned()))
            .or_insert(kind)
    }

    /// How many entries of these kinds there are, and their sum.
    pub(super) fn sum(&self, journal: Journal, kind: &str) -> (i64, i64) {
        let pages = self.pages();
        let found = pages
            .entries
            .values()
            .filter(|it| it.0 == journal && it.1 == kind);
        found.fold((0, 0), |(count, sum), (.., amount)| {
            (count + 1, sum + amount)
        })
    }

    /// How many records of this kind a desk has.
    pub(super) fn records(&self, desk: Desk, kind: &str) -> i64 {
        let pages = self.pages();
        let found = pages
            .records
            .iter()
            .filter(|(key, of)| key.0 == desk && **of == kind);
        i64::try_from(found.count()).unwrap_or(i64::MAX)
    }
}
