//! `amends worker`: which worker processes there are, and what they are doing.

use std::time::Duration;

use orchestrator::http::{DrainBody, Presence, WorkerView};
use saga_core::time::Timestamp;
use tokio::time::Instant;

use crate::args::{ServerArgs, SignatureArgs};
use crate::client::{Client, encode};
use crate::failure::{Failure, Kind, Outcome};
use crate::prose::wrapped;
use crate::upkeep_args::{DrainArgs, OneWorkerArgs, WorkerCommand};
use crate::{clock, output, timeline};

/// A worker that drains is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Lists workers, shows one, or has one drained.
pub async fn worker(command: &WorkerCommand) -> Outcome {
    match command {
        WorkerCommand::List { server } => list(server).await,
        WorkerCommand::Show(args) => show(args).await,
        WorkerCommand::Drain(args) => drain(args).await,
    }
}

async fn list(server: &ServerArgs) -> Outcome {
    let workers = fetch(server).await?;
    output::list(server.output, &workers, |wide| {
        if workers.is_empty() {
            return "no workers\n".to_owned();
        }
        let now = clock::now();
        let rows = workers.iter().map(|worker| row(worker, now, wide));
        let mut head = vec!["ID", "STATUS", "BUSY", "HEARD", "STOPPED"];
        if wide {
            head.extend(["BUILD", "QUEUES", "LONG"]);
        }
        output::table(&head, &rows.collect::<Vec<_>>())
    })
}

async fn fetch(server: &ServerArgs) -> Result<Vec<WorkerView>, Failure> {
    server.client()?.get("/v1/workers").await
}

fn row(worker: &WorkerView, now: Timestamp, wide: bool) -> Vec<String> {
    let (busy, slots) = worker.operations.iter().fold((0, 0), |(busy, slots), it| {
        (busy + it.busy, slots + it.slots)
    });
    let mut cells = vec![
        worker.id.clone(),
        worker.status.as_str().to_owned(),
        format!("{busy}/{slots}"),
        timeline::short(now.since(worker.last_heartbeat_at)),
        stopped(worker),
    ];
    if wide {
        cells.push(worker.build.clone());
        cells.push(worker.operations.len().to_string());
        cells.push(worker.running.len().to_string());
    }
    cells
}

/// The operations that are not called because they fail.
fn stopped(worker: &WorkerView) -> String {
    use broker::envelope::worker::BreakerState;
    let open: Vec<String> = worker
        .operations
        .iter()
        .filter(|it| it.breaker != BreakerState::Closed)
        .map(|it| format!("{}/{} {}", it.operation, it.op, it.breaker.as_str()))
        .collect();
    open.join(", ")
}

async fn show(args: &OneWorkerArgs) -> Outcome {
    let worker = find(fetch(&args.server).await?, &args.id)?;
    output::document(args.server.output, &worker, |_| {
        story(&worker, clock::now())
    })
}

async fn drain(args: &DrainArgs) -> Outcome {
    let patience = clock::span("--timeout", &args.timeout)?;
    let SignatureArgs {
        reason,
        who,
        server,
    } = &args.signature;
    let client = server.client()?;
    let id = find(client.get("/v1/workers").await?, &args.id)?.id;
    let body = DrainBody {
        reason: reason.clone(),
        who: Some(who.clone()),
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| Failure::because("the request cannot be written", &error))?;
    let path = format!("/v1/workers/{}", encode(&id));
    let drain = format!("{path}/drain");
    let told = client.post::<WorkerView>(&drain, body);
    let (_, mut worker) = told.await?;
    if args.wait {
        worker = left(&client, &path, patience).await?;
    }
    output::document(server.output, &worker, |_| {
        if args.wait {
            format!("{id} has left\n")
        } else {
            format!("{id} is told to drain; `amends worker list` says when it has left\n")
        }
    })
}

/// Waits until a worker has taken its leave.
async fn left(client: &Client, path: &str, patience: Duration) -> Result<WorkerView, Failure> {
    let until = Instant::now() + patience;
    loop {
        let worker: WorkerView = client.get(path).await?;
        match worker.status {
            Presence::Left => return Ok(worker),
            Presence::Gone => {
                let message = format!("{} is gone without taking its leave", worker.id);
                return Err(Failure::error(message)
                    .help("what it had goes to others, once its lease has ended"));
            }
            Presence::Alive | Presence::Draining => {}
        }
        if Instant::now() >= until {
            let message = format!("{} has not left yet; it was told to", worker.id);
            return Err(Failure::new(Kind::Partly, message)
                .help("`amends worker show` says what is running there"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The worker of that id; of that name, when only one that is there has it.
fn find(workers: Vec<WorkerView>, id: &str) -> Result<WorkerView, Failure> {
    let mut named: Vec<WorkerView> = Vec::new();
    for worker in workers {
        if worker.id == id {
            return Ok(worker);
        }
        if worker.name == id && worker.status == Presence::Alive {
            named.push(worker);
        }
    }
    match (named.pop(), named.len()) {
        (Some(worker), 0) => Ok(worker),
        (Some(_), _) => {
            let message = format!("several workers are named {id}");
            Err(Failure::new(Kind::Usage, message).help("give an id of `amends worker list`"))
        }
        (None, _) => {
            let message = format!("no worker {id} has been heard of within the last hour");
            Err(Failure::new(Kind::NotFound, message).help("`amends worker list` shows all"))
        }
    }
}

fn story(worker: &WorkerView, now: Timestamp) -> String {
    let mut text = format!(
        "{}\n  {}, build {}, started {}, last heard {}\n\n",
        worker.id,
        worker.status.as_str(),
        worker.build,
        ago(worker.started_at, now),
        ago(worker.last_heartbeat_at, now),
    );
    if let Some(draining) = &worker.draining {
        let since = ago(draining.since, now);
        let why = draining.by.as_ref().map_or_else(
            || "its process was told to stop".to_owned(),
            |by| format!("{}: {}", by.who, by.reason),
        );
        text.push_str(&format!("  it takes nothing new since {since}; {why}\n\n"));
    }
    let rows = worker.operations.iter().map(|it| {
        vec![
            it.operation.to_string(),
            it.op.as_str().to_owned(),
            it.version.clone().unwrap_or_default(),
            format!("{}/{}", it.busy, it.slots),
            it.breaker.as_str().to_owned(),
        ]
    });
    let head = ["OPERATION", "FOR", "VERSION", "BUSY", "BREAKER"];
    text.push_str(&output::table(&head, &rows.collect::<Vec<_>>()));
    if worker.running.is_empty() {
        text.push_str("\nnothing has been running for longer than a second\n");
    } else {
        text.push_str("\nrunning for longer than a second:\n");
    }
    for it in &worker.running {
        let element = match it.element {
            0 => String::new(),
            element => format!("[{element}]"),
        };
        let progress = it
            .progress
            .as_ref()
            .map_or_else(String::new, |progress| format!(", {progress}"));
        let line = format!(
            "saga {} step {}{element}: {} ({}), attempt {}, since {}{progress}",
            it.saga,
            it.step,
            it.operation.as_str(),
            it.op,
            it.attempt,
            ago(it.started_at, now),
        );
        text.push_str(&wrapped(&line, 2));
    }
    text
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", timeline::short(now.since(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(id: &str, name: &str, status: Presence) -> WorkerView {
        let at = Timestamp::from_micros(0);
        WorkerView {
            id: id.to_owned(),
            name: name.to_owned(),
            build: "1".to_owned(),
            status,
            started_at: at,
            last_heartbeat_at: at,
            operations: Vec::new(),
            running: Vec::new(),
            draining: None,
        }
    }

    #[test]
    fn a_worker_is_found_by_its_id_or_by_a_name_that_is_its_own() {
        let all = || {
            vec![
                worker("a/1", "a", Presence::Gone),
                worker("a/2", "a", Presence::Alive),
                worker("b/1", "b", Presence::Alive),
                worker("b/2", "b", Presence::Alive),
            ]
        };
        assert_eq!(find(all(), "a/1").unwrap().id, "a/1");
        assert_eq!(find(all(), "a").unwrap().id, "a/2");
        let refused = |name| find(all(), name).unwrap_err().to_string();
        assert!(refused("b").contains("several workers are named b"));
        assert!(refused("c").contains("no worker c"));
    }
}
