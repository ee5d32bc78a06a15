//! `amends db`: the schema of the orchestrator's database.

use orchestrator::retention::{self, Fate, Mode};
use orchestrator::store::{self, PostgresSettings};
use serde_json::json;
use uuid::Uuid;

use crate::failure::{Failure, Outcome};
use crate::upkeep_args::{DbArgs, DbCommand, RetentionArgs};
use crate::{config, connections, output};

/// Applies migrations or lists them.
pub async fn db(command: &DbCommand) -> Outcome {
    match command {
        DbCommand::Migrate(args) => migrate(args).await,
        DbCommand::Status(args) => status(args).await,
        DbCommand::Retention(args) => retention(args).await,
    }
}

async fn migrate(args: &DbArgs) -> Outcome {
    let done = store::migrate(&settings(args)?)
        .await
        .map_err(|error| Failure::because("cannot migrate the database", &error))?;
    let rows: Vec<_> = done
        .iter()
        .map(|one| json!({ "version": one.version, "name": one.name }))
        .collect();
    output::list(args.output, &rows, |_| {
        let lines = done.iter();
        let lines = lines.map(|one| format!("applied {} {}\n", one.version, one.name));
        let sum = match done.len() {
            0 => "the database is up to date\n".to_owned(),
            count => format!("{count} migrations applied\n"),
        };
        lines.chain([sum]).collect()
    })
}

async fn status(args: &DbArgs) -> Outcome {
    let rows = store::status(&settings(args)?)
        .await
        .map_err(|error| Failure::because("cannot look at the database", &error))?;
    let documents: Vec<_> = rows
        .iter()
        .map(
            |one| json!({ "version": one.version, "name": one.name, "applied_at": one.applied_at }),
        )
        .collect();
    output::list(args.output, &documents, |_| {
        let cells = rows.into_iter().map(|one| {
            let applied = one
                .applied_at
                .map_or_else(|| "not applied".to_owned(), |at| at.to_string());
            vec![one.version.to_string(), one.name, applied]
        });
        output::table(&["VERSION", "NAME", "APPLIED"], &cells.collect::<Vec<_>>())
    })
}

async fn retention(args: &RetentionArgs) -> Outcome {
    let settings = config::read(args.db.config.as_deref())?;
    let store = connections::store(&settings).await?;
    let mode = if args.dry_run { Mode::Look } else { Mode::Drop };
    let keep = settings.retention.keep();
    let days = retention::pass(&*store, keep, mode)
        .await
        .map_err(|error| Failure::because("cannot look at what is kept", &error))?;
    output::list(args.db.output, &days, |_| {
        let rows = days.iter().map(|day| {
            vec![
                day.day.clone(),
                count(day.sagas),
                count(day.open),
                size(day.bytes),
                fate(day.fate, settings.retention.days),
            ]
        });
        let head = ["DAY", "SAGAS", "OPEN", "SIZE", "WHAT"];
        output::table(&head, &rows.collect::<Vec<_>>())
    })
}

fn count(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |it| it.to_string())
}

fn fate(fate: Fate, days: u32) -> String {
    match fate {
        Fate::Dropped => "dropped".to_owned(),
        Fate::WouldDrop => "would be dropped".to_owned(),
        Fate::KeptForEver => "kept for ever: retention.days is 0".to_owned(),
        Fate::Young => format!("kept: younger than {days} days"),
        Fate::Open => "kept: sagas are open".to_owned(),
        Fate::Recent => format!("kept: sagas have ended within {days} days"),
        Fate::Unsent => "kept: messages are to be sent".to_owned(),
        Fate::Busy => "kept: in use just now; the next pass tries again".to_owned(),
    }
}

/// A size for people.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes.div_ceil(1024);
    let mut unit = UNITS.iter();
    let mut name = unit.next();
    while size >= 10 * 1024 {
        let Some(next) = unit.next() else { break };
        size = size.div_ceil(1024);
        name = Some(next);
    }
    format!("{size} {}", name.unwrap_or(&"KiB"))
}

fn settings(args: &DbArgs) -> Result<PostgresSettings, Failure> {
    let settings = config::read(args.config.as_deref())?;
    Ok(PostgresSettings::new(
        &settings.postgres.url,
        Uuid::now_v7(),
    ))
}
