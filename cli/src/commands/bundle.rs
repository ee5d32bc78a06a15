//! `amends saga export` and `amends saga replay`: one saga as one file, and what that proves.

use std::path::Path;

use orchestrator::bundle::{self, Bundle, Replay, ReplayedEvent};
use saga_core::ids::SagaId;
use saga_core::time::Timestamp;

use crate::args::Format;
use crate::client::Client;
use crate::failure::{Failure, Kind, Outcome};
use crate::look_args::{ExportArgs, ReplayArgs};
use crate::prose::{COLUMNS, cut, wrapped};
use crate::{narrative, output, timeline};

/// A larger file is no bundle, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Differences that are printed.
const DIFFERENCES_SHOWN: usize = 20;

pub(super) async fn export(args: &ExportArgs) -> Outcome {
    let bundle = fetch(&args.server.client()?, &args.id, args.redact).await?;
    let Some(path) = &args.file else {
        let format = match args.server.output {
            // It is made for programs.
            Format::Table | Format::Wide => Format::Json,
            format @ (Format::Json | Format::Jsonl | Format::Yaml) => format,
        };
        return output::document(format, &bundle, |_| String::new());
    };
    let text = serde_json::to_vec_pretty(&bundle)
        .map_err(|error| Failure::because("the bundle cannot be written", &error))?;
    let shown = path.display();
    std::fs::write(path, &text)
        .map_err(|error| Failure::because(&format!("cannot write {shown}"), &error))?;
    let data = if bundle.redacted {
        "redacted"
    } else {
        "with all data of the saga"
    };
    output::text(&format!(
        "{shown}: {} events, {} values, {data}\n",
        bundle.events.len(),
        bundle.values.len()
    ))
}

async fn fetch(client: &Client, id: &str, redact: bool) -> Result<Bundle, Failure> {
    let path = format!("/v1/sagas/{id}/export?redact={redact}");
    client.get(&path).await
}

pub(super) async fn replay(args: &ReplayArgs) -> Outcome {
    let bundle = if args.what.parse::<SagaId>().is_ok() {
        fetch(&args.server.client()?, &args.what, false).await?
    } else {
        read(Path::new(&args.what))?
    };
    let replay = bundle::replay(&bundle)
        .map_err(|error| Failure::because("the history cannot be replayed", &error))?;
    output::page(args.server.output, &replay, &replay.events, |_| {
        story(&bundle, &replay)
    })?;
    if replay.differences.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the history of saga {} gives another state than the one that is stored",
        bundle.id
    );
    Err(Failure::error(message))
}

fn read(path: &Path) -> Result<Bundle, Failure> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| {
        let message = format!("`{shown}` is neither the id of a saga nor a file that can be read");
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => Kind::NotFound,
            _ => Kind::Error,
        };
        Failure::new(kind, format!("{message}: {error}"))
    })?;
    if metadata.len() > FILE_BYTES_MAX {
        let message = format!("{shown} has more than {FILE_BYTES_MAX} bytes; it is no bundle");
        return Err(Failure::error(message));
    }
    let text = std::fs::read(path)
        .map_err(|error| Failure::because(&format!("cannot read {shown}"), &error))?;
    serde_json::from_slice(&text).map_err(|error| {
        Failure::because(&format!("{shown} is no bundle"), &error)
            .help("`amends saga export ID --file FILE` writes one")
    })
}

fn story(bundle: &Bundle, replay: &Replay) -> String {
    let begun = bundle.state.started_at;
    let mut text = format!("{}\n{}\n", bundle.definition.reference, bundle.id);
    for event in &replay.events {
        text.push_str(&line(event, begun));
    }
    if replay.differences.is_empty() {
        let count = replay.events.len();
        text.push_str(&format!("{count} events give the state that is stored\n"));
        return text;
    }
    text.push_str("the state that comes out differs from the one that is stored:\n");
    for one in replay.differences.iter().take(DIFFERENCES_SHOWN) {
        let told = format!(
            "{}: {} by the history, {} stored",
            one.pointer, one.replayed, one.stored
        );
        text.push_str(&wrapped(&told, 2));
    }
    text
}

/// One event, and below it what it changed.
fn line(event: &ReplayedEvent, begun: Timestamp) -> String {
    let view = &event.event;
    let after = timeline::short(view.at.since(begun));
    let what = narrative::describe(&view.event);
    let mut text = cut(&format!("{:>5}  +{after:<8} {what}", view.seq), COLUMNS);
    text.push('\n');
    let moved: Vec<String> = event
        .moved
        .iter()
        .map(|(step, status)| format!("{step} {}", status.as_str()))
        .collect();
    let state = format!("{}  {}", event.status, moved.join(", "));
    text.push_str(&cut(&format!("{:17}= {}", "", state.trim_end()), COLUMNS));
    text.push('\n');
    text
}
