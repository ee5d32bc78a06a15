//! `amends definition`: what the orchestrator knows to run.

use hyper::StatusCode;
use orchestrator::http::{DefinitionSourceView, DefinitionView, DiffView, OperateBody};
use saga_core::compiler;
use saga_core::graph::Picture;
use serde_json::json;

use super::graph::drawn;
use crate::args::ServerArgs;
use crate::definition_args::{
    DefinitionCommand, DiffArgs, GraphFormat, RetireArgs, ShowArgs, ShowFormat,
};
use crate::failure::{Failure, Kind, Outcome};
use crate::{clock, differences, output, sources};

/// Columns of a digest, unless it may be wide.
const DIGEST_COLUMNS: usize = 12;

/// What stands between a name and a version.
const AT: char = '@';

/// Registers, shows, compares or retires definitions.
pub async fn definition(command: &DefinitionCommand) -> Outcome {
    match command {
        DefinitionCommand::Apply { paths, server } => {
            let sources = sources::read(paths)?;
            let client = server.client()?;
            for source in sources {
                let (status, view): (_, DefinitionView) = client
                    .post("/v1/definitions", source.text.into_bytes())
                    .await?;
                output::one_of_many(server.output, &view, |_| {
                    let done = if status == StatusCode::CREATED {
                        "registered"
                    } else {
                        "unchanged"
                    };
                    format!("{} {} {done}\n", view.name, view.version)
                })?;
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
    let rows: Vec<DefinitionView> = server.client()?.get("/v1/definitions").await?;
    output::list(server.output, &rows, |wide| {
        let rows: Vec<_> = rows.iter().map(|row| cells(row, wide)).collect();
        output::table(&["NAME", "VERSION", "REGISTERED", "DIGEST", "NOTE"], &rows)
    })
}

fn cells(row: &DefinitionView, wide: bool) -> Vec<String> {
    let registered = row.registered_at.map_or_else(String::new, |at| {
        let at = at.to_string();
        if wide { at } else { clock::minute(&at) }
    });
    let digest = if wide { usize::MAX } else { DIGEST_COLUMNS };
    let retired = row.retired.as_ref();
    vec![
        row.name.clone(),
        row.version.clone(),
        registered,
        row.digest.chars().take(digest).collect(),
        retired.map_or_else(String::new, |retired| {
            format!("retired by {}: {}", retired.who, retired.reason)
        }),
    ]
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
    let client = args.address.client()?;
    let shown: DefinitionSourceView = client.get(&path(&args.definition)).await?;
    let form = match args.output {
        ShowFormat::Yaml => return output::text(&shown.source),
        ShowFormat::Json => return output::json(&shown),
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
    let client = args.server.client()?;
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
    output::document(args.server.output, &diff, |_| differences::told(&diff))
}

async fn retire(verb: &str, args: &RetireArgs) -> Outcome {
    let signature = &args.signature;
    let client = signature.server.client()?;
    let body = json!({ "who": signature.who, "reason": signature.reason });
    let body = serde_json::from_value::<OperateBody>(body)
        .and_then(|body| serde_json::to_vec(&body))
        .map_err(|error| Failure::because("the request cannot be made", &error))?;
    let path = format!("{}/{verb}", exact(&args.definition)?);
    let (_, view): (_, DefinitionView) = client.post(&path, body).await?;
    output::document(signature.server.output, &view, |_| {
        let state = if view.retired.is_some() {
            "starts no new sagas"
        } else {
            "starts sagas"
        };
        format!("{} {} {state}\n", view.name, view.version)
    })
}
