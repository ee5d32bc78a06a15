//! `orders.place` and `orders.cancel`.

use async_trait::async_trait;
use serde_json::json;
use worker_runtime::ledger::LedgerTransaction;
use worker_runtime::{Answer, Call, TransactionalHandler};

use super::answers::{items, text};
use super::books::Books;
use super::shelf::{Entry, Journal};

pub(super) struct Place(pub(super) Books);
pub(super) struct Cancel(pub(super) Books);

#[async_trait]
impl TransactionalHandler for Place {
    async fn run(&self, call: &Call, transaction: &mut dyn LedgerTransaction) -> Answer {
        place(&self.0, call, transaction)
            .await
            .unwrap_or_else(|answer| answer)
    }
}

#[async_trait]
impl TransactionalHandler for Cancel {
    async fn run(&self, call: &Call, transaction: &mut dyn LedgerTransaction) -> Answer {
        cancel(&self.0, call, transaction)
            .await
            .unwrap_or_else(|answer| answer)
    }
}

async fn place(
    books: &Books,
    call: &Call,
    transaction: &mut dyn LedgerTransaction,
) -> Result<Answer, Answer> {
    let (reference, pieces) = (
        text(call, "/orderId")?,
        items(call)?.iter().map(|it| it.1).sum(),
    );
    let (journal, saga) = (Journal::Orders, call.saga);
    let entry = Entry {
        journal,
        saga,
        kind: "place",
        reference,
        amount: pieces,
    };
    books.enter(transaction, entry).await?;
    Ok(Answer::Done(
        json!({ "orderId": reference, "pieces": pieces }),
    ))
}

async fn cancel(
    books: &Books,
    call: &Call,
    transaction: &mut dyn LedgerTransaction,
) -> Result<Answer, Answer> {
    let (journal, saga) = (Journal::Orders, call.saga);
    let reference = text(call, "/orderId")?;
    let entry = Entry {
        journal,
        saga,
        kind: "cancel",
        reference,
        amount: 0,
    };
    books.enter(transaction, entry).await?;
    Ok(Answer::Done(json!({ "orderId": reference })))
}
