//! How long people wait for a listing, over HTTP.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use system_tests::http;

use crate::workload::Stage;

/// Requests for each figure.
const RUNS: usize = 20;

/// How long one listing takes.
#[derive(Debug, Serialize)]
pub(crate) struct Listing {
    /// What was asked for, with what varies from run to run left out.
    pub(crate) path: String,
    /// Rows that came.
    pub(crate) rows: usize,
    /// Half of the answers came within this, in milliseconds.
    pub(crate) p50: f64,
    /// The slowest, in milliseconds.
    pub(crate) max: f64,
}

/// What is asked. `$old` and `$mid` are sagas from the first day and from the middle, `$week` and
/// `$hour` are times ago.
const PATHS: [&str; 42] = [
    "/v1/sagas",
    "/v1/sagas?limit=1000",
    "/v1/sagas?cursor=$mid",
    "/v1/sagas?cursor=$old",
    "/v1/sagas?status=completed",
    "/v1/sagas?status=completed&cursor=$old",
    "/v1/sagas?status=running",
    "/v1/sagas?status=compensated",
    "/v1/sagas?status=compensated&cursor=$mid",
    "/v1/sagas?status=compensation_failed",
    "/v1/sagas?status=compensating",
    "/v1/sagas?definition=rush-order",
    "/v1/sagas?definition=rush-order&cursor=$old",
    "/v1/sagas?definition=nothing",
    "/v1/sagas?key=stored-1",
    "/v1/sagas?key=nothing",
    "/v1/sagas?label=tenant=t7",
    "/v1/sagas?label=tenant=t7&cursor=$old",
    "/v1/sagas?label=tenant=nobody",
    "/v1/sagas?label=team=shop",
    "/v1/sagas?label=team=shop&cursor=$old",
    "/v1/sagas?since=$hour",
    "/v1/sagas?since=$week",
    "/v1/sagas?since=$week&cursor=$mid",
    "/v1/sagas?status=running&definition=rush-order",
    "/v1/sagas?status=completed&definition=rush-order",
    "/v1/sagas?status=completed&definition=nothing",
    "/v1/sagas?status=terminated&label=tenant=t7",
    "/v1/sagas?status=completed&label=tenant=t7&since=$week",
    "/v1/sagas?definition=rush-order&label=tenant=t7",
    "/v1/sagas?definition=order&label=tenant=nobody",
    "/v1/sagas?status=paused&since=$hour",
    "/v1/sagas?status=completed&label=team=shop&cursor=$old",
    "/v1/sagas?stuck=true",
    "/v1/sagas?stuck=true&definition=rush-order",
    "/v1/sagas?stuck=true&label=tenant=t7",
    "/v1/sagas/$mid",
    "/v1/sagas/$mid/history",
    "/v1/dead-letters",
    "/v1/dead-letters?handled=true&limit=1000",
    "/v1/dead-letters/groups",
    "/v1/definitions",
];

/// Asks for each.
pub(crate) async fn measure(stage: &Stage) -> Vec<Listing> {
    let database = &stage.database;
    let id = |share: &str| {
        format!(
            "SELECT id::text FROM amends.sagas
             WHERE started_at <= now() - $days * interval '1 day' * {share}
             ORDER BY id DESC LIMIT 1"
        )
        .replace("$days", &stage.days.to_string())
    };
    let ago = |span: &str| {
        format!("SELECT to_char(now() - interval '{span}', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
    };
    let names = [
        ("$old", database.text(&id("0.98")).await),
        ("$mid", database.text(&id("0.5")).await),
        ("$hour", database.text(&ago("1 hour")).await),
        ("$week", database.text(&ago("7 days")).await),
    ];
    let mut listings = Vec::new();
    for path in PATHS {
        let mut asked = path.to_owned();
        for (name, value) in &names {
            asked = asked.replace(name, value);
        }
        listings.push(listing(stage.serving.address(), path, &asked).await);
    }
    listings
}

async fn listing(address: &str, path: &str, asked: &str) -> Listing {
    let mut times: Vec<Duration> = Vec::new();
    let mut rows = 0;
    for _ in 0..RUNS {
        let begin = Instant::now();
        let (status, body) = http::get(address, asked).await.expect("an answer");
        times.push(begin.elapsed());
        assert_eq!(status, 200, "{asked}: {body}");
        rows = count(&body);
    }
    times.sort_unstable();
    let millis = |at: usize| times[at].as_secs_f64() * 1000.0;
    Listing {
        path: path.to_owned(),
        rows,
        p50: millis(RUNS / 2),
        max: millis(RUNS - 1),
    }
}

/// The length of the list that an answer is, or has.
fn count(body: &str) -> usize {
    let (begin, end) = (body.find(['{', '[']), body.rfind(['}', ']']));
    let (Some(begin), Some(end)) = (begin, end) else {
        return 0;
    };
    match serde_json::from_str(&body[begin..=end]) {
        Ok(Value::Array(rows)) => rows.len(),
        Ok(Value::Object(fields)) => {
            let lists = fields.values().filter_map(Value::as_array);
            lists.map(Vec::len).max().unwrap_or(1)
        }
        Ok(_) | Err(_) => 0,
    }
}
