//! `amends saga`: start sagas and look at them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use orchestrator::http::{BODY_BYTES_MAX, EventView, PageView, SagaView, StartBody, StartedView};
use saga_core::saga::Status;
use saga_core::time::{Timestamp, parse_span};
use serde_json::Value;
use tokio::time::Instant;

use crate::args::{Format, ListArgs, OneArgs, SagaCommand, ServerArgs, StartArgs, WaitArgs};
use crate::client::{Client, encode_query};
use crate::config::Settings;
use crate::failure::{Failure, Kind, Outcome};
use crate::{clock, narrative, output, timeline};

use super::{bundle, explain, move_sagas, operate, plan, signal, watch};

/// Seconds that one request waits for a saga.
const WAIT_SECONDS: u64 = 30;

/// Runs one of the saga commands.
pub async fn saga(command: &SagaCommand) -> Outcome {
    match command {
        SagaCommand::Start(args) => start(args).await,
        SagaCommand::List(args) => list(args).await,
        SagaCommand::Show(args) => {
            show(&Client::new(&args.server.server)?, &args.id, &args.server).await
        }
        SagaCommand::History(args) => history(args).await,
        SagaCommand::Explain(args) => explain::explain(args).await,
        SagaCommand::Plan(args) => plan::plan(args).await,
        SagaCommand::Watch(args) => watch::watch(args).await,
        SagaCommand::Export(args) => bundle::export(args).await,
        SagaCommand::Replay(args) => bundle::replay(args).await,
        SagaCommand::Wait(args) => wait(args).await,
        SagaCommand::Signal(args) => signal::signal(args).await,
        SagaCommand::Cancel(args) => operate::on_saga("cancel", args).await,
        SagaCommand::Pause(args) => operate::on_saga("pause", args).await,
        SagaCommand::Resume(args) => operate::on_saga("resume", args).await,
        SagaCommand::Terminate(args) => operate::on_saga("terminate", args).await,
        SagaCommand::Retry(args) => operate::retry(args).await,
        SagaCommand::Skip(args) => operate::skip(args).await,
        SagaCommand::Resolve(args) => operate::resolve(args).await,
        SagaCommand::Move(args) => move_sagas::run(args).await,
    }
}

async fn start(args: &StartArgs) -> Outcome {
    let input = read_input(args.file.as_deref())?;
    let version = args
        .version
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error| {
            let text = args.version.as_deref().unwrap_or_default();
            Failure::new(
                Kind::Usage,
                format!("`{text}` is not a semantic version: {error}"),
            )
        })?;
    let body = StartBody {
        definition: args.name.clone(),
        version,
        input,
        key: args.key.clone(),
        labels: labels(&args.labels)?,
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| Failure::because("the request cannot be made", &error))?;
    let client = Client::new(&args.server.server)?;
    let (_, started): (_, StartedView) = client.post("/v1/sagas", body).await?;
    if args.wait {
        wait_until_rest(&client, &started.id, None).await?;
        return show(&client, &started.id, &args.server).await;
    }
    match args.server.output {
        Format::Table => {
            let how = if started.created {
                ""
            } else {
                " (it has the same business key)"
            };
            output::text(&format!("{}{how}\n", started.id))
        }
        Format::Json | Format::Jsonl => output::json(args.server.output, &started),
    }
}

fn read_input(file: Option<&Path>) -> Result<Value, Failure> {
    let Some(path) = file else {
        return Ok(Value::Object(serde_json::Map::new()));
    };
    let shown = path.display();
    let mut text = String::new();
    let limit = BODY_BYTES_MAX as u64 + 1;
    let read = if path.as_os_str() == "-" {
        std::io::stdin().take(limit).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    let bytes = read.map_err(|error| Failure::because(&format!("cannot read {shown}"), &error))?;
    if bytes > BODY_BYTES_MAX {
        let message =
            format!("{shown} is larger than the {BODY_BYTES_MAX} bytes an input may have");
        return Err(Failure::error(message));
    }
    serde_json::from_str(&text)
        .map_err(|error| Failure::because(&format!("{shown} is not JSON"), &error))
}

fn labels(pairs: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    pairs
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => {
                let message = format!("label `{pair}` does not read name=value");
                Err(Failure::new(Kind::Usage, message))
            }
        })
        .collect()
}

async fn list(args: &ListArgs) -> Outcome {
    if args.stuck {
        return explain::stuck(args, since(args.since.as_deref())?).await;
    }
    let mut query = vec![("limit", args.limit.to_string())];
    let mut add = |name: &'static str, value: &Option<String>| {
        if let Some(value) = value {
            query.push((name, value.clone()));
        }
    };
    add("status", &args.status);
    add("definition", &args.definition);
    add("key", &args.key);
    add("label", &args.label);
    add("cursor", &args.cursor);
    add("since", &since(args.since.as_deref())?);
    let path = format!("/v1/sagas?{}", encode_query(&query));
    let page: PageView = Client::new(&args.server.server)?.get(&path).await?;
    match args.server.output {
        Format::Table => {
            let rows: Vec<_> = page.sagas.iter().map(row).collect();
            output::table(&["ID", "SAGA", "STATUS", "STARTED", "TOOK", "KEY"], &rows)?;
            match page.next_cursor {
                Some(cursor) => output::text(&format!("more: --cursor {cursor}\n")),
                None => Ok(()),
            }
        }
        Format::Json => output::json(args.server.output, &page),
        Format::Jsonl => output::json_list(args.server.output, &page.sagas),
    }
}

fn row(saga: &SagaView) -> Vec<String> {
    let started = saga.started_at.to_string();
    let took = saga
        .ended_at
        .map_or_else(String::new, |at| timeline::short(at.since(saga.started_at)));
    vec![
        saga.id.clone(),
        format!("{} {}", saga.definition, saga.version),
        saga.status.to_string(),
        started.get(..19).unwrap_or(&started).replace('T', " "),
        took,
        saga.key.clone().unwrap_or_default(),
    ]
}

/// `--since 1h` as the point in time that the API asks for.
fn since(span: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(text) = span else { return Ok(None) };
    let span = parse_span(text).map_err(|error| Failure::new(Kind::Usage, error))?;
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    let from = Timestamp::from_micros(clock::now().as_micros().saturating_sub(micros));
    Ok(Some(from.to_string()))
}

async fn show(client: &Client, id: &str, server: &ServerArgs) -> Outcome {
    let saga: SagaView = client.get(&format!("/v1/sagas/{id}")).await?;
    match server.output {
        Format::Table => {
            let history = full_history(client, id).await?;
            output::text(&timeline::timeline(&saga, &history, Settings::colour()))
        }
        Format::Json | Format::Jsonl => output::json(server.output, &saga),
    }
}

async fn history(args: &OneArgs) -> Outcome {
    let client = Client::new(&args.server.server)?;
    let events = full_history(&client, &args.id).await?;
    match args.server.output {
        Format::Table => {
            let begun = events.first().map(|event| event.at);
            let rows: Vec<_> = events
                .iter()
                .map(|event| {
                    let after =
                        begun.map_or_else(String::new, |at| timeline::short(event.at.since(at)));
                    vec![
                        event.seq.to_string(),
                        format!("+{after}"),
                        narrative::describe(&event.event),
                    ]
                })
                .collect();
            output::table(&["SEQ", "AFTER", "WHAT HAPPENED"], &rows)
        }
        Format::Json | Format::Jsonl => output::json_list(args.server.output, &events),
    }
}

/// Every event, page by page.
async fn full_history(client: &Client, id: &str) -> Result<Vec<EventView>, Failure> {
    let mut events: Vec<EventView> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.seq);
        let page: Vec<EventView> = client
            .get(&format!("/v1/sagas/{id}/history?after={after}"))
            .await?;
        if page.is_empty() {
            return Ok(events);
        }
        events.extend(page);
    }
}

async fn wait(args: &WaitArgs) -> Outcome {
    let limit = parse_span(&args.timeout).map_err(|error| Failure::new(Kind::Usage, error))?;
    let client = Client::new(&args.server.server)?;
    let status = wait_until_rest(&client, &args.id, Some(Instant::now() + limit)).await?;
    show(&client, &args.id, &args.server).await?;
    match status {
        Status::Completed => Ok(()),
        Status::Running | Status::Compensating => {
            let message = format!("saga {} is still {status} after {}", args.id, args.timeout);
            Err(Failure::error(message))
        }
        Status::Paused | Status::Compensated | Status::CompensationFailed | Status::Terminated => {
            Err(Failure::error(format!("saga {} is {status}", args.id)))
        }
    }
}

async fn wait_until_rest(
    client: &Client,
    id: &str,
    until: Option<Instant>,
) -> Result<Status, Failure> {
    loop {
        let left = until.map_or(WAIT_SECONDS, |until| {
            until
                .saturating_duration_since(Instant::now())
                .as_secs()
                .min(WAIT_SECONDS)
        });
        let saga: SagaView = client.get(&format!("/v1/sagas/{id}?wait={left}")).await?;
        let moves = matches!(saga.status, Status::Running | Status::Compensating);
        if !moves || until.is_some_and(|until| Instant::now() >= until) || left == 0 {
            return Ok(saga.status);
        }
    }
}
