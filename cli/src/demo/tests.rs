//! The demo's worker on the embedded engine: what it does, and what its books say of it.

use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, Consumer};
use broker::envelope::{command, replies};
use broker::memory::{MemoryBroker, MemorySettings};
use broker::receipt::Durable;
use broker::topology::Topology;
use saga_core::decision::{Command, Undoes};
use saga_core::definition::DefinitionRef;
use saga_core::ids::{Op, SagaId, StepKey, StepName};
use saga_core::input::ReplyOutcome;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use worker_runtime::ledger::MemoryLedger;

use super::books::{Balance, Books};
use super::worker::demo_worker;

struct Read;

impl Durable for Read {}

struct Shop {
    broker: Arc<MemoryBroker>,
    topology: Topology,
    replies: Consumer,
    books: Books,
    saga: SagaId,
    seq: u64,
    _shutdown: tokio_util::sync::DropGuard,
}

impl Shop {
    async fn open() -> Self {
        let topology = Topology::new("test");
        let broker = Arc::new(MemoryBroker::new(MemorySettings::new(topology.clone())));
        broker.declare_base().await.unwrap();
        let replies = broker
            .consume(&topology.replies_queue(), 100)
            .await
            .unwrap();
        let (books, shutdown) = (Books::in_memory(), CancellationToken::new());
        let ledger = Arc::new(MemoryLedger::default());
        let worker = demo_worker("demo", broker.clone(), topology.clone(), ledger, &books);
        tokio::spawn(worker.run(shutdown.clone()));
        let saga = SagaId("01990000-0000-7000-8000-000000000001".parse().unwrap());
        let _shutdown = shutdown.drop_guard();
        Self {
            broker,
            topology,
            replies,
            books,
            saga,
            seq: 0,
            _shutdown,
        }
    }

    async fn ask(&mut self, action: &str, op: Op, attempt: u32, input: &Value) -> ReplyOutcome {
        self.seq += 1;
        let command = Command {
            seq: self.seq,
            op,
            key: StepKey::whole(StepName::new(action.split('.').next().unwrap())),
            round: 0,
            attempt,
            action: action.parse().unwrap(),
            input: input.clone(),
            undoes: (op == Op::Compensate).then(|| Undoes {
                round: 0,
                input: input.clone(),
                output: Arc::new(json!({})),
            }),
            start_to_close: None,
            heartbeat: None,
            deadline: None,
            rung: None,
            shares: false,
            priority: None,
        };
        let definition = DefinitionRef {
            name: "order".into(),
            version: "1.0.0".parse().unwrap(),
        };
        let message = command::encode(
            &self.topology,
            &self.topology.replies_queue(),
            self.saga,
            &definition,
            &command,
        );
        self.broker
            .declare_steps(&[(command.action.clone(), op)])
            .await
            .unwrap();
        assert_eq!(self.broker.publish(vec![message]).await.len(), 1);
        let reply = timeout(Duration::from_secs(20), self.replies.next())
            .await
            .unwrap()
            .unwrap();
        let mut items = replies::decode(&reply.message).unwrap();
        reply.receipt.ack(&Read);
        items.remove(0).unwrap().reply.outcome
    }

    async fn does(&mut self, action: &str, op: Op, input: &Value) {
        let outcome = self.ask(action, op, 1, input).await;
        assert!(
            matches!(outcome, ReplyOutcome::Done(_)),
            "{action}: {outcome:?}"
        );
    }
}

fn order(customer: &str, sku: &str) -> Value {
    let items = json!([{ "sku": sku, "quantity": 2 }]);
    json!({ "orderId": "o-1", "customer": customer, "amount": 500, "chargeId": "ch-1",
            "items": items })
}

#[tokio::test]
async fn an_order_that_is_undone_leaves_balanced_books() {
    let mut shop = Shop::open().await;
    let order = order("ada", "lamp");
    let forward = [
        "orders.place",
        "payments.charge",
        "stock.reserve",
        "notifications.send",
        "delivery.schedule",
    ];
    for action in forward {
        shop.does(action, Op::Action, &order).await;
        shop.does(action, Op::Action, &order).await;
    }
    let done = shop.books.balance().await.unwrap();
    let expected = Balance {
        orders: 1,
        charges: 1,
        cents: 500,
        pieces: 2,
        notifications: 1,
        deliveries: 1,
        ..Balance::default()
    };
    assert_eq!(done, expected);
    let back = [
        "delivery.cancel",
        "notifications.cancel",
        "stock.release",
        "payments.refund",
        "orders.cancel",
    ];
    for undo in back {
        shop.does(undo, Op::Compensate, &order).await;
        shop.does(undo, Op::Compensate, &order).await;
    }
    assert_eq!(shop.books.balance().await.unwrap(), Balance::default());
}

#[tokio::test]
async fn faults_follow_the_data() {
    let mut shop = Shop::open().await;
    let refused = [
        (
            "payments.charge",
            order("declined-1", "lamp"),
            "card_declined",
        ),
        (
            "stock.reserve",
            order("ada", "out-of-stock"),
            "out_of_stock",
        ),
        (
            "delivery.schedule",
            order("unreachable-1", "lamp"),
            "unreachable",
        ),
    ];
    for (action, input, code) in refused {
        let outcome = shop.ask(action, Op::Action, 1, &input).await;
        assert!(
            matches!(&outcome, ReplyOutcome::Fail(it) if it.code == code),
            "{outcome:?}"
        );
    }
    assert_eq!(shop.books.balance().await.unwrap(), Balance::default());
}

#[tokio::test]
async fn a_flaky_customer_is_charged_at_the_third_attempt() {
    let mut shop = Shop::open().await;
    let order = order("flaky-1", "lamp");
    for attempt in [1, 2] {
        let outcome = shop
            .ask("payments.charge", Op::Action, attempt, &order)
            .await;
        assert!(
            matches!(outcome, ReplyOutcome::AttemptFailed { .. }),
            "{outcome:?}"
        );
    }
    let outcome = shop.ask("payments.charge", Op::Action, 3, &order).await;
    assert!(matches!(outcome, ReplyOutcome::Done(_)), "{outcome:?}");
    assert_eq!(shop.books.balance().await.unwrap().charges, 1);
}

#[tokio::test]
async fn what_the_other_services_do_and_undo_is_in_the_books() {
    let mut shop = Shop::open().await;
    let asked = [
        ("invoices.draft", "invoices.void"),
        ("accounts.reserve", "accounts.release"),
        ("payouts.pay", "payouts.recall"),
        ("warehouse.pick", "warehouse.putBack"),
    ];
    let input = json!({
        "subscriptionId": "s-1", "invoiceId": "inv-1", "applicationId": "a-1",
        "accountNumber": "acc-1", "iban": "DE01", "paymentId": "pay-1", "sku": "lamp",
        "pickId": "pick-1",
    });
    for (action, _) in asked {
        shop.does(action, Op::Action, &input).await;
        shop.does(action, Op::Action, &input).await;
    }
    assert_eq!(shop.books.balance().await.unwrap().services, 4);
    for (_, undo) in asked {
        shop.does(undo, Op::Compensate, &input).await;
    }
    assert_eq!(shop.books.balance().await.unwrap(), Balance::default());
}

#[tokio::test]
async fn looking_something_up_leaves_nothing_in_the_books() {
    let mut shop = Shop::open().await;
    let quoted = json!({ "plan": "gold" });
    shop.does("prices.quote", Op::Action, &quoted).await;
    let away = json!({ "to": "ZZZ" });
    let outcome = shop.ask("rates.get", Op::Action, 1, &away).await;
    assert!(
        matches!(outcome, ReplyOutcome::AttemptFailed { .. }),
        "{outcome:?}"
    );
    // Whatever became of that call, nothing of it is there to be undone.
    let outcome = shop.ask("rates.get", Op::Settle, 1, &away).await;
    assert!(
        matches!(outcome, ReplyOutcome::NeverHappened),
        "{outcome:?}"
    );
    let refused = json!({ "approved": false, "by": "Grace" });
    let outcome = shop.ask("checks.decide", Op::Action, 1, &refused).await;
    assert!(
        matches!(&outcome, ReplyOutcome::Fail(error) if error.code == "rejected"),
        "{outcome:?}"
    );
    assert_eq!(shop.books.balance().await.unwrap(), Balance::default());
}
