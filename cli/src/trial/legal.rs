//! Which ends are legal after which fault, and why. The whole table is here, and it is pure.

use std::time::Duration;

use saga_core::definition::{Definition, OnFailure, OnTimeout, Step, StepKind};
use saga_core::event::{Event, EventKind, PauseCause, UnwindCause};
use saga_core::ids::{StepKey, StepName};
use saga_core::saga::{Saga, StepStatus};

use super::case::Ran;
use super::end::End;
use super::fault::{Fault, Planted};
use super::mock::OUTAGE_ATTEMPTS;
use super::script::Script;
use crate::narrative::rests;

/// What decides about the end, beside the fault.
#[derive(Debug, Clone, Copy)]
struct Situation<'a> {
    fault: Fault,
    on_failure: &'a OnFailure,
    /// Nobody can say what became of a call.
    doubt: Option<Doubt>,
    /// The point of no return is behind the saga.
    pivot_passed: bool,
    /// The saga was turned back by its deadline, not by the step.
    deadline_passed: bool,
    /// The outage is over before the attempts are.
    outage_ends: bool,
    /// The last good output took the place of the step's.
    last_good: bool,
    /// The step waits for a signal, and this follows when none came in time.
    waits: Option<&'a OnTimeout>,
}

/// What nobody can say.
#[derive(Debug, Clone, Copy)]
enum Doubt {
    /// Whether the point of no return was passed.
    Pivot,
    /// Whether some other step happened.
    Step,
}

/// The legal end, and why it is that one.
#[must_use]
const fn legal_end(situation: &Situation<'_>) -> (End, &'static str) {
    match situation.doubt {
        Some(Doubt::Pivot) => {
            return (
                End::Paused,
                "nobody can say whether the point of no return was passed",
            );
        }
        Some(Doubt::Step) => return (End::OutcomeUnknown, "nobody can say whether it happened"),
        None => {}
    }
    match situation.fault {
        _ if situation.deadline_passed && !situation.pivot_passed => (
            End::Compensated,
            "its deadline passed before the point of no return",
        ),
        Fault::Timeout | Fault::LateReply
            if matches!(situation.waits, Some(OnTimeout::Output(_))) =>
        {
            (End::Completed, "its definition goes on without the signal")
        }
        Fault::LateReply if situation.waits.is_some() => after_failure(situation),
        Fault::Fail => after_failure(situation),
        Fault::Timeout if situation.outage_ends => {
            (End::Completed, "its retries outlast the outage")
        }
        // It never had an effect, which settling finds out: a failure like any other.
        Fault::Timeout => after_failure(situation),
        Fault::CrashAfterEffect => (
            End::Completed,
            "whoever takes the step over finds its effect",
        ),
        Fault::Duplicate => (End::Completed, "a second delivery changes nothing"),
        Fault::LateReply => (
            End::Completed,
            "the ledger answers in the place of the lost reply",
        ),
        Fault::UndoFails => (
            End::CompensationFailed,
            "what cannot be undone is for a person to mend",
        ),
    }
}

const fn after_failure(situation: &Situation<'_>) -> (End, &'static str) {
    match situation.on_failure {
        OnFailure::Continue | OnFailure::Output(_) | OnFailure::Fallback(_) => {
            (End::Completed, "its definition goes on without the step")
        }
        OnFailure::LastGood(_) if situation.last_good => {
            (End::Completed, "an output from before takes its place")
        }
        OnFailure::Compensate | OnFailure::Pause | OnFailure::LastGood(_)
            if situation.pivot_passed =>
        {
            (End::Paused, "past the point of no return nothing is undone")
        }
        OnFailure::LastGood(_) => (End::Compensated, "no output from before can take its place"),
        OnFailure::Pause => (End::Paused, "its definition says to rest"),
        OnFailure::Compensate => (End::Compensated, "a failed step turns the saga back"),
    }
}

/// Judges how a case ended.
///
/// # Errors
/// What it should have ended in, for people.
pub(super) fn judge(script: &Script, planted: &Planted, ran: &Ran) -> Result<(), String> {
    let definition = &script.definition;
    let (saga, end) = (&ran.root.saga, ran.end);
    let Some(step) = definition.step(&planted.step) else {
        return Err(format!("the saga has no step {}", planted.step));
    };
    let situation = Situation {
        fault: planted.fault,
        on_failure: &step.on_failure,
        doubt: doubt(script, planted, saga),
        pivot_passed: pivot_passed(definition, saga),
        deadline_passed: matches!(saga.unwind, Some(UnwindCause::Deadline)),
        outage_ends: outlasts_outage(step, &planted.key(), &ran.root.history),
        last_good: saga
            .steps
            .get(&planted.key())
            .is_some_and(|state| state.substituted),
        waits: match &step.kind {
            StepKind::Wait(wait) => Some(&wait.on_timeout),
            StepKind::Action(_) | StepKind::Sleep(_) | StepKind::Saga(_) => None,
        },
    };
    let (legal, because) = legal_end(&situation);
    let rested = saga.pause.as_ref().map(rests);
    if end != legal {
        let why = rested.or_else(|| failed_undo(saga));
        let why = why.map_or_else(String::new, |cause| format!(" ({cause})"));
        return Err(format!("it is {end}{why}; it should be {legal}: {because}"));
    }
    let other = |cause: &&PauseCause| !is_because_of(cause, script, planted);
    if let Some(cause) = saga.pause.as_ref().filter(other) {
        return Err(format!(
            "it rests for another reason than {}: {}",
            planted.step,
            rests(cause)
        ));
    }
    let status = saga.step_status(&planted.key());
    if end == End::CompensationFailed && status != StepStatus::CompensationFailed {
        let named = failed_undo(saga).unwrap_or_default();
        return Err(format!(
            "it does not name {} as what could not be undone: {named}",
            planted.step
        ));
    }
    Ok(())
}

/// What could not be undone, and why.
fn failed_undo(saga: &Saga) -> Option<String> {
    let (key, state) = saga
        .steps
        .iter()
        .find(|(_, state)| state.status == StepStatus::CompensationFailed)?;
    let error = state.error.as_ref()?;
    Some(format!(
        "the undo of {key} failed: {}: {}",
        error.code, error.message
    ))
}

/// Whether the step had more attempts, and more time of its own, than the outage takes.
pub(super) fn outlasts_outage(step: &Step, key: &StepKey, history: &[Event]) -> bool {
    let policy = &step.retry;
    let attempts = policy.maximum_attempts;
    // It gives up when the next attempt would begin too late.
    let longest_delay = policy.maximum_interval.mul_f64(1.0 + policy.jitter);
    let limit = step.timeouts.schedule_to_close;
    let took = time_of_its_own(key, history);
    let time_ran_out = limit.is_some_and(|limit| took + longest_delay >= limit);
    matches!(step.kind, StepKind::Action(_))
        && (attempts == 0 || attempts > OUTAGE_ATTEMPTS)
        && !time_ran_out
}

/// From the step's first attempt to its end; what the saga did before does not count.
fn time_of_its_own(key: &StepKey, history: &[Event]) -> Duration {
    let began = history
        .iter()
        .find(|event| matches!(&event.kind, EventKind::StepScheduled { key: at, .. } if at == key));
    let ended = history.iter().rfind(|event| {
        matches!(&event.kind, EventKind::StepSucceeded { key: at, .. }
            | EventKind::StepFailed { key: at, .. } if at == key)
    });
    match (began, ended) {
        (Some(began), Some(ended)) => ended.at.since(began.at),
        _ => Duration::ZERO,
    }
}

fn pivot_passed(definition: &Definition, saga: &Saga) -> bool {
    definition.steps.iter().any(|step| {
        step.pivot && saga.step_status(&StepKey::whole(step.name.clone())) == StepStatus::Succeeded
    })
}

/// What nobody can say after this fault: what became of the step itself, or of a call that a dying
/// worker was at beside it.
fn doubt(script: &Script, planted: &Planted, saga: &Saga) -> Option<Doubt> {
    let unknown = saga
        .steps
        .listed()
        .iter()
        .filter(|(_, state)| state.status == StepStatus::OutcomeUnknown)
        .map(|(key, _)| &key.step);
    let hit: Vec<&StepName> = match planted.fault {
        Fault::Timeout => vec![&planted.step],
        Fault::CrashAfterEffect => unknown.chain([&planted.step]).collect(),
        Fault::Fail | Fault::Duplicate | Fault::LateReply | Fault::UndoFails => Vec::new(),
    };
    let silent = hit.into_iter().find(|step| !script.can_tell(step))?;
    let is_pivot = script.definition.step(silent).is_some_and(|it| it.pivot);
    Some(if is_pivot { Doubt::Pivot } else { Doubt::Step })
}

/// Whether the saga rests because of the step, and for a reason that a fault may cause.
fn is_because_of(cause: &PauseCause, script: &Script, planted: &Planted) -> bool {
    match cause {
        PauseCause::FailedAfterPivot(step) | PauseCause::StepFailed(step) => *step == planted.step,
        PauseCause::PivotUnknown(step) => !script.can_tell(step),
        PauseCause::MaxLifetime | PauseCause::Parked(_) | PauseCause::Operator(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn situation(fault: Fault, on_failure: &OnFailure) -> Situation<'_> {
        Situation {
            fault,
            on_failure,
            doubt: None,
            pivot_passed: false,
            deadline_passed: false,
            outage_ends: false,
            last_good: false,
            waits: None,
        }
    }

    #[test]
    fn a_failure_ends_as_the_definition_says() {
        let ends = |on_failure: OnFailure, pivot_passed| {
            let plain = situation(Fault::Fail, &on_failure);
            let found = legal_end(&Situation {
                pivot_passed,
                ..plain
            })
            .0;
            let settled = legal_end(&Situation {
                fault: Fault::Timeout,
                pivot_passed,
                ..plain
            });
            assert_eq!(found, settled.0, "settled as never having happened");
            found
        };
        assert_eq!(ends(OnFailure::Compensate, false), End::Compensated);
        assert_eq!(ends(OnFailure::Compensate, true), End::Paused);
        assert_eq!(ends(OnFailure::Pause, false), End::Paused);
        assert_eq!(ends(OnFailure::Continue, true), End::Completed);
        assert_eq!(ends(OnFailure::Output(json!(1)), false), End::Completed);
    }

    #[test]
    fn messages_that_come_twice_or_late_change_nothing() {
        for fault in [Fault::Duplicate, Fault::LateReply, Fault::CrashAfterEffect] {
            let end = legal_end(&situation(fault, &OnFailure::Compensate)).0;
            assert_eq!(end, End::Completed, "{fault}");
        }
    }

    #[test]
    fn an_outcome_is_unknown_only_where_nobody_can_tell() {
        for fault in [Fault::Timeout, Fault::CrashAfterEffect] {
            let silent = Situation {
                doubt: Some(Doubt::Step),
                ..situation(fault, &OnFailure::Compensate)
            };
            assert_eq!(legal_end(&silent).0, End::OutcomeUnknown);
            let pivot = Situation {
                doubt: Some(Doubt::Pivot),
                ..silent
            };
            assert_eq!(legal_end(&pivot).0, End::Paused);
        }
    }

    #[test]
    fn a_deadline_turns_back_only_before_the_pivot() {
        let late = Situation {
            deadline_passed: true,
            ..situation(Fault::LateReply, &OnFailure::Continue)
        };
        assert_eq!(legal_end(&late).0, End::Compensated);
        let past = Situation {
            pivot_passed: true,
            ..late
        };
        assert_eq!(legal_end(&past).0, End::Completed);
    }
}
