//! What the system or an operator does to a saga from outside its steps.

use super::turn::{Stop, Turn};
use super::{move_by_hand, resolve_by_hand, rest, retry_by_hand, unwind};
use crate::decision::Ignored;
use crate::event::{EventKind, PauseCause, UnwindCause};
use crate::ids::StepKey;
use crate::operator::{By, Operator, Verb};
use crate::refusal::Refused;
use crate::saga::Phase;

/// An input could not be applied. The saga rests, so that the input is not tried for ever.
pub(super) fn park(turn: &mut Turn<'_>, why: &str) -> Result<(), Stop> {
    if turn.saga.phase.is_closed() {
        return Err(Stop::Ignored(Ignored::Closed));
    }
    if matches!(turn.saga.pause, Some(PauseCause::Parked(_))) {
        return Err(Stop::Ignored(Ignored::Duplicate));
    }
    turn.emit(EventKind::SagaPaused {
        cause: PauseCause::Parked(why.to_owned()),
    });
    Ok(())
}

/// An operator asks for something. Where that makes no sense it is refused, with the reason.
pub(super) fn apply<'a>(turn: &mut Turn<'a>, operator: &'a Operator) -> Result<(), Stop> {
    if turn.saga.version == 0 {
        let why = format!("saga {} was never started", turn.saga.id);
        return Err(Stop::Illegal(why));
    }
    if turn.saga.phase.is_closed() {
        return Err(Stop::Refused(Refused::Closed(turn.saga.status())));
    }
    let by = operator.by();
    match &operator.verb {
        Verb::Cancel => cancel(turn, by),
        Verb::Pause => pause(turn, by),
        Verb::Resume => rest::resume(turn, by),
        Verb::Terminate => {
            turn.emit(EventKind::SagaTerminated { by });
            Ok(())
        }
        Verb::Retry { step } => retry_by_hand::retry(turn, step, by),
        Verb::Skip { step, output } => resolve_by_hand::skip(turn, step, output, by),
        Verb::Resolve { step, resolution } => resolve_by_hand::resolve(turn, step, resolution, by),
        Verb::Move { to } => move_by_hand::apply(turn, to, by),
    }
}

fn pause(turn: &mut Turn<'_>, by: By) -> Result<(), Stop> {
    if turn.rests() {
        return Err(Stop::Refused(Refused::AlreadyPaused));
    }
    if turn.saga.phase == Phase::CompensationFailed {
        return Err(Stop::Refused(Refused::CompensationFailed));
    }
    turn.emit(EventKind::SagaPaused {
        cause: PauseCause::Operator(by),
    });
    Ok(())
}

/// Cancelling is compensating. It ends a rest, whatever that was for, except while nobody knows
/// whether the pivot happened: then the rest goes on, and what is found out decides.
fn cancel(turn: &mut Turn<'_>, by: By) -> Result<(), Stop> {
    let refused = match turn.saga.phase {
        Phase::CompensationFailed => Some(Refused::CompensationFailed),
        Phase::Compensating => Some(Refused::TurningBack),
        Phase::Running if turn.saga.unwind.is_some() => Some(Refused::TurningBack),
        Phase::Running => turn
            .passed_pivot()
            .map(|pivot| Refused::PivotPassed(StepKey::whole(pivot.name.clone()))),
        Phase::Completed | Phase::Compensated { .. } | Phase::Terminated => {
            Some(Refused::Closed(turn.saga.status()))
        }
    };
    if let Some(reason) = refused {
        return Err(Stop::Refused(reason));
    }
    if turn.rests() && !rest::waits_for_a_pivot(turn) {
        rest::end(turn, Some(by.clone()));
    }
    unwind::begin(turn, UnwindCause::Cancelled(by))
}
