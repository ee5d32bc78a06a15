//! `amends definition`: what the orchestrator knows to run.

use hyper::StatusCode;
use orchestrator::http::DefinitionView;

use crate::args::{DefinitionCommand, Format, ServerArgs};
use crate::client::Client;
use crate::failure::Outcome;
use crate::{output, sources};

/// Registers or lists definitions.
pub async fn definition(command: &DefinitionCommand) -> Outcome {
    match command {
        DefinitionCommand::Apply { paths, server } => {
            let sources = sources::read(paths)?;
            let client = Client::new(&server.server)?;
            for source in sources {
                let (status, view): (_, DefinitionView) = client
                    .post("/v1/definitions", source.text.into_bytes())
                    .await?;
                match server.output {
                    Format::Table => {
                        let done = if status == StatusCode::CREATED {
                            "registered"
                        } else {
                            "unchanged"
                        };
                        output::text(&format!("{} {} {done}\n", view.name, view.version))?;
                    }
                    Format::Json | Format::Jsonl => output::json(server.output, &view)?,
                }
            }
            Ok(())
        }
        DefinitionCommand::List { server } => list(server).await,
    }
}

async fn list(server: &ServerArgs) -> Outcome {
    let rows: Vec<DefinitionView> = Client::new(&server.server)?.get("/v1/definitions").await?;
    match server.output {
        Format::Table => {
            let cells = |row: &DefinitionView| {
                let at = row
                    .registered_at
                    .map_or_else(String::new, |at| at.to_string());
                vec![
                    row.name.clone(),
                    row.version.clone(),
                    at,
                    row.digest.chars().take(12).collect(),
                ]
            };
            let rows: Vec<_> = rows.iter().map(cells).collect();
            output::table(&["NAME", "VERSION", "REGISTERED", "DIGEST"], &rows)
        }
        Format::Json | Format::Jsonl => output::json_list(server.output, &rows),
    }
}
