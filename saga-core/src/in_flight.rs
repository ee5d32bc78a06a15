//! The commands of a saga that are under way, to be compared with what the broker and the workers
//! have.

use crate::definition::{Definition, Effect, Plan, StepKind};
use crate::ids::{ActionName, Op, StepKey};
use crate::input::Missing;
use crate::saga::{Saga, StepStatus};
use crate::time::Timestamp;

/// A command that was sent and of which nobody has said anything since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// Which piece of work.
    pub key: StepKey,
    /// What was asked.
    pub op: Op,
    /// Which round of it.
    pub round: u32,
    /// Which attempt.
    pub attempt: u32,
    /// The operation whose queue has it; without one it went to a child saga.
    pub action: Option<ActionName>,
    /// When it was sent, or left its rung.
    pub since: Timestamp,
}

/// What was sent before `before` and not heard of since, in the order of the steps. A saga that
/// rests sends nothing, so nothing of it is missed.
#[must_use]
pub fn in_flight(definition: &Definition, saga: &Saga, before: Timestamp) -> Vec<InFlight> {
    let rests = saga.pause.is_some() || saga.phase.is_closed();
    let pieces = saga.steps.listed().iter().filter(|_| !rests);
    let found = pieces.filter_map(|(key, state)| {
        let work = state.work?;
        let waits = work.retry.is_some_and(|retry| !retry.sent);
        if waits || work.started.is_some() || work.sent_at > before {
            return None;
        }
        let plan = definition.step(&key.step)?.plan(state.fallback);
        let (op, action) = asked(plan, state.status)?;
        Some(InFlight {
            key: key.clone(),
            op,
            round: state.round_of(op),
            attempt: state.attempt,
            action,
            since: work.sent_at,
        })
    });
    found.collect()
}

impl Missing {
    /// Whether it names this command.
    #[must_use]
    pub fn is_about(&self, sent: &InFlight) -> bool {
        (&self.key, self.op, self.round, self.attempt)
            == (&sent.key, sent.op, sent.round, sent.attempt)
    }
}

/// What a status says was asked, and of whom.
fn asked(plan: Plan<'_>, status: StepStatus) -> Option<(Op, Option<ActionName>)> {
    let action = match plan.kind {
        StepKind::Action(call) => Some(call.action.clone()),
        StepKind::Saga(_) => None,
        StepKind::Wait(_) | StepKind::Sleep(_) => return None,
    };
    match status {
        StepStatus::Scheduled | StepStatus::BackingOff => Some((Op::Action, action)),
        StepStatus::Settling => Some((Op::Settle, action)),
        StepStatus::Compensating => match plan.effect {
            Effect::Compensate(undo) => Some((Op::Compensate, Some(undo.action.clone()))),
            Effect::Child => Some((Op::Compensate, None)),
            Effect::None | Effect::Residue(_) | Effect::Retriable => None,
        },
        StepStatus::Pending
        | StepStatus::Waiting
        | StepStatus::Succeeded
        | StepStatus::Failed
        | StepStatus::Skipped
        | StepStatus::OutcomeUnknown
        | StepStatus::Compensated
        | StepStatus::CompensationFailed
        | StepStatus::NeverHappened => None,
    }
}
