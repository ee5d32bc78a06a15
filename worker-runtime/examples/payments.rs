//! A worker that charges cards: the charge is a call to the outside, the book entry is not.

use std::sync::Arc;

use async_trait::async_trait;
use broker::rabbit::{Rabbit, RabbitSettings};
use broker::topology::Topology;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use worker_runtime::ledger::{LedgerTransaction, PostgresLedger, PostgresSettings, migrate};
use worker_runtime::{
    Answer, Call, Handler, Operation, OperationSettings, TransactionalHandler, Worker,
};

/// Calls the payment provider with the key that every attempt has.
struct Charge;

#[async_trait]
impl Handler for Charge {
    async fn run(&self, call: &Call) -> Answer {
        Answer::Done(json!({ "chargeId": call.idempotency_key }))
    }
}

/// Books a refund; the row commits together with its ledger row.
struct Refund;

#[async_trait]
impl TransactionalHandler for Refund {
    async fn run(&self, call: &Call, transaction: &mut dyn LedgerTransaction) -> Answer {
        let client = transaction.postgres().expect("a ledger in PostgreSQL");
        match client
            .execute("INSERT INTO refunds VALUES ($1)", &[&call.saga.0])
            .await
        {
            Ok(_one) => Answer::Done(json!({})),
            Err(error) => Answer::retry("database", error.to_string()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = PostgresSettings::new("postgres://localhost/payments");
    migrate(&database).await?;
    let topology = Topology::new(Topology::DEFAULT_PREFIX);
    let rabbit = RabbitSettings::new(vec!["amqp://localhost".to_owned()], topology.clone());
    let broker = Rabbit::connect(rabbit).await?;
    let ledger = Arc::new(PostgresLedger::new(&database)?);
    let limits = OperationSettings::default();
    let shutdown = CancellationToken::new();
    let guard = shutdown.clone().drop_guard();
    tokio::spawn(async move { tokio::signal::ctrl_c().await.map(|()| drop(guard)) });
    Ok(Worker::new("payments", Arc::new(broker), topology, ledger)
        .action("payments.charge", Operation::outside(Charge, limits))
        .undo("payments.refund", Operation::transactional(Refund, limits))
        .run(shutdown)
        .await?)
}
