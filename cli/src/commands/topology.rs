//! `amends topology`: exchanges and queues that are needed, against those that are there.

use orchestrator::http::{ConditionView, TopologyItemView, TopologyView};

use crate::args::ServerArgs;
use crate::failure::{Failure, Outcome};
use crate::mend_args::TopologyCommand;
use crate::output;

/// Compares, or declares what is missing.
pub async fn topology(command: &TopologyCommand) -> Outcome {
    match command {
        TopologyCommand::Diff { server } => {
            let view: TopologyView = server.client()?.get("/v1/topology").await?;
            tell(server, &view)
        }
        TopologyCommand::Apply { server } => {
            let client = server.client()?;
            let (_, view): (_, TopologyView) =
                client.post("/v1/topology/apply", Vec::new()).await?;
            tell(server, &view)
        }
    }
}

fn tell(server: &ServerArgs, view: &TopologyView) -> Outcome {
    output::page(server.output, view, &view.items, |_| story(view))?;
    if let Some(why) = &view.blind {
        return Err(Failure::error(format!(
            "the topology cannot be seen: {why}"
        )));
    }
    if view.clean {
        return Ok(());
    }
    let count = |wanted| {
        view.items
            .iter()
            .filter(|it| it.condition == wanted)
            .count()
    };
    let (missing, different) = (
        count(ConditionView::Missing),
        count(ConditionView::Different),
    );
    let message = format!("{missing} missing, {different} different");
    let help = if missing > 0 {
        "`amends topology apply` declares what is missing"
    } else {
        "drain and delete what is different, then `amends topology apply`"
    };
    Err(Failure::error(message).help(help))
}

fn story(view: &TopologyView) -> String {
    let mut text = String::new();
    for it in &view.items {
        match it.condition {
            ConditionView::Ok if is_unattended(it) => {
                text.push_str(&format!("! {} {}\n    no consumers", it.kind, it.name));
                let waiting = it.messages.unwrap_or(0);
                if waiting > 0 {
                    text.push_str(&format!(", {waiting} messages wait"));
                }
                text.push('\n');
            }
            ConditionView::Ok => {}
            ConditionView::Missing => text.push_str(&format!("+ {} {}\n", it.kind, it.name)),
            ConditionView::Different => text.push_str(&format!("~ {} {}\n", it.kind, it.name)),
            ConditionView::Unknown => text.push_str(&format!("? {} {}\n", it.kind, it.name)),
        }
        if let Some(detail) = it.detail.as_ref().filter(|_| view.blind.is_none()) {
            text.push_str(&format!("    {detail}\n"));
        }
    }
    for broken in &view.broken_definitions {
        text.push_str(&format!("? {} does not compile\n", broken.definition));
    }
    let fine = view.items.iter();
    let fine = fine.filter(|it| it.condition == ConditionView::Ok).count();
    text.push_str(&format!(
        "{fine} of {} are as they should be\n",
        view.items.len()
    ));
    text
}

fn is_unattended(item: &TopologyItemView) -> bool {
    item.operation.is_some() && item.consumers == Some(0)
}
