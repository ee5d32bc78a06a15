//! `amends definition`: what the orchestrator knows to run.

use hyper::StatusCode;
use orchestrator::http::{DefinitionSourceView, DefinitionView, DiffView, OperateBody};
use saga_core::compiler;
use saga_core::graph::Picture;
use serde_json::json;

use super::graph::drawn;
use crate::args::{Format, ServerArgs};
use crate::client::Client;
use crate::definition_args::{
    DefinitionCommand, DiffArgs, GraphFormat, RetireArgs, ShowArgs, ShowFormat,
};
use crate::failure::{Failure, Kind, Outcome};
use crate::{differences, output, sources};

/// What stands between a name and a version.
const AT: char = '@';

/// Registers, shows, compares or retires definitions.
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
        DefinitionCommand::Show(args) => show(args).await,
        DefinitionCommand::Diff(args) => diff(args).await,
        DefinitionCommand::Retire(args) => retire("retire", args).await,
        DefinitionCommand::Unretire(args) => retire("unretire", args).await,
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
                let retired = row.retired.as_ref();
                vec![
                    row.name.clone(),
                    row.version.clone(),
                    at,
                    row.digest.chars().take(12).collect(),
                    retired.map_or_else(String::new, |retired| {
                        format!("retired by {}: {}", retired.who, retired.reason)
                    }),
                ]
            };
            let rows: Vec<_> = rows.iter().map(cells).collect();
            output::table(&["NAME", "VERSION", "REGISTERED", "DIGEST", "NOTE"], &rows)
        }
        Format::Json | Format::Jsonl => output::json_list(server.output, &rows),
    }
}

/// The path of a version; without one, of that which a start would take.
fn path(text: &str) -> String {
    let (name, version) = text.split_once(AT).unwrap_or((text, "latest"));
    format!("/v1/definitions/{name}/{version}")
}

/// The same where a version must be named.
fn exact(text: &str) -> Result<String, Failure> {
    if text.contains(AT) {
        return Ok(path(text));
    }
    let message = format!("`{text}` names no version");
    Err(Failure::new(Kind::Usage, message).help(format!("write {text}@1.0.0")))
}

async fn show(args: &ShowArgs) -> Outcome {
    let client = Client::new(&args.server)?;
    let shown: DefinitionSourceView = client.get(&path(&args.definition)).await?;
    let form = match args.output {
        ShowFormat::Yaml => return output::text(&shown.source),
        ShowFormat::Json => return output::json(Format::Json, &shown),
        ShowFormat::Text => GraphFormat::Text,
        ShowFormat::Svg => GraphFormat::Svg,
        ShowFormat::Mermaid => GraphFormat::Mermaid,
        ShowFormat::Dot => GraphFormat::Dot,
    };
    let file = format!("{} {}", shown.definition.name, shown.definition.version);
    let compiled = compiler::compile(&file, &shown.source);
    let Some(definition) = &compiled.definition else {
        let message = format!("{file} does not compile with this amends");
        return Err(Failure::error(message).help("`-o yaml` prints it as it is"));
    };
    let mut text = drawn(&Picture::of(definition), form);
    if let (GraphFormat::Text, Some(retired)) = (form, &shown.definition.retired) {
        text.push_str(&format!(
            "\nretired by {}: {}\n",
            retired.who, retired.reason
        ));
    }
    output::text(&text)
}

async fn diff(args: &DiffArgs) -> Outcome {
    let client = Client::new(&args.server.server)?;
    let to = std::path::Path::new(&args.to);
    let source = if to.is_file() {
        let mut read = sources::read(&[to.to_owned()])?;
        read.pop().map_or_else(String::new, |source| source.text)
    } else {
        let shown: DefinitionSourceView = client.get(&exact(&args.to)?).await?;
        shown.source
    };
    let path = format!("{}/diff", exact(&args.from)?);
    let (_, diff): (_, DiffView) = client.post(&path, source.into_bytes()).await?;
    match args.server.output {
        Format::Table => output::text(&differences::told(&diff)),
        Format::Json | Format::Jsonl => output::json(args.server.output, &diff),
    }
}

async fn retire(verb: &str, args: &RetireArgs) -> Outcome {
    let signature = &args.signature;
    let client = Client::new(&signature.server.server)?;
    let body = json!({ "who": signature.who, "reason": signature.reason });
    let body = serde_json::from_value::<OperateBody>(body)
        .and_then(|body| serde_json::to_vec(&body))
        .map_err(|error| Failure::because("the request cannot be made", &error))?;
    let path = format!("{}/{verb}", exact(&args.definition)?);
    let (_, view): (_, DefinitionView) = client.post(&path, body).await?;
    match signature.server.output {
        Format::Table => {
            let state = if view.retired.is_some() {
                "starts no new sagas"
            } else {
                "starts sagas"
            };
            output::text(&format!("{} {} {state}\n", view.name, view.version))
        }
        Format::Json | Format::Jsonl => output::json(signature.server.output, &view),
    }
}
