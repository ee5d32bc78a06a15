//! The demo's worker: every operation of the sagas that ship as examples.

use std::sync::Arc;

use broker::broker::Broker;
use broker::topology::Topology;
use worker_runtime::ledger::Ledger;
use worker_runtime::{Operation, OperationSettings, Repeat, TransactionalHandler, Worker};

use super::books::Books;
use super::desks::DeskHandler;
use super::shelf::Desk;
use super::{orders, payments, services, stock};

/// A worker that serves every operation of the sagas that ship, in `sagas/`.
///
/// Faults are driven by the data. Customers: `declined…` has no cover, `flaky…` is charged at the
/// third attempt, `unreachable…` cannot be delivered to. Products: `out-of-stock`. Flights and
/// hotels: `full…`. Bookings: `declined…`. What makes the other services fail is said in
/// `services.rs` and `lookups.rs`.
#[must_use]
pub fn demo_worker(
    name: &str,
    broker: Arc<dyn Broker>,
    topology: Topology,
    ledger: Arc<dyn Ledger>,
    books: &Books,
) -> Worker {
    let worker = Worker::new(name, broker, topology, ledger);
    services::offer(bookings(shop(worker, books), books), books)
}

fn shop(worker: Worker, books: &Books) -> Worker {
    let (notifications, deliveries) = (Desk::Notifications, Desk::Deliveries);
    worker
        .action("orders.place", transactional(orders::Place(books.clone())))
        .undo(
            "orders.cancel",
            transactional(orders::Cancel(books.clone())),
        )
        .action(
            "payments.charge",
            transactional(payments::Charge(books.clone())),
        )
        .undo(
            "payments.refund",
            transactional(payments::Refund(books.clone())),
        )
        .action(
            "stock.reserve",
            transactional(stock::Reserve(books.clone())),
        )
        .undo(
            "stock.release",
            transactional(stock::Release(books.clone())),
        )
        .action(
            "notifications.send",
            desk(
                books,
                notifications,
                "send",
                "/orderId",
                ("messageId", "msg"),
                None,
            ),
        )
        .undo(
            "notifications.cancel",
            desk(
                books,
                notifications,
                "cancel",
                "/orderId",
                ("cancelled", "msg"),
                None,
            ),
        )
        .action(
            "delivery.schedule",
            desk(
                books,
                deliveries,
                "schedule",
                "/orderId",
                ("trackingId", "trk"),
                Some(("/customer", "unreachable", "unreachable")),
            ),
        )
        .undo(
            "delivery.cancel",
            desk(
                books,
                deliveries,
                "cancel",
                "/orderId",
                ("cancelled", "trk"),
                None,
            ),
        )
}

fn bookings(worker: Worker, books: &Books) -> Worker {
    let desk =
        |kind, about, output, refuses| desk(books, Desk::Bookings, kind, about, output, refuses);
    let (full_flight, full_hotel) = (
        ("/flight/number", "full", "no_seats"),
        ("/hotel/name", "full", "no_rooms"),
    );
    worker
        .action(
            "flights.reserve",
            desk(
                "flight",
                "/flight/number",
                ("reservationId", "fl"),
                Some(full_flight),
            ),
        )
        .undo(
            "flights.cancel",
            desk("cancel_flight", "/reservationId", ("cancelled", "fl"), None),
        )
        .action(
            "flights.ticket",
            desk("ticket", "/reservationId", ("ticketNumber", "tk"), None),
        )
        .action(
            "hotels.reserve",
            desk(
                "hotel",
                "/hotel/name",
                ("reservationId", "ho"),
                Some(full_hotel),
            ),
        )
        .undo(
            "hotels.cancel",
            desk("cancel_hotel", "/reservationId", ("cancelled", "ho"), None),
        )
        .action(
            "payments.capture",
            transactional(payments::Capture(books.clone())),
        )
        .action("notifications.confirm", confirm(books))
}

fn confirm(books: &Books) -> Operation {
    desk(
        books,
        Desk::Notifications,
        "confirm",
        "/to",
        ("messageId", "msg"),
        None,
    )
}

fn transactional(handler: impl TransactionalHandler + 'static) -> Operation {
    Operation::transactional(handler, OperationSettings::default())
}

/// An operation outside; the desks honour the key, so repeating is safe.
fn desk(
    books: &Books,
    desk: Desk,
    kind: &'static str,
    about: &'static str,
    output: (&'static str, &'static str),
    refuses: Option<(&'static str, &'static str, &'static str)>,
) -> Operation {
    let handler = DeskHandler {
        books: books.clone(),
        desk,
        kind,
        about,
        output,
        refuses,
        stumbles: None,
    };
    let settings = OperationSettings {
        repeat: Repeat::Safe,
        ..OperationSettings::default()
    };
    Operation::outside(handler, settings)
}
