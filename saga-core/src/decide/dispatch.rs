//! The one match on what happened.

use std::sync::Arc;

use super::turn::{Stop, Turn};
use super::{child, control, dead_letter, forward, heartbeat, missing, reply, timer, wait};
use crate::decision::{Ignored, Outcome};
use crate::definition::Definition;
use crate::input::Input;
use crate::saga::Saga;
use crate::time::Timestamp;
use crate::values::Values;

/// Judges one input; several of one saga are a [`Series`](super::Series).
///
/// The same arguments always give the same outcome. A saga that was never started is
/// [`Saga::new`]; its first input is [`Input::Start`].
pub fn decide(
    definition: &Definition,
    saga: &Saga,
    values: &Values,
    input: &Input,
    now: Timestamp,
) -> Outcome {
    let mut turn = Turn::new(definition, Arc::new(saga.clone()), values.clone(), now);
    match judge(&mut turn, input) {
        Ok(()) => match turn.finish() {
            (Some(decision), _) => Outcome::Applied(Box::new(decision)),
            (None, _) => Outcome::Ignored(Ignored::NotDue),
        },
        Err(Stop::Ignored(reason)) => Outcome::Ignored(reason),
        Err(Stop::Refused(why)) => Outcome::Refused(why),
        Err(Stop::Illegal(why)) => Outcome::Illegal(why),
        Err(Stop::Needs(keys)) => Outcome::Needs(keys),
    }
}

/// Does what follows from an input. When that ends before it is done, what it has done is to be taken back.
pub(super) fn judge<'a>(turn: &mut Turn<'a>, input: &'a Input) -> Result<(), Stop> {
    let was_closed = turn.saga.phase.is_closed();
    turn.begin();
    match input {
        Input::Start(start) => forward::start(turn, start),
        Input::Reply(reply) => reply::apply(turn, reply),
        Input::Timer => timer::fire(turn),
        Input::DeadLetter(letter) => dead_letter::apply(turn, letter),
        Input::Heartbeat(beat) => heartbeat::apply(turn, beat),
        Input::Park(why) => control::park(turn, why),
        Input::Operator(operator) => control::apply(turn, operator),
        Input::Signal(signal) => wait::signal(turn, signal),
        Input::Missing(missing) => missing::apply(turn, missing),
        Input::Parent(ask) => child::asked(turn, ask),
    }?;
    child::tell_parent(turn, was_closed)?;
    if turn.is_idle() {
        return Err(Stop::Ignored(Ignored::NotDue));
    }
    Ok(())
}
