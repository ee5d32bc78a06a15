//! The example sagas of `amends dev --demo`, and how each should end.

use std::time::Duration;

use orchestrator::http::{EventView, SagaView, StartBody, StartedView};
use saga_core::saga::Status;
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::Format;
use crate::client::Client;
use crate::config::Settings;
use crate::failure::Failure;
use crate::output;
use crate::timeline::timeline;

/// A saga that has not ended after this has not ended as it should.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the examples ended.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// What they ran on.
    pub engine: &'static str,
    /// How many there were.
    pub sagas: usize,
    /// How many completed.
    pub completed: usize,
    /// How many were undone.
    pub compensated: usize,
    /// How many did not end as they should.
    pub unexpected: usize,
}

struct Example {
    about: &'static str,
    definition: &'static str,
    input: Value,
    end: Status,
}

/// Starts the examples side by side, shows each when it has ended, and sums up.
pub async fn run_examples(
    server: &str,
    engine: &'static str,
    format: Format,
) -> Result<Summary, Failure> {
    let client = Client::new(server)?;
    let mut started = Vec::new();
    for example in examples() {
        let body = StartBody {
            definition: example.definition.to_owned(),
            version: None,
            input: example.input.clone(),
            key: None,
            labels: std::collections::BTreeMap::new(),
        };
        let body = serde_json::to_vec(&body)
            .map_err(|error| Failure::because("the request cannot be made", &error))?;
        let (_, saga): (_, StartedView) = client.post("/v1/sagas", body).await?;
        started.push((example, saga.id));
    }
    let mut summary = Summary {
        engine,
        sagas: started.len(),
        completed: 0,
        compensated: 0,
        unexpected: 0,
    };
    let until = tokio::time::Instant::now() + PATIENCE;
    for (example, id) in started {
        let left = until
            .saturating_duration_since(tokio::time::Instant::now())
            .as_secs();
        let saga: SagaView = client.get(&format!("/v1/sagas/{id}?wait={left}")).await?;
        count(&mut summary, saga.status, example.end);
        if format == Format::Table {
            let history: Vec<EventView> = client.get(&format!("/v1/sagas/{id}/history")).await?;
            let drawn = timeline(&saga, &history, Settings::colour());
            output::text(&format!("{}\n{drawn}\n", example.about))?;
        }
    }
    Ok(summary)
}

fn count(summary: &mut Summary, status: Status, expected: Status) {
    match status {
        Status::Completed => summary.completed += 1,
        Status::Compensated => summary.compensated += 1,
        Status::Running
        | Status::Paused
        | Status::Compensating
        | Status::CompensationFailed
        | Status::Terminated => {}
    }
    if status != expected {
        summary.unexpected += 1;
    }
}

/// A business key that no run before has used.
fn fresh(kind: char) -> String {
    let random = uuid::Uuid::now_v7().simple().to_string();
    format!("{kind}-{}", &random[random.len() - 8..])
}

fn examples() -> Vec<Example> {
    let order = |customer: &str, sku: &str| {
        json!({
            "orderId": fresh('o'),
            "customer": customer,
            "amount": 4200,
            "items": [{ "sku": sku, "quantity": 1 }],
        })
    };
    let booking = json!({
        "bookingId": fresh('b'),
        "traveller": { "name": "Ada", "email": "ada@example.com" },
        "flight": { "number": "LH454", "date": "2027-05-01" },
        "hotel": { "name": "Grand", "nights": 3 },
        "price": 89_000,
    });
    vec![
        Example {
            about: "An order for which everything goes well.",
            definition: "order",
            input: order("ada", "book"),
            end: Status::Completed,
        },
        Example {
            about: "The product is out of stock: the charge is refunded, the order cancelled.",
            definition: "order",
            input: order("grace", "out-of-stock"),
            end: Status::Compensated,
        },
        Example {
            about: "The payment service is flaky: two attempts fail, the third succeeds.",
            definition: "order",
            input: order("flaky", "book"),
            end: Status::Completed,
        },
        Example {
            about: "Nobody can deliver: everything before that is undone, newest first.",
            definition: "order",
            input: order("unreachable", "book"),
            end: Status::Compensated,
        },
        Example {
            about: "A trip: flight and hotel side by side, then the payment as point of no return.",
            definition: "flight-booking",
            input: booking,
            end: Status::Completed,
        },
    ]
}
