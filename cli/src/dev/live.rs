//! What happens, line by line, while it happens.

use orchestrator::engine::Occurrence;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::failure::Outcome;
use crate::{narrative, output};

/// Prints every event of every saga until the orchestrator stops.
pub async fn follow(mut feed: broadcast::Receiver<Occurrence>) -> Outcome {
    loop {
        match feed.recv().await {
            Ok(Occurrence {
                saga,
                definition,
                event,
            }) => {
                let id = saga.to_string();
                let tail = id.get(id.len().saturating_sub(8)..).unwrap_or(&id);
                let at = event.at.to_string();
                let clock = at.get(11..23).unwrap_or(&at);
                let what = narrative::describe(&event.kind);
                output::text(&format!("{clock} {} …{tail} {what}\n", definition.name))?;
            }
            Err(RecvError::Lagged(missed)) => {
                output::text(&format!("… {missed} events were too fast to print\n"))?;
            }
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}
