//! Whether a dead letter may be replayed: what that would do to its saga as it is now.
//!
//! A letter is about one attempt of one piece of work. Published again as it is, it could act for a
//! saga that has long decided otherwise. So a replay is an input of the saga, or it is refused.

use crate::decide::decide;
use crate::decision::Outcome;
use crate::definition::Definition;
use crate::ids::{Op, StepKey};
use crate::in_flight::in_flight;
use crate::input::{DeadLetter, Input, Missing};
use crate::operator::{By, Operator, Verb};
use crate::refusal::Refused;
use crate::saga::{Phase, Saga, StepState, StepStatus};
use crate::time::Timestamp;
use crate::values::Values;

/// What a replay is for its saga.
#[derive(Debug, Clone, PartialEq)]
pub enum Resend {
    /// The attempt is still under way and nobody has the command: it is sent once more.
    Again(Missing),
    /// The step, or its undo, has failed for good since: it is tried again, as by `retry`.
    Retry(Operator),
}

impl Resend {
    /// What the saga is told.
    #[must_use]
    pub fn input(self) -> Input {
        match self {
            Self::Again(missing) => Input::Missing(missing),
            Self::Retry(operator) => Input::Operator(operator),
        }
    }
}

/// Why a letter is not replayed. Displayed, it is a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MovedOn {
    /// The saga is over.
    #[error("the saga is {}; a command for step {step} has nothing to do any more", status.as_str())]
    Closed {
        /// Which step.
        step: StepKey,
        /// How it ended.
        status: crate::saga::Status,
    },
    /// The saga knows nothing of such a command.
    #[error("the saga never dispatched step {0}")]
    NeverSent(StepKey),
    /// A newer round is under way, or over.
    #[error("step {step} is in round {now}, and the letter is of round {then}")]
    OtherRound {
        /// Which step.
        step: StepKey,
        /// The letter's.
        then: u32,
        /// The saga's.
        now: u32,
    },
    /// A newer attempt is under way, or over.
    #[error("step {step} is at attempt {now}, and the letter is of attempt {then}")]
    OtherAttempt {
        /// Which step.
        step: StepKey,
        /// The letter's.
        then: u32,
        /// The saga's.
        now: u32,
    },
    /// The same attempt has been sent once more since.
    #[error("attempt {attempt} of step {step} has been sent again already, by event {by}")]
    SentAgain {
        /// Which step.
        step: StepKey,
        /// Which attempt.
        attempt: u32,
        /// The event that sent it.
        by: u64,
    },
    /// A worker is at it, or the next attempt waits for its time.
    #[error("step {0} is under way: a worker has begun, or its next attempt waits for its time")]
    UnderWay(StepKey),
    /// What the letter asks for is over.
    #[error("step {step} is {}; nothing asks for its {op} any more", status.as_str())]
    Over {
        /// Which step.
        step: StepKey,
        /// What the letter asks for.
        op: Op,
        /// Where the step stands.
        status: StepStatus,
    },
    /// An operator's retry makes no sense now either.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Judges a letter against the saga that it is about. `by` signs a retry that follows.
///
/// # Errors
/// Why the saga has moved on.
pub fn judge(
    definition: &Definition,
    saga: &Saga,
    letter: &DeadLetter,
    by: &By,
    now: Timestamp,
) -> Result<Resend, MovedOn> {
    let step = letter.key.clone();
    if saga.phase.is_closed() {
        let status = saga.status();
        return Err(MovedOn::Closed { step, status });
    }
    let Some(state) = saga.steps.get(&letter.key) else {
        return Err(MovedOn::NeverSent(step));
    };
    let (then, round) = (letter.round, state.round_of(letter.op));
    if then != round {
        let now = round;
        return Err(MovedOn::OtherRound { step, then, now });
    }
    match (letter.op, state.status) {
        (Op::Action, StepStatus::Scheduled | StepStatus::BackingOff)
        | (Op::Settle, StepStatus::Settling)
        | (Op::Compensate, StepStatus::Compensating) => {
            under_way(definition, saga, state, letter, now)
        }
        // Settling has certified that this round had no effect, whatever its attempts were.
        (Op::Action, StepStatus::Failed) => retry(definition, saga, step, by, now),
        (Op::Compensate, StepStatus::CompensationFailed) => {
            same_attempt(state, letter)?;
            retry(definition, saga, step, by, now)
        }
        (Op::Action | Op::Settle, StepStatus::OutcomeUnknown) => {
            Err(MovedOn::Refused(Refused::InDoubt(step)))
        }
        (
            op @ (Op::Action | Op::Settle | Op::Compensate),
            status @ (StepStatus::Pending
            | StepStatus::Waiting
            | StepStatus::Scheduled
            | StepStatus::BackingOff
            | StepStatus::Settling
            | StepStatus::Compensating
            | StepStatus::Succeeded
            | StepStatus::Failed
            | StepStatus::Skipped
            | StepStatus::OutcomeUnknown
            | StepStatus::Compensated
            | StepStatus::CompensationFailed
            | StepStatus::NeverHappened),
        ) => Err(MovedOn::Over { step, op, status }),
    }
}

/// The attempt is still open: only its newest command is worth another one.
fn under_way(
    definition: &Definition,
    saga: &Saga,
    state: &StepState,
    letter: &DeadLetter,
    now: Timestamp,
) -> Result<Resend, MovedOn> {
    same_attempt(state, letter)?;
    let newest = state.work.map(|work| work.command);
    if let (Some(then), Some(by)) = (letter.command, newest)
        && then != by
    {
        let (step, attempt) = (letter.key.clone(), letter.attempt);
        return Err(MovedOn::SentAgain { step, attempt, by });
    }
    if saga.pause.is_some() {
        return Err(MovedOn::Refused(Refused::Paused));
    }
    let missing = Missing {
        key: letter.key.clone(),
        op: letter.op,
        round: letter.round,
        attempt: letter.attempt,
    };
    let sent = in_flight(definition, saga, now);
    if sent.iter().any(|sent| missing.is_about(sent)) {
        Ok(Resend::Again(missing))
    } else {
        Err(MovedOn::UnderWay(letter.key.clone()))
    }
}

fn same_attempt(state: &StepState, letter: &DeadLetter) -> Result<(), MovedOn> {
    if state.attempt == letter.attempt {
        return Ok(());
    }
    Err(MovedOn::OtherAttempt {
        step: letter.key.clone(),
        then: letter.attempt,
        now: state.attempt,
    })
}

/// Asks the decision itself whether an operator could retry: the rules are written once.
fn retry(
    definition: &Definition,
    saga: &Saga,
    step: StepKey,
    by: &By,
    now: Timestamp,
) -> Result<Resend, MovedOn> {
    let operator = Operator {
        who: by.who.clone(),
        reason: by.reason.clone(),
        verb: Verb::Retry { step: step.clone() },
    };
    let input = Input::Operator(operator.clone());
    match decide(definition, saga, &Values::default(), &input, now) {
        Outcome::Applied(_) | Outcome::Needs(_) => Ok(Resend::Retry(operator)),
        Outcome::Refused(why) => Err(MovedOn::Refused(why)),
        Outcome::Ignored(_) | Outcome::Illegal(_) if saga.phase == Phase::Compensating => {
            Err(MovedOn::Refused(Refused::TurningBack))
        }
        Outcome::Ignored(_) | Outcome::Illegal(_) => Err(MovedOn::UnderWay(step)),
    }
}
