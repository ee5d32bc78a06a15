//! The one match on what happened.

use super::turn::{Stop, Turn};
use super::{child, control, dead_letter, forward, heartbeat, missing, reply, timer, wait};
use crate::decision::{Ignored, Outcome};
use crate::definition::Definition;
use crate::input::Input;
use crate::saga::Saga;
use crate::time::Timestamp;
use crate::values::Values;

/// Judges one input.
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
    let mut turn = Turn::new(definition, saga, values, now);
    let done = match input {
        Input::Start(start) => forward::start(&mut turn, start),
        Input::Reply(reply) => reply::apply(&mut turn, reply),
        Input::Timer => timer::fire(&mut turn),
        Input::DeadLetter(letter) => dead_letter::apply(&mut turn, letter),
        Input::Heartbeat(beat) => heartbeat::apply(&mut turn, beat),
        Input::Park(why) => control::park(&mut turn, why),
        Input::Operator(operator) => control::apply(&mut turn, operator),
        Input::Signal(signal) => wait::signal(&mut turn, signal),
        Input::Missing(missing) => missing::apply(&mut turn, missing),
        Input::Parent(ask) => child::asked(&mut turn, ask),
    };
    let done = done.and_then(|()| child::tell_parent(&mut turn, saga.phase.is_closed()));
    match done {
        Ok(()) if turn.is_idle() => Outcome::Ignored(Ignored::NotDue),
        Ok(()) => Outcome::Applied(Box::new(turn.finish())),
        Err(Stop::Ignored(reason)) => Outcome::Ignored(reason),
        Err(Stop::Refused(why)) => Outcome::Refused(why),
        Err(Stop::Illegal(why)) => Outcome::Illegal(why),
        Err(Stop::Needs(keys)) => Outcome::Needs(keys),
    }
}
