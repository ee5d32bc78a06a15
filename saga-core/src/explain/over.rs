//! How a saga ended, as a sentence fragment for people.

use std::fmt::Write as _;

use crate::saga::{Phase, Saga};

/// How it ended; `None` while it is open.
#[must_use]
pub fn over(saga: &Saga) -> Option<String> {
    let mut text = match &saga.phase {
        Phase::Running | Phase::Compensating | Phase::CompensationFailed => return None,
        Phase::Completed => "completed".to_owned(),
        Phase::Compensated { residue } if residue.is_empty() => "everything is undone".to_owned(),
        Phase::Compensated { residue } => {
            let names: Vec<&str> = residue.iter().map(|step| step.as_str()).collect();
            format!(
                "everything undoable is undone, the effect of {} remains",
                names.join(", ")
            )
        }
        Phase::Terminated => "ended by an operator without undoing anything".to_owned(),
    };
    if let Some(at) = saga.ended_at {
        let _infallible = write!(text, ", at {at}");
    }
    Some(text)
}
