//! `amends dev`: everything on one machine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use orchestrator::auth::Gate;

use crate::args::Format;
use crate::config;
use crate::dev::{Parts, Summary, follow, run_examples};
use crate::failure::{Failure, Outcome};
use crate::run_args::DevArgs;
use crate::serving::{Serving, listen};
use crate::signals::asked_to_stop;
use crate::sources::{self, Source};
use crate::worker::RunningWorker;
use crate::{logging, output};

/// Port of the API when nothing else is said.
const PORT: u16 = 7600;

/// For what is under way when the demo is over.
const DRAIN: Duration = Duration::from_secs(20);

/// Folder that is registered when no path is given.
const FOLDER: &str = "sagas";

/// Starts an engine, an orchestrator and a worker; runs the demo; serves until told to stop.
pub async fn dev(args: &DevArgs) -> Outcome {
    let settings = config::read(args.config.as_deref())?;
    logging::start(&settings.log, "warn")?;
    let sources = sources(args)?;
    let port = args.port.unwrap_or(if args.exit { 0 } else { PORT });
    let listener = listen("the API", &format!("127.0.0.1:{port}"), false).await?;
    let orchestrator = settings.orchestrator();
    let parts = Parts::start(args.engine, settings).await?;
    let serving = Serving::start(
        Arc::clone(&parts.store),
        Arc::clone(&parts.broker),
        parts.topology.clone(),
        orchestrator,
        listener,
        Gate::open(),
    )
    .await?;
    let worker = RunningWorker::start(
        "dev-worker",
        Arc::clone(&parts.broker),
        parts.topology.clone(),
        Arc::clone(&parts.ledger),
        &parts.books,
        DRAIN,
    )?;
    let done = use_it(args, &serving, &sources).await;
    let worker_done = worker.stop().await;
    serving.stop(DRAIN).await;
    let stopped = parts.stop().await;
    done.and(worker_done).and(stopped)
}

async fn use_it(args: &DevArgs, serving: &Serving, sources: &[Source]) -> Outcome {
    serving.register(sources).await?;
    let server = format!("http://{}", serving.address());
    let mut ended_as_they_should = Ok(());
    if args.demo {
        let run = run_examples(&server, args.engine.as_str(), args.output);
        let summary = tokio::select! {
            summary = run => summary?,
            asked = asked_to_stop() => return asked,
        };
        print(&summary, args.output)?;
        if summary.unexpected > 0 {
            let message = format!("{} sagas did not end as they should", summary.unexpected);
            ended_as_they_should = Err(Failure::error(message));
        }
    }
    if args.exit {
        return ended_as_they_should;
    }
    if args.output.is_for_people() {
        output::text(&format!(
            "amends is running on the {} engine; Ctrl-C stops it\n\
             try: amends saga list --server {server}\n",
            args.engine.as_str()
        ))?;
    }
    let feed = serving.orchestrator().engine().shared().feed.subscribe();
    tokio::select! {
        followed = follow(feed) => followed?,
        asked = asked_to_stop() => asked?,
    }
    ended_as_they_should
}

fn print(summary: &Summary, format: Format) -> Outcome {
    output::one_of_many(format, summary, |_| {
        format!(
            "{} sagas on the {} engine: {} completed, {} compensated, {} unexpected\n",
            summary.sagas,
            summary.engine,
            summary.completed,
            summary.compensated,
            summary.unexpected
        )
    })
}

/// What to register: the paths that were given, else the folder `sagas` if there is one; with the
/// demo also the examples that it starts.
fn sources(args: &DevArgs) -> Result<Vec<Source>, Failure> {
    let folder = PathBuf::from(FOLDER);
    let mut found = if !args.paths.is_empty() {
        sources::read(&args.paths)?
    } else if folder.is_dir() {
        sources::read(&[folder])?
    } else {
        Vec::new()
    };
    if args.demo {
        for example in sources::examples() {
            if found.iter().all(|source| source.text != example.text) {
                found.push(example);
            }
        }
    }
    Ok(found)
}
