//! `amends saga`: start sagas and look at them.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::Path;

use orchestrator::http::{BODY_BYTES_MAX, EventView, SagaView, StartBody};
use serde_json::Value;

use crate::args::{OneArgs, SagaCommand, ServerArgs, StartArgs};
use crate::client::Client;
use crate::config::Settings;
use crate::failure::{Failure, Kind, Outcome};
use crate::start_each::start_each;
use crate::{narrative, output, starting, timeline};

use super::{bundle, explain, list, move_sagas, operate, plan, signal, wait, watch};

/// Columns that tell an event, beside its number and when it was.
const WHAT_COLUMNS: usize = 63;

/// Runs one of the saga commands.
pub async fn saga(command: &SagaCommand) -> Outcome {
    match command {
        SagaCommand::Start(args) => start(args).await,
        SagaCommand::List(args) => list::list(args).await,
        SagaCommand::Show(args) => show(&args.server.client()?, &args.id, &args.server).await,
        SagaCommand::History(args) => history(args).await,
        SagaCommand::Explain(args) => explain::explain(args).await,
        SagaCommand::Plan(args) => plan::plan(args).await,
        SagaCommand::Watch(args) => watch::watch(args).await,
        SagaCommand::Export(args) => bundle::export(args).await,
        SagaCommand::Replay(args) => bundle::replay(args).await,
        SagaCommand::Wait(args) => wait::wait(args).await,
        SagaCommand::Signal(args) => signal::signal(args).await,
        SagaCommand::Cancel(args) => operate::on_saga(operate::CANCEL, args).await,
        SagaCommand::Pause(args) => operate::on_saga(operate::PAUSE, args).await,
        SagaCommand::Resume(args) => operate::on_saga(operate::RESUME, args).await,
        SagaCommand::Terminate(args) => operate::on_saga(operate::TERMINATE, args).await,
        SagaCommand::Retry(args) => operate::retry(args).await,
        SagaCommand::Skip(args) => operate::skip(args).await,
        SagaCommand::Resolve(args) => operate::resolve(args).await,
        SagaCommand::Move(args) => move_sagas::run(args).await,
    }
}

async fn start(args: &StartArgs) -> Outcome {
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
    let mut body = StartBody {
        definition: args.name.clone(),
        version,
        input: Value::Null,
        key: args.key.clone(),
        labels: labels(&args.labels)?,
    };
    let client = args.server.client()?;
    if let Some(path) = &args.each {
        let lines = BufReader::new(open(path)?);
        return start_each(&client, &body, lines, args.server.output).await;
    }
    body.input = read_input(args.file.as_deref())?;
    let started = starting::start(&client, &body).await?;
    if args.wait {
        wait::until_rest(&client, &started.id).await?;
        return show(&client, &started.id, &args.server).await;
    }
    output::document(args.server.output, &started, |_| {
        let how = if started.created {
            ""
        } else {
            " (it has the same business key)"
        };
        format!("{}{how}\n", started.id)
    })
}

fn read_input(file: Option<&Path>) -> Result<Value, Failure> {
    let Some(path) = file else {
        return Ok(Value::Object(serde_json::Map::new()));
    };
    let shown = path.display();
    let mut text = String::new();
    let limit = BODY_BYTES_MAX as u64 + 1;
    let read = open(path)?.take(limit).read_to_string(&mut text);
    let bytes = read.map_err(|error| Failure::because(&format!("cannot read {shown}"), &error))?;
    if bytes > BODY_BYTES_MAX {
        let message =
            format!("{shown} is larger than the {BODY_BYTES_MAX} bytes an input may have");
        return Err(Failure::error(message));
    }
    serde_json::from_str(&text)
        .map_err(|error| Failure::because(&format!("{shown} is not JSON"), &error))
}

/// A file, or standard input for `-`.
fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(std::io::stdin()));
    }
    let opened = std::fs::File::open(path);
    let what = || format!("cannot read {}", path.display());
    let file = opened.map_err(|error| Failure::because(&what(), &error))?;
    Ok(Box::new(file))
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

pub(super) async fn show(client: &Client, id: &str, server: &ServerArgs) -> Outcome {
    let saga: SagaView = client.get(&format!("/v1/sagas/{id}")).await?;
    let history = if server.output.is_for_people() {
        full_history(client, id).await?
    } else {
        Vec::new()
    };
    output::document(server.output, &saga, |_| {
        timeline::timeline(&saga, &history, Settings::colour())
    })
}

async fn history(args: &OneArgs) -> Outcome {
    let client = args.server.client()?;
    let events = full_history(&client, &args.id).await?;
    output::list(args.server.output, &events, |wide| table(&events, wide))
}

fn table(events: &[EventView], wide: bool) -> String {
    let begun = events.first().map(|event| event.at);
    let mut rows = Vec::new();
    for event in events {
        let what = narrative::describe(&event.event);
        if wide {
            rows.push(vec![event.seq.to_string(), event.at.to_string(), what]);
            continue;
        }
        let after = begun.map_or_else(String::new, |at| timeline::short(event.at.since(at)));
        let (mut seq, mut after) = (event.seq.to_string(), format!("+{after}"));
        for line in output::folded(&what, WHAT_COLUMNS) {
            rows.push(vec![
                std::mem::take(&mut seq),
                std::mem::take(&mut after),
                line,
            ]);
        }
    }
    let when = if wide { "AT" } else { "AFTER" };
    output::table(&["SEQ", when, "WHAT HAPPENED"], &rows)
}

/// Every event, page by page.
pub(crate) async fn full_history(client: &Client, id: &str) -> Result<Vec<EventView>, Failure> {
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
