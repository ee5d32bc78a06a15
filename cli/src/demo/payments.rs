//! `payments.charge`, `payments.refund` and `payments.capture`.

use async_trait::async_trait;
use serde_json::json;
use worker_runtime::ledger::LedgerTransaction;
use worker_runtime::{Answer, Call, TransactionalHandler};

use super::answers::{number, text};
use super::books::Books;
use super::shelf::{Entry, Journal};

/// A flaky customer's bank answers from this attempt on.
const FLAKY_UNTIL_ATTEMPT: u32 = 3;

/// Takes an order's money. A customer whose name starts with `declined` is refused; with one that
/// starts with `flaky`, the first two attempts do not work.
pub(super) struct Charge(pub(super) Books);
pub(super) struct Refund(pub(super) Books);
/// Takes a booking's money; a booking whose id starts with `declined` is refused.
pub(super) struct Capture(pub(super) Books);

#[async_trait]
impl TransactionalHandler for Charge {
    async fn run(&self, call: &Call, transaction: &mut dyn LedgerTransaction) -> Answer {
        charge(&self.0, call, transaction)
            .await
            .unwrap_or_else(|answer| answer)
    }
}

#[async_trait]
impl TransactionalHandler for Refund {
    async fn run(&self, call: &Call, transaction: &mut dyn LedgerTransaction) -> Answer {
        refund(&self.0, call, transaction)
            .await
            .unwrap_or_else(|answer| answer)
    }
}

#[async_trait]
impl TransactionalHandler for Capture {
    async fn run(&self, call: &Call, transaction: &mut dyn LedgerTransaction) -> Answer {
        capture(&self.0, call, transaction)
            .await
            .unwrap_or_else(|answer| answer)
    }
}

async fn charge(
    books: &Books,
    call: &Call,
    transaction: &mut dyn LedgerTransaction,
) -> Result<Answer, Answer> {
    let (customer, amount) = (text(call, "/customer")?, number(call, "/amount")?);
    if customer.starts_with("declined") {
        return Err(Answer::fail(
            "card_declined",
            format!("the card of {customer} was declined"),
        ));
    }
    if customer.starts_with("poison") {
        failpoint::reached("demo.poisoned");
    }
    if customer.starts_with("flaky") && call.attempt < FLAKY_UNTIL_ATTEMPT {
        return Err(Answer::retry(
            "bank_timeout",
            format!("the bank of {customer} is slow"),
        ));
    }
    let reference = &format!("ch-{}", call.saga);
    let (journal, saga) = (Journal::Charges, call.saga);
    let entry = Entry {
        journal,
        saga,
        kind: "charge",
        reference,
        amount,
    };
    books.enter(transaction, entry).await?;
    Ok(Answer::Done(
        json!({ "chargeId": reference, "amount": amount }),
    ))
}

async fn refund(
    books: &Books,
    call: &Call,
    transaction: &mut dyn LedgerTransaction,
) -> Result<Answer, Answer> {
    let (reference, amount) = (text(call, "/chargeId")?, number(call, "/amount")?);
    let (journal, saga) = (Journal::Charges, call.saga);
    let entry = Entry {
        journal,
        saga,
        kind: "refund",
        reference,
        amount,
    };
    books.enter(transaction, entry).await?;
    Ok(Answer::Done(
        json!({ "chargeId": reference, "refunded": amount }),
    ))
}

async fn capture(
    books: &Books,
    call: &Call,
    transaction: &mut dyn LedgerTransaction,
) -> Result<Answer, Answer> {
    let (booking, amount) = (text(call, "/bookingId")?, number(call, "/amount")?);
    if booking.starts_with("declined") {
        return Err(Answer::fail(
            "card_declined",
            format!("the card for {booking} was declined"),
        ));
    }
    let reference = &format!("pay-{}", call.saga);
    let (journal, saga) = (Journal::Charges, call.saga);
    let entry = Entry {
        journal,
        saga,
        kind: "capture",
        reference,
        amount,
    };
    books.enter(transaction, entry).await?;
    Ok(Answer::Done(
        json!({ "paymentId": reference, "amount": amount }),
    ))
}
