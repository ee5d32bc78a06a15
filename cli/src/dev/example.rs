//! The example sagas of `amends dev --demo`, and how each should end.

use saga_core::saga::Status;
use serde_json::{Value, json};

/// One saga to start.
pub(super) struct Example {
    /// What is to be seen.
    pub(super) about: &'static str,
    pub(super) definition: &'static str,
    pub(super) input: Value,
    pub(super) told: Option<Told>,
    pub(super) end: Status,
}

/// A signal that somebody sends to it.
pub(super) struct Told {
    pub(super) signal: &'static str,
    pub(super) payload: Value,
}

/// All of them, in the order in which they are shown.
pub(super) fn examples() -> Vec<Example> {
    let mut all = orders();
    all.extend(bookings());
    all.extend(renewals());
    all.extend(accounts());
    all.extend(payouts());
    all.extend(transfers());
    all
}

fn completes(about: &'static str, definition: &'static str, input: Value) -> Example {
    Example {
        about,
        definition,
        input,
        told: None,
        end: Status::Completed,
    }
}

fn compensates(about: &'static str, definition: &'static str, input: Value) -> Example {
    Example {
        end: Status::Compensated,
        ..completes(about, definition, input)
    }
}

fn told(signal: &'static str, payload: Value, example: Example) -> Example {
    let told = Some(Told { signal, payload });
    Example { told, ..example }
}

/// A business key that no run before has used.
fn fresh(kind: &str) -> String {
    let random = uuid::Uuid::now_v7().simple().to_string();
    format!("{kind}-{}", &random[random.len() - 8..])
}

fn orders() -> Vec<Example> {
    let order = |customer: &str, sku: &str| {
        json!({
            "orderId": fresh("o"),
            "customer": customer,
            "amount": 4200,
            "items": [{ "sku": sku, "quantity": 1 }],
        })
    };
    vec![
        completes(
            "An order for which everything goes well.",
            "order",
            order("ada", "book"),
        ),
        compensates(
            "The product is out of stock: the charge is refunded, the order cancelled.",
            "order",
            order("grace", "out-of-stock"),
        ),
        completes(
            "The payment service is flaky: two attempts fail, the third succeeds.",
            "order",
            order("flaky", "book"),
        ),
        compensates(
            "Nobody can deliver: everything before that is undone, newest first.",
            "order",
            order("unreachable", "book"),
        ),
    ]
}

fn bookings() -> Vec<Example> {
    let booking = |hotel: &str| {
        json!({
            "bookingId": fresh("b"),
            "traveller": { "name": "Ada", "email": "ada@example.com" },
            "flight": { "number": "LH454", "date": "2027-05-01" },
            "hotel": { "name": hotel, "nights": 3 },
            "car": { "class": "small" },
            "price": 89_000,
        })
    };
    vec![
        completes(
            "A trip: flight, hotel and car at once, then the payment as point of no return.",
            "flight-booking",
            booking("Grand"),
        ),
        compensates(
            "The hotel is full: whatever was held meanwhile is given back.",
            "flight-booking",
            booking("full house"),
        ),
    ]
}

fn renewals() -> Vec<Example> {
    let renewal = |subscription: &str, customer: &str, plan: &str| {
        json!({
            "subscriptionId": fresh(subscription),
            "period": "2027-05",
            "customer": customer,
            "email": "ada@example.com",
            "plan": plan,
        })
    };
    vec![
        completes(
            "No quote, so the price list has to do. The charge is the point of no return:\n\
             what follows is tried again until it succeeds.",
            "subscription-renewal",
            renewal("slow", "ada", "unquoted-gold"),
        ),
        compensates(
            "The card is declined: the point of no return is not passed, the invoice void.",
            "subscription-renewal",
            renewal("s", "declined", "gold"),
        ),
    ]
}

fn accounts() -> Vec<Example> {
    let application = |name: &str| {
        json!({
            "applicationId": fresh("a"),
            "applicant": { "name": name, "email": "ada@example.com" },
            "coolingOff": "400ms",
        })
    };
    let review = |approved: bool| json!({ "approved": approved, "by": "Grace" });
    vec![
        told(
            "reviewed",
            review(true),
            completes(
                "An account: a person approves it, and the cooling-off time passes.",
                "account-opening",
                application("Ada"),
            ),
        ),
        told(
            "reviewed",
            review(false),
            compensates(
                "The person says no: the account number is released.",
                "account-opening",
                application("Bob"),
            ),
        ),
    ]
}

fn payouts() -> Vec<Example> {
    let batch = |last: &str| {
        let payees: Vec<Value> = ["DE01", "DE02", "DE03", "DE04", last]
            .iter()
            .map(|iban| json!({ "iban": iban, "amount": 100 }))
            .collect();
        json!({ "batchId": fresh("p"), "total": 500, "currency": "USD", "payees": payees })
    };
    vec![
        completes(
            "Five payments, three at a time.",
            "bulk-payout",
            batch("DE05"),
        ),
        compensates(
            "The fifth account is closed: the payments made are recalled, the last one first.",
            "bulk-payout",
            batch("closed"),
        ),
    ]
}

fn transfers() -> Vec<Example> {
    let transfer = |to: &str| {
        json!({
            "transferId": fresh("t"),
            "from": "north",
            "to": to,
            "sku": "lamp",
            "quantity": 12,
        })
    };
    vec![
        completes(
            "Goods move to another warehouse; the move is a saga of its own.",
            "warehouse-transfer",
            transfer("south"),
        ),
        compensates(
            "A piece is missing on arrival: the move is undone as a whole, then the papers.",
            "warehouse-transfer",
            transfer("short"),
        ),
    ]
}
