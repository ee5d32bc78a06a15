//! `stock.reserve` and `stock.release`.

use async_trait::async_trait;
use serde_json::json;
use worker_runtime::ledger::LedgerTransaction;
use worker_runtime::{Answer, Call, TransactionalHandler};

use super::answers::items;
use super::books::Books;
use super::shelf::{Entry, Journal};

/// Takes products out of stock. There is nothing of the product `out-of-stock`, and only so much
/// of what is listed in `demo_stock`.
pub(super) struct Reserve(pub(super) Books);
pub(super) struct Release(pub(super) Books);

#[async_trait]
impl TransactionalHandler for Reserve {
    async fn run(&self, call: &Call, transaction: &mut dyn LedgerTransaction) -> Answer {
        reserve(&self.0, call, transaction)
            .await
            .unwrap_or_else(|answer| answer)
    }
}

#[async_trait]
impl TransactionalHandler for Release {
    async fn run(&self, call: &Call, transaction: &mut dyn LedgerTransaction) -> Answer {
        release(&self.0, call, transaction)
            .await
            .unwrap_or_else(|answer| answer)
    }
}

async fn reserve(
    books: &Books,
    call: &Call,
    transaction: &mut dyn LedgerTransaction,
) -> Result<Answer, Answer> {
    let mut pieces = 0;
    for (sku, quantity) in in_order(call)? {
        if !books.move_stock(transaction, sku, -quantity).await? {
            let message = format!("there are no {quantity} pieces of {sku}");
            return Err(Answer::fail("out_of_stock", message));
        }
        let (journal, saga, reference) = (Journal::Stock, call.saga, sku);
        let entry = Entry {
            journal,
            saga,
            kind: "take",
            reference,
            amount: quantity,
        };
        books.enter(transaction, entry).await?;
        pieces += quantity;
    }
    Ok(Answer::Done(
        json!({ "reservationId": format!("st-{}", call.saga), "pieces": pieces }),
    ))
}

async fn release(
    books: &Books,
    call: &Call,
    transaction: &mut dyn LedgerTransaction,
) -> Result<Answer, Answer> {
    let mut pieces = 0;
    for (sku, quantity) in in_order(call)? {
        books.move_stock(transaction, sku, quantity).await?;
        let (journal, saga, reference) = (Journal::Stock, call.saga, sku);
        let entry = Entry {
            journal,
            saga,
            kind: "release",
            reference,
            amount: quantity,
        };
        books.enter(transaction, entry).await?;
        pieces += quantity;
    }
    Ok(Answer::Done(json!({ "released": pieces })))
}

/// The items by product: two orders that take the same products in the same order cannot block
/// each other.
fn in_order(call: &Call) -> Result<Vec<(&str, i64)>, Answer> {
    let mut items = items(call)?;
    items.sort_unstable();
    Ok(items)
}
