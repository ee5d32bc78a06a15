//! An operator moves the saga to another version of its definition.

use super::turn::{Stop, Turn};
use super::{forward, unwind};
use crate::definition::{Definition, movable};
use crate::event::EventKind;
use crate::operator::By;
use crate::refusal::Refused;
use crate::saga::Phase;
use crate::values::ValueKey;

/// From here on the saga is judged by the other version, beginning with what that makes possible
/// at once. A time that has come by the other version's limits is looked at by the next timer.
pub(super) fn apply<'a>(turn: &mut Turn<'a>, to: &'a Definition, by: By) -> Result<(), Stop> {
    let input = turn.value(ValueKey::Input)?;
    movable(turn.definition, to, &turn.saga, Some(&input)).map_err(|obstacles| {
        Stop::Refused(Refused::CannotMove {
            to: to.reference.clone(),
            obstacles,
        })
    })?;
    turn.emit(EventKind::SagaMoved {
        to: to.reference.clone(),
        by,
    });
    turn.definition = to;
    if turn.rests() {
        return Ok(());
    }
    match turn.saga.phase {
        Phase::Running if turn.saga.unwind.is_some() => unwind::reconsider(turn),
        Phase::Running => forward::resume(turn),
        Phase::Compensating => unwind::advance(turn),
        // An undo that failed waits for its operator, under whichever version.
        Phase::CompensationFailed
        | Phase::Completed
        | Phase::Compensated { .. }
        | Phase::Terminated => Ok(()),
    }
}
