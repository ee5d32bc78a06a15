//! A command is neither with the broker nor with a worker: it is sent again.

use super::retry;
use super::send::{self, Attempt};
use super::turn::{Stop, Turn};
use crate::decision::Ignored;
use crate::event::EventKind;
use crate::in_flight::in_flight;
use crate::input::Missing;

/// Sends what is under way once more, under the same attempt: should it not be lost after all, the
/// worker's ledger answers the second one. A child saga that has it already ignores it.
pub(super) fn apply(turn: &mut Turn<'_>, missing: &Missing) -> Result<(), Stop> {
    let stale = in_flight(turn.definition, &turn.saga, turn.now)
        .iter()
        .all(|sent| !missing.is_about(sent));
    if stale {
        return Err(Stop::Ignored(Ignored::StaleAttempt));
    }
    let attempt = Attempt {
        number: missing.attempt,
        round: missing.round,
        rung: None,
        again: true,
    };
    let event = EventKind::CommandResent {
        key: missing.key.clone(),
        op: missing.op,
        attempt: missing.attempt,
    };
    match send::once_more(turn, &missing.key, missing.op, attempt, event)? {
        Ok(()) => Ok(()),
        Err(error) => retry::exhausted(
            turn,
            &missing.key,
            missing.op,
            send::expression_error(&error),
        ),
    }
}
