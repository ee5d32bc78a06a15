//! `amends queue`: what waits in queues, and who serves them.

use orchestrator::http::{ConditionView, TopologyItemView};

use crate::args::{Format, ServerArgs};
use crate::client::Client;
use crate::failure::Outcome;
use crate::mend_args::QueueCommand;
use crate::output;

/// Lists queues.
pub async fn queue(command: &QueueCommand) -> Outcome {
    match command {
        QueueCommand::List { all, server } => list(*all, server).await,
    }
}

async fn list(all: bool, server: &ServerArgs) -> Outcome {
    let mut queues: Vec<TopologyItemView> = Client::new(&server.server)?.get("/v1/queues").await?;
    // Nobody consumes the queues of the rungs, and most are empty.
    queues.retain(|queue| all || !queue.name.contains(".retry.") || queue.messages > Some(0));
    match server.output {
        Format::Table => {
            let rows: Vec<_> = queues.iter().map(row).collect();
            output::table(&["WAITING", "CONSUMERS", "QUEUE", "WORKERS"], &rows)
        }
        format @ (Format::Json | Format::Jsonl) => output::json_list(format, &queues),
    }
}

fn row(queue: &TopologyItemView) -> Vec<String> {
    let count = |number: Option<u32>| match (queue.condition, number) {
        (_, Some(number)) => number.to_string(),
        (ConditionView::Missing, None) => "missing".to_owned(),
        (ConditionView::Ok | ConditionView::Different | ConditionView::Unknown, None) => {
            "unknown".to_owned()
        }
    };
    let workers = match (queue.workers.len(), &queue.operation) {
        (0, None) => String::new(),
        (0, Some(_)) => "none".to_owned(),
        (1 | 2, _) => queue.workers.join(", "),
        (count, _) => format!("{count} workers"),
    };
    vec![
        count(queue.messages),
        count(queue.consumers),
        queue.name.clone(),
        workers,
    ]
}
