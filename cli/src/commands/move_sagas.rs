//! `amends saga move`: go on with another version of a definition.

use orchestrator::http::{MoveBody, MoveManyBody, MovedView, MovesView, StayView};

use crate::args::Format;
use crate::client::Client;
use crate::failure::{Failure, Kind, Outcome};
use crate::move_args::MoveArgs;
use crate::output;

/// Sagas that are named for each reason to stay, where people read it.
const NAMED_MAX: usize = 3;

pub(super) async fn run(args: &MoveArgs) -> Outcome {
    match (&args.id, &args.definition, &args.from) {
        (Some(id), _, _) => one(args, id).await,
        (None, Some(name), Some(from)) => many(args, name, from).await,
        (None, _, _) => {
            let message = "no saga is named";
            Err(Failure::new(Kind::Usage, message)
                .help("write an ID, or --definition NAME --from VERSION for all that can move"))
        }
    }
}

async fn one(args: &MoveArgs, id: &str) -> Outcome {
    let signature = &args.signature;
    let body = MoveBody {
        to: args.to.clone(),
        reason: signature.reason.clone(),
        who: Some(signature.who.clone()),
        dry_run: args.dry_run,
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| Failure::because("the request cannot be made", &error))?;
    let client = Client::new(&signature.server.server)?;
    let path = format!("/v1/sagas/{id}/move");
    let (_, view): (_, MovedView) = client.post(&path, body).await?;
    match signature.server.output {
        Format::Table if view.dry_run => {
            output::text(&format!("{} could move to {}\n", view.id, args.to))
        }
        Format::Table => output::text(&format!(
            "{} runs {} {} and is {}\n",
            view.id, view.definition, view.version, view.status
        )),
        format @ (Format::Json | Format::Jsonl) => output::json(format, &view),
    }
}

async fn many(args: &MoveArgs, name: &str, from: &str) -> Outcome {
    if !args.yes && !args.dry_run {
        let message = format!("this moves open sagas of {name} {from}, and was not confirmed");
        return Err(Failure::new(Kind::Usage, message)
            .help("`--dry-run` says which could move; `--yes` moves them"));
    }
    let signature = &args.signature;
    let body = MoveManyBody {
        to: args.to.clone(),
        reason: signature.reason.clone(),
        who: Some(signature.who.clone()),
        dry_run: args.dry_run,
        limit: args.limit,
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| Failure::because("the request cannot be made", &error))?;
    let client = Client::new(&signature.server.server)?;
    let path = format!("/v1/definitions/{name}/{from}/move");
    let (_, view): (_, MovesView) = client.post(&path, body).await?;
    match signature.server.output {
        Format::Table => output::text(&told(&view))?,
        format @ (Format::Json | Format::Jsonl) => output::json(format, &view)?,
    }
    verdict(&view)
}

/// Whether all of it is done: those that stay, and those that nobody looked at, are not.
fn verdict(view: &MovesView) -> Outcome {
    let stay: usize = view.stay.iter().map(|one| one.sagas.len()).sum();
    let message = match (stay, view.more) {
        (0, false) => return Ok(()),
        (0, true) => format!("more sagas run {}; ask again", view.from),
        (stay, false) => format!("{} stay with {}", sagas(stay), view.from),
        (stay, true) => format!("{} stay with {}, and more run it", sagas(stay), view.from),
    };
    let kind = if view.moved.is_empty() && !view.more {
        Kind::Refused
    } else {
        Kind::Partly
    };
    Err(Failure::new(kind, message))
}

fn told(view: &MovesView) -> String {
    let how = if view.dry_run { "could move" } else { "moved" };
    let mut text = format!("{} -> {}\n", view.from, view.to);
    text.push_str(&format!("  {} {how}\n", sagas(view.moved.len())));
    for StayView {
        obstacles,
        sagas: ids,
    } in &view.stay
    {
        text.push_str(&format!("  {} must stay: ", sagas(ids.len())));
        let named: Vec<&str> = ids.iter().take(NAMED_MAX).map(String::as_str).collect();
        text.push_str(&named.join(", "));
        if ids.len() > NAMED_MAX {
            text.push_str(&format!(" and {} more", ids.len() - NAMED_MAX));
        }
        text.push('\n');
        for obstacle in obstacles {
            text.push_str(&format!("    {obstacle}\n"));
        }
    }
    text
}

fn sagas(count: usize) -> String {
    match count {
        1 => "1 saga".to_owned(),
        several => format!("{several} sagas"),
    }
}
