//! Both ends of a child saga: what its parent asks of it, and what it tells its parent.

use std::sync::Arc;

use serde_json::{Value, json};

use super::turn::{Stop, Turn};
use super::{rest, unwind};
use crate::decision::{Ignored, NoteContent};
use crate::definition::{Step, StepKind};
use crate::event::{EventKind, UnwindCause};
use crate::ids::Op;
use crate::input::{ParentAsk, Reply, ReplyOutcome, StepError};
use crate::operator::By;
use crate::saga::Phase;
use crate::values::ValueKey;

/// The parent asks this saga to end without leaving anything behind, or to be undone. What became
/// of it is told when it ends.
pub(super) fn asked(turn: &mut Turn<'_>, ask: &ParentAsk) -> Result<(), Stop> {
    if turn.saga.version == 0 {
        return never_started(turn, ask);
    }
    let Some(state) = turn
        .saga
        .parent
        .clone()
        .filter(|state| state.parent == ask.parent)
    else {
        let (saga, other) = (turn.saga.id, ask.parent.saga);
        return Err(Stop::Illegal(format!("saga {saga} is no step of {other}")));
    };
    if (ask.op, ask.attempt) == (state.asked, state.attempt) {
        return asked_again(turn, ask.op);
    }
    if (order(ask.op), ask.attempt) < (order(state.asked), state.attempt) {
        return Err(Stop::Ignored(Ignored::StaleAttempt));
    }
    turn.emit(EventKind::ParentAsked {
        op: ask.op,
        attempt: ask.attempt,
    });
    match (ask.op, &turn.saga.phase) {
        (Op::Settle, Phase::Running) if turn.saga.unwind.is_none() && !turn.pivot_passed() => {
            if turn.rests() && !rest::waits_for_a_pivot(turn) {
                rest::end(turn, Some(by_parent(turn)));
            }
            unwind::begin(turn, UnwindCause::Parent)
        }
        (Op::Compensate, Phase::Completed) if !turn.pivot_passed() => {
            turn.emit(EventKind::SagaReopened);
            unwind::advance(turn)
        }
        // It ends by itself, one way or the other, or has ended.
        (Op::Action | Op::Settle | Op::Compensate, _) => Ok(()),
    }
}

/// The parent repeats itself. When this saga has ended, the parent may not have heard so.
pub(super) fn asked_again(turn: &mut Turn<'_>, op: Op) -> Result<(), Stop> {
    match &turn.saga.parent {
        Some(state) if turn.saga.phase.is_closed() && state.asked == op => {
            let attempt = state.attempt;
            turn.emit(EventKind::ParentAsked { op, attempt });
            Ok(())
        }
        Some(_) | None => Err(Stop::Ignored(Ignored::Duplicate)),
    }
}

/// What the parent asks later is worth more than what it asked before.
const fn order(op: Op) -> u8 {
    match op {
        Op::Action => 0,
        Op::Settle => 1,
        Op::Compensate => 2,
    }
}

/// The start has been overtaken. A saga that has ended already keeps it from ever running.
fn never_started(turn: &mut Turn<'_>, ask: &ParentAsk) -> Result<(), Stop> {
    if ask.op != Op::Settle {
        let why = format!("saga {} was never started", turn.saga.id);
        return Err(Stop::Illegal(why));
    }
    turn.emit(EventKind::SagaStarted {
        definition: turn.definition.reference.clone(),
        key: None,
        labels: turn.definition.labels.clone(),
        deadline: None,
        lifetime_ends: turn.now.after(turn.definition.max_lifetime),
        parent: Some(ask.parent.clone()),
    });
    turn.write(ValueKey::Input, Arc::new(Value::Null));
    turn.emit(EventKind::ParentAsked {
        op: ask.op,
        attempt: ask.attempt,
    });
    turn.emit(EventKind::CompensationStarted {
        cause: UnwindCause::Parent,
    });
    turn.emit(EventKind::SagaCompensated {
        residue: Vec::new(),
    });
    Ok(())
}

/// Tells the parent what became of this saga, when it has just ended or was asked after its end.
pub(super) fn tell_parent(turn: &mut Turn<'_>, was_closed: bool) -> Result<(), Stop> {
    let Some(state) = turn.saga.parent.clone() else {
        return Ok(());
    };
    let asked = turn.has_emitted(|kind| matches!(kind, EventKind::ParentAsked { .. }));
    if !turn.saga.phase.is_closed() || (was_closed && !asked) {
        return Ok(());
    }
    let outcome = outcome(turn, state.asked)?;
    let reply = Reply {
        key: state.parent.key,
        op: state.asked,
        round: state.parent.round,
        attempt: state.attempt,
        outcome,
        worker: Some(format!("saga {}", turn.saga.id)),
    };
    let parent = state.parent.saga;
    turn.tell(turn.saga.version, NoteContent::ToParent { parent, reply });
    Ok(())
}

/// The end of this saga as the answer to what its parent asked.
fn outcome(turn: &Turn<'_>, asked: Op) -> Result<ReplyOutcome, Stop> {
    let id = turn.saga.id;
    let left = |residue: &[crate::ids::StepName]| {
        let mut error = StepError::new("child_compensated", format!("saga {id} was undone"));
        error.details = Some(json!({ "saga": id, "residue": residue }));
        error
    };
    Ok(match (&turn.saga.phase, asked) {
        (Phase::Completed, Op::Action | Op::Settle) => ReplyOutcome::Done(result(turn)?),
        (Phase::Completed, Op::Compensate) => {
            let message = format!("the point of no return of saga {id} has passed");
            ReplyOutcome::Fail(StepError::new("pivot_passed", message))
        }
        (Phase::Compensated { residue }, Op::Settle) if residue.is_empty() => {
            ReplyOutcome::NeverHappened
        }
        (Phase::Compensated { residue }, Op::Action | Op::Settle) => {
            ReplyOutcome::Fail(left(residue))
        }
        (Phase::Compensated { residue }, Op::Compensate) => {
            ReplyOutcome::Done(Arc::new(json!({ "saga": id, "residue": residue })))
        }
        (
            Phase::Terminated | Phase::Running | Phase::Compensating | Phase::CompensationFailed,
            _,
        ) => {
            let message = format!("saga {id} was terminated without undoing anything");
            ReplyOutcome::Unknown(StepError::new("child_terminated", message))
        }
    })
}

fn result(turn: &Turn<'_>) -> Result<Arc<Value>, Stop> {
    match turn.definition.output {
        Some(_) => turn.value(ValueKey::Result),
        None => Ok(Arc::new(Value::Null)),
    }
}

/// Whether a child saga that was undone left something that cannot be undone, by what it said.
pub(super) fn left_something(step: &Step, said: Option<&Value>) -> bool {
    let residue = said.and_then(|said| said.get("residue")?.as_array());
    matches!(step.kind, StepKind::Saga(_)) && residue.is_some_and(|left| !left.is_empty())
}

/// The signature under what happens because the parent wants it.
pub(super) fn by_parent(turn: &Turn<'_>) -> By {
    let parent = turn.saga.parent.as_ref();
    By {
        who: parent.map_or_else(String::new, |state| format!("saga {}", state.parent.saga)),
        reason: "this saga is a step of it".to_owned(),
    }
}
