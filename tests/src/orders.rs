//! Orders to start, and the books to audit when they are over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use amends::client::Client;
use orchestrator::http::{StartBody, StartedView};
use serde_json::{Value, json};

use crate::database::Database;

/// How many orders fail in `reserveProduct`: one in four.
const ONE_FAILS_IN: usize = 4;

/// Cents of one order.
const CENTS: i64 = 1500;

/// An orchestrator that has not answered after this will not.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

/// Starts orders, a quarter of which will find the product out of stock. Each is started again
/// until an orchestrator has answered, which is what a business key is for.
pub async fn start(client: &Client, from: usize, to: usize) {
    for number in from..to {
        let sku = if number % ONE_FAILS_IN == 0 {
            "out-of-stock"
        } else {
            "book"
        };
        start_one(client, "order", &order(number, "ada", sku)).await;
    }
}

/// The input of an order.
pub fn order(number: usize, customer: &str, sku: &str) -> Value {
    json!({
        "orderId": format!("order-{number}"),
        "customer": customer,
        "amount": CENTS,
        "items": [{ "sku": sku, "quantity": 1 }],
    })
}

/// Starts a saga, again until an orchestrator has answered.
pub async fn start_one(client: &Client, definition: &str, input: &Value) -> String {
    let body = StartBody {
        definition: definition.to_owned(),
        version: None,
        input: input.clone(),
        key: None,
        labels: BTreeMap::new(),
    };
    let body = serde_json::to_vec(&body).expect("a start request");
    let until = Instant::now() + ANSWERED_WITHIN;
    loop {
        let asked = client.post::<StartedView>("/v1/sagas", body.clone());
        match tokio::time::timeout(ANSWERED_WITHIN, asked).await {
            Ok(Ok((_, started))) => {
                assert_eq!(started.definition, definition);
                return started.id;
            }
            Ok(Err(error)) => assert!(Instant::now() < until, "{error}"),
            Err(_) => panic!("no answer to a start"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Checks that every order ended as it should and that the books balance: what was charged and not
/// refunded is what the completed orders cost, what was taken and not released is what they hold.
pub async fn audit(database: &Database, orders: usize) {
    let count = |number: usize| i64::try_from(number).expect("a small number");
    let failed = count(orders.div_ceil(ONE_FAILS_IN));
    let completed = count(orders) - failed;
    let ended = async |status: &str| {
        let sql = format!("SELECT count(*) FROM amends.sagas WHERE status = '{status}'");
        database.number(&sql).await
    };
    assert_eq!(ended("completed").await, completed, "completed orders");
    assert_eq!(ended("compensated").await, failed, "compensated orders");
    assert_eq!(
        database.number("SELECT count(*) FROM amends.sagas").await,
        count(orders)
    );
    assert_eq!(audit_balance(database).await, completed);
}

/// Checks that the books hold what the completed orders cost, however many those are, and that no
/// effect took place twice. Returns how many they are.
pub async fn audit_balance(database: &Database) -> i64 {
    let completed = "SELECT count(*) FROM amends.sagas WHERE status = 'completed'";
    let completed = database.number(completed).await;
    let net = async |what: &str, table: &str, plus: &str| {
        let sql = format!(
            "SELECT coalesce(sum(CASE WHEN kind = '{plus}' THEN {what} ELSE -{what} END), 0)::bigint
             FROM amends_worker.{table}"
        );
        database.number(&sql).await
    };
    assert_eq!(
        net("1", "demo_orders", "place").await,
        completed,
        "orders placed less cancelled"
    );
    assert_eq!(
        net("1", "demo_charges", "charge").await,
        completed,
        "charges less refunds"
    );
    assert_eq!(
        net("amount", "demo_charges", "charge").await,
        completed * CENTS,
        "cents"
    );
    assert_eq!(
        net("amount", "demo_stock_movements", "take").await,
        completed,
        "pieces taken"
    );
    let records = async |table: &str, kind: &str| {
        let sql = format!("SELECT count(*) FROM amends_worker.{table} WHERE kind = '{kind}'");
        database.number(&sql).await
    };
    assert_eq!(
        records("demo_notifications", "send").await,
        completed,
        "customers told"
    );
    assert_eq!(
        records("demo_deliveries", "schedule").await,
        completed,
        "deliveries"
    );
    no_effect_twice(database).await;
    completed
}

/// Each saga has each effect, and each undo, at most once.
async fn no_effect_twice(database: &Database) {
    for table in ["demo_orders", "demo_charges", "demo_stock_movements"] {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM amends_worker.{table}
             GROUP BY saga_id, kind, reference HAVING count(*) > 1) AS twice"
        );
        assert_eq!(
            database.number(&sql).await,
            0,
            "effects that took place twice in {table}"
        );
    }
}

/// Checks what the orchestrator itself must have kept: histories without gaps that end where the
/// row says, and no dead letter.
pub async fn audit_histories(database: &Database) {
    audit_gaps(database).await;
    let letters = "SELECT count(*) FROM amends.dead_letters";
    assert_eq!(database.number(letters).await, 0, "dead letters");
}

/// Checks that the histories have no gaps.
pub async fn audit_gaps(database: &Database) {
    let gaps = "SELECT count(*) FROM amends.sagas s
                WHERE s.version <> (SELECT count(*) FROM amends.saga_history e WHERE e.saga_id = s.id)
                   OR s.version <> (SELECT max(seq) FROM amends.saga_history e WHERE e.saga_id = s.id)";
    assert_eq!(database.number(gaps).await, 0, "histories with gaps");
}
