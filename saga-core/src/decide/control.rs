//! What the system or an operator does to a saga from outside its steps.

use super::turn::{Stop, Turn};
use crate::decision::Ignored;
use crate::event::{EventKind, PauseCause};

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
