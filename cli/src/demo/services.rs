//! What the services of the longer examples offer: invoices, accounts, payouts, warehouses.

use worker_runtime::{Operation, OperationSettings, Repeat, Worker};

use super::books::Books;
use super::desks::DeskHandler;
use super::lookups::{LOOKUPS, Lookup};
use super::shelf::Desk;

/// Look-ups of one kind that run in this process at once.
const LOOKUPS_AT_ONCE: u16 = 128;

/// Look-ups that may come in one message: they take no time.
const LOOKUPS_PER_MESSAGE: u16 = 128;

/// One operation and, where there is one, the operation that undoes it.
struct Service {
    action: &'static str,
    /// Where the input says what it is about.
    about: &'static str,
    /// The name of the output's one field, and what its value starts with.
    output: (&'static str, &'static str),
    /// The undo, and where its input says what it is about.
    undo: Option<(&'static str, &'static str)>,
    fault: Fault,
}

/// What makes a service not do what it is asked, by the data.
#[derive(Clone, Copy)]
enum Fault {
    Never,
    /// It refuses when the text at this place starts so, with this code.
    Refuses(&'static str, &'static str, &'static str),
    /// Its first two attempts fail when the text at this place starts so.
    Stumbles(&'static str, &'static str),
}

const SERVICES: [Service; 12] = [
    service("cars.reserve", "/class", ("reservationId", "car"))
        .undone("cars.cancel", "/reservationId")
        .with(Fault::Refuses("/class", "full", "no_cars")),
    service("invoices.draft", "/subscriptionId", ("invoiceId", "inv"))
        .undone("invoices.void", "/invoiceId"),
    service(
        "subscriptions.extend",
        "/subscriptionId",
        ("periodId", "per"),
    )
    .with(Fault::Stumbles("/subscriptionId", "slow")),
    service(
        "accounts.reserve",
        "/applicationId",
        ("accountNumber", "acc"),
    )
    .undone("accounts.release", "/accountNumber"),
    service("accounts.open", "/accountNumber", ("opened", "acc")),
    service("treasury.hold", "/batchId", ("holdId", "hold")).undone("treasury.release", "/holdId"),
    service("payouts.pay", "/iban", ("paymentId", "pay"))
        .undone("payouts.recall", "/paymentId")
        .with(Fault::Refuses("/iban", "closed", "account_closed")),
    service("reports.publish", "/batchId", ("reportId", "rep"))
        .undone("reports.withdraw", "/reportId")
        .with(Fault::Refuses("/batchId", "unprintable", "no_report")),
    service("customs.declare", "/transferId", ("declarationId", "dec"))
        .undone("customs.withdraw", "/declarationId"),
    service("warehouse.pick", "/sku", ("pickId", "pick"))
        .undone("warehouse.putBack", "/pickId")
        .with(Fault::Refuses("/sku", "out-of-stock", "no_goods")),
    service("transport.drive", "/load", ("tripId", "trip"))
        .undone("transport.driveBack", "/tripId"),
    service("warehouse.shelve", "/warehouse", ("place", "shelf"))
        .undone("warehouse.unshelve", "/place"),
];

const fn service(
    action: &'static str,
    about: &'static str,
    output: (&'static str, &'static str),
) -> Service {
    Service {
        action,
        about,
        output,
        undo: None,
        fault: Fault::Never,
    }
}

impl Service {
    const fn undone(self, undo: &'static str, about: &'static str) -> Self {
        Self {
            undo: Some((undo, about)),
            ..self
        }
    }

    const fn with(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }

    fn handler(&self, books: &Books) -> DeskHandler {
        let (refuses, stumbles) = match self.fault {
            Fault::Never => (None, None),
            Fault::Refuses(place, start, code) => (Some((place, start, code)), None),
            Fault::Stumbles(place, start) => (None, Some((place, start))),
        };
        DeskHandler {
            books: books.clone(),
            desk: Desk::Services,
            kind: "do",
            about: self.about,
            output: self.output,
            refuses,
            stumbles,
        }
    }

    fn offer(&self, worker: Worker, books: &Books) -> Worker {
        let worker = worker.action(self.action, outside(self.handler(books)));
        let Some((name, about)) = self.undo else {
            return worker;
        };
        let undo = DeskHandler {
            kind: "undo",
            about,
            output: ("undone", self.output.1),
            refuses: None,
            stumbles: None,
            ..self.handler(books)
        };
        worker.undo(name, outside(undo))
    }
}

/// Adds all of them to a worker, and the look-ups.
pub(super) fn offer(worker: Worker, books: &Books) -> Worker {
    let worker = SERVICES
        .iter()
        .fold(worker, |worker, service| service.offer(worker, books));
    LOOKUPS.iter().fold(worker, |worker, (name, look)| {
        worker.action(name, look_up(Lookup(*look)))
    })
}

/// Answers that are there at once: many run side by side.
fn look_up(handler: Lookup) -> Operation {
    let settings = OperationSettings {
        concurrency: LOOKUPS_AT_ONCE,
        backlog: LOOKUPS_AT_ONCE,
        per_message: LOOKUPS_PER_MESSAGE,
        ..OperationSettings::default()
    };
    Operation::without_effect(handler, settings)
}

/// All of them honour the idempotency key: repeating is safe.
fn outside(handler: impl worker_runtime::Handler + 'static) -> Operation {
    let settings = OperationSettings {
        repeat: Repeat::Safe,
        ..OperationSettings::default()
    };
    Operation::outside(handler, settings)
}
