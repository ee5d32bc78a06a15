//! Runs the examples of `amends dev --demo`, and says how they ended.

use std::time::Duration;

use orchestrator::http::{EventView, OperatedView, SagaView, SignalBody, StartBody};
use saga_core::saga::Status;
use serde::Serialize;

use super::example::{Example, Told, examples};
use crate::args::Format;
use crate::client::Client;
use crate::config::Settings;
use crate::failure::Failure;
use crate::timeline::timeline;
use crate::{output, starting};

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

/// Starts the examples side by side, shows each when it has ended, and sums up.
pub async fn run_examples(
    server: &str,
    engine: &'static str,
    format: Format,
) -> Result<Summary, Failure> {
    let client = Client::at(server)?;
    let mut started = Vec::new();
    for example in examples() {
        let saga = start(&client, &example).await?;
        started.push((example, saga));
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
        if format.is_for_people() {
            let history: Vec<EventView> = client.get(&format!("/v1/sagas/{id}/history")).await?;
            let drawn = timeline(&saga, &history, Settings::colour());
            output::text(&format!("{}\n{drawn}\n", example.about))?;
        }
    }
    Ok(summary)
}

/// Starts one, and tells it at once what it will wait for: the saga keeps that until then.
async fn start(client: &Client, example: &Example) -> Result<String, Failure> {
    let body = StartBody {
        definition: example.definition.to_owned(),
        version: None,
        input: example.input.clone(),
        key: None,
        labels: std::collections::BTreeMap::new(),
    };
    let saga = starting::start(client, &body).await?;
    if let Some(Told { signal, payload }) = &example.told {
        let body = SignalBody {
            name: (*signal).to_owned(),
            id: Some("demo".to_owned()),
            payload: payload.clone(),
        };
        let path = format!("/v1/sagas/{}/signal", saga.id);
        let (_, _taken): (_, OperatedView) = client.post(&path, request(&body)?).await?;
    }
    Ok(saga.id)
}

fn request(body: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(body).map_err(|error| Failure::because("the request cannot be made", &error))
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
