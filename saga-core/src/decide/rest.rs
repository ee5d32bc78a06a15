//! Resting for an operator, and going on.

use super::turn::{Stop, Turn};
use super::{forward, timer, unwind};
use crate::event::{EventKind, PauseCause};
use crate::ids::{StepKey, StepName};
use crate::operator::By;
use crate::refusal::Refused;
use crate::saga::{Phase, StepStatus};

/// An operator lets the saga go on. Where it would rest again at once, that is refused.
pub(super) fn resume(turn: &mut Turn<'_>, by: By) -> Result<(), Stop> {
    let refused = match &turn.saga.pause {
        None => Some(Refused::NotPaused),
        Some(cause) if is_mended(turn, cause) => None,
        Some(PauseCause::FailedAfterPivot(step) | PauseCause::StepFailed(step)) => {
            Some(Refused::StillFailed(StepKey::whole(step.clone())))
        }
        Some(PauseCause::PivotUnknown(step)) => {
            Some(Refused::StillUnknown(StepKey::whole(step.clone())))
        }
        Some(PauseCause::MaxLifetime | PauseCause::Parked(_) | PauseCause::Operator(_)) => None,
    };
    match refused {
        Some(reason) => Err(Stop::Refused(reason)),
        None => go_on(turn, Some(by)),
    }
}

/// An operator has mended a step: the saga goes on if it rested because of that step, and not if
/// it rests for another reason.
pub(super) fn end_if_mended(turn: &mut Turn<'_>, by: By) -> Result<(), Stop> {
    match &turn.saga.pause {
        Some(cause) if is_mended(turn, cause) => go_on(turn, Some(by)),
        Some(_) | None => Ok(()),
    }
}

/// A late answer can tell what became of the pivot before an operator does.
pub(super) fn end_if_known(turn: &mut Turn<'_>) -> Result<(), Stop> {
    match &turn.saga.pause {
        Some(cause @ PauseCause::PivotUnknown(_)) if is_mended(turn, cause) => go_on(turn, None),
        Some(_) | None => Ok(()),
    }
}

/// Ends the rest without drawing its consequences; the caller decides what follows.
pub(super) fn end(turn: &mut Turn<'_>, by: Option<By>) {
    let overdue = turn.now >= turn.saga.lifetime_ends;
    let lifetime_ends = overdue.then(|| turn.now.after(turn.definition.max_lifetime));
    turn.emit(EventKind::SagaResumed { by, lifetime_ends });
}

fn go_on(turn: &mut Turn<'_>, by: Option<By>) -> Result<(), Stop> {
    end(turn, by);
    match turn.saga.phase {
        Phase::Running => {
            if let Some(position) = unknown_pivot(turn) {
                return unwind::after_unknown(turn, &turn.key_at(position));
            }
            timer::fire_steps(turn)?;
            if turn.saga.unwind.is_some() {
                unwind::reconsider(turn)
            } else {
                forward::resume(turn)
            }
        }
        Phase::Compensating | Phase::CompensationFailed => {
            timer::fire_steps(turn)?;
            unwind::advance(turn)
        }
        Phase::Completed | Phase::Compensated { .. } | Phase::Terminated => Ok(()),
    }
}

/// Whether it must rest until somebody says what became of a pivot.
pub(super) fn waits_for_a_pivot(turn: &Turn<'_>) -> bool {
    unknown_pivot(turn).is_some()
}

fn unknown_pivot(turn: &Turn<'_>) -> Option<usize> {
    (0..turn.definition.steps.len()).find(|&position| {
        turn.definition.steps[position].pivot
            && turn.status_at(position) == StepStatus::OutcomeUnknown
    })
}

/// Whether the step that made the saga rest stands in its way no more.
fn is_mended(turn: &Turn<'_>, cause: &PauseCause) -> bool {
    let is_not = |step: &StepName, status: StepStatus| {
        let position = turn
            .definition
            .steps
            .iter()
            .position(|one| one.name == *step);
        position.is_none_or(|position| turn.status_at(position) != status)
    };
    match cause {
        PauseCause::FailedAfterPivot(step) | PauseCause::StepFailed(step) => {
            is_not(step, StepStatus::Failed)
        }
        PauseCause::PivotUnknown(step) => is_not(step, StepStatus::OutcomeUnknown),
        PauseCause::MaxLifetime | PauseCause::Parked(_) | PauseCause::Operator(_) => false,
    }
}
