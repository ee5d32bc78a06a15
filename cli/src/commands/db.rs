//! `amends db`: the schema of the orchestrator's database.

use orchestrator::store::{self, PostgresSettings};
use serde_json::json;
use uuid::Uuid;

use crate::failure::{Failure, Outcome};
use crate::upkeep_args::{DbArgs, DbCommand};
use crate::{config, output};

/// Applies migrations or lists them.
pub async fn db(command: &DbCommand) -> Outcome {
    match command {
        DbCommand::Migrate(args) => migrate(args).await,
        DbCommand::Status(args) => status(args).await,
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

fn settings(args: &DbArgs) -> Result<PostgresSettings, Failure> {
    let settings = config::read(args.config.as_deref())?;
    Ok(PostgresSettings::new(
        &settings.postgres.url,
        Uuid::now_v7(),
    ))
}
