//! `amends queue`: what waits in queues, and who serves them.

use orchestrator::http::{ConditionView, TopologyItemView};

use crate::args::ServerArgs;
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
    let mut queues: Vec<TopologyItemView> = server.client()?.get("/v1/queues").await?;
    // Nobody consumes the queues of the rungs, and most are empty.
    queues.retain(|queue| all || !queue.name.contains(".retry.") || queue.messages > Some(0));
    output::list(server.output, &queues, |wide| {
        let rows: Vec<_> = queues.iter().map(|queue| row(queue, wide)).collect();
        output::table(&["WAITING", "CONSUMERS", "QUEUE", "WORKERS"], &rows)
    })
}

fn row(queue: &TopologyItemView, wide: bool) -> Vec<String> {
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
        (1, _) => queue.workers.join(", "),
        (_, _) if wide => queue.workers.join(", "),
        (count, _) => format!("{count} workers"),
    };
    vec![
        count(queue.messages),
        count(queue.consumers),
        queue.name.clone(),
        workers,
    ]
}
