//! One saga, looked into.

use orchestrator::http::{EventView, ExplanationView, SagaView};

use super::reading::Seen;
use crate::commands::explain::story;
use crate::timeline::timeline;

/// Why a saga is not further, and how it came there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    pub(super) saga: String,
    /// The step that its first cause is about.
    pub(super) step: Option<String>,
    pub(super) lines: Vec<String>,
}

impl Detail {
    pub(super) fn of(
        saga: &SagaView,
        history: &[EventView],
        explained: Seen<ExplanationView>,
    ) -> Self {
        let (why, step) = match explained {
            Ok(explained) => {
                let step = explained
                    .cause
                    .as_ref()
                    .and_then(|cause| cause.step.clone());
                (story(&explained), step)
            }
            Err(why) => (format!("why it is not further is unknown: {why}\n"), None),
        };
        let drawn = timeline(saga, history, false);
        let lines = why.lines().chain([""]).chain(drawn.lines());
        Self {
            saga: saga.id.clone(),
            step,
            lines: lines.map(str::to_owned).collect(),
        }
    }
}
