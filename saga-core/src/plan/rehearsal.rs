//! A copy of a saga, played to its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::ask::PlanError;
use super::outlook::{Doubt, Undo};
use super::stand_in;
use crate::decide::decide;
use crate::decision::{ChildAsk, Decision, NoteContent, Outcome};
use crate::definition::{Definition, Effect};
use crate::event::EventKind;
use crate::ids::{Op, StepKey};
use crate::input::{Input, Reply, ReplyOutcome, StepError};
use crate::operator::{Operator, Resolution, Verb};
use crate::saga::{Phase, Saga, StepState, StepStatus};
use crate::time::Timestamp;
use crate::values::{ValueKey, Values};

/// Answers that are thought up, at most.
const ANSWERS_MAX: usize = 2000;

/// The code of the error with which the step in question fails.
const ASSUMED: &str = "assumed";

pub(super) struct Rehearsal<'a> {
    pub(super) definition: &'a Definition,
    pub(super) saga: Saga,
    values: Values,
    pub(super) target: Option<&'a StepKey>,
    pub(super) now: Timestamp,
    /// How often everything that was under way has been answered.
    rounds: u32,
    answers: usize,
    /// The step in question has failed.
    pub(super) failed: bool,
    /// What was undone before.
    pub(super) undone_before: BTreeSet<StepKey>,
    pub(super) doubts: Vec<Doubt>,
    pub(super) undos: Vec<Undo>,
    /// Pieces of work whose output is thought up.
    guessed: BTreeSet<StepKey>,
    pub(super) unclear: Vec<String>,
}

impl<'a> Rehearsal<'a> {
    pub(super) fn new(
        definition: &'a Definition,
        saga: &Saga,
        values: &Values,
        target: Option<&'a StepKey>,
        now: Timestamp,
    ) -> Self {
        let undone = |(key, state): (&StepKey, &StepState)| {
            (state.status == StepStatus::Compensated).then(|| key.clone())
        };
        // Nothing of this takes time.
        let saga = Saga {
            deadline: None,
            lifetime_ends: Timestamp::from_micros(i64::MAX),
            ..saga.clone()
        };
        let mut rehearsal = Self {
            undone_before: saga.steps.listed().iter().filter_map(undone).collect(),
            definition,
            saga,
            values: values.clone(),
            target,
            now,
            rounds: 0,
            answers: 0,
            failed: false,
            doubts: Vec::new(),
            undos: Vec::new(),
            guessed: BTreeSet::new(),
            unclear: Vec::new(),
        };
        rehearsal.note_under_way();
        rehearsal
    }

    pub(super) const fn rests(&self) -> bool {
        self.saga.pause.is_some()
    }

    pub(super) fn operate(&mut self, verb: Verb) -> Result<(), PlanError> {
        let who = "amends".to_owned();
        let reason = "to see what would follow".to_owned();
        self.judge(&Input::Operator(Operator { who, reason, verb }))
    }

    /// Undos that have failed are tried once more, and succeed.
    pub(super) fn retry_undos(&mut self) -> Result<(), PlanError> {
        for key in self.keys(|status| status == StepStatus::CompensationFailed) {
            self.operate(Verb::Retry { step: key })?;
        }
        Ok(())
    }

    /// Answers whatever is under way until the saga ends or rests.
    pub(super) fn play(&mut self) -> Result<(), PlanError> {
        loop {
            let rests = self.rests() && !self.waits_for_a_person();
            if self.saga.phase.is_closed() || rests || self.failed_for_good() {
                return Ok(());
            }
            let before = self.saga.version;
            let open = |status: StepStatus| {
                status.is_in_flight()
                    || matches!(status, StepStatus::Waiting | StepStatus::OutcomeUnknown)
            };
            self.rounds += 1;
            for key in self.keys(open) {
                self.answer(&key)?;
            }
            // Time would run against what is under way, so it passes when nothing is.
            if self.saga.version == before {
                self.let_time_pass()?;
            }
            if self.saga.version == before {
                return Ok(());
            }
        }
    }

    fn failed_for_good(&self) -> bool {
        self.saga.phase == Phase::CompensationFailed
    }

    /// A pivot in doubt is the one reason to rest that an answer ends.
    fn waits_for_a_person(&self) -> bool {
        !self
            .keys(|status| status == StepStatus::OutcomeUnknown)
            .is_empty()
    }

    /// Pieces of work that stand so, in the order of the definition. A step with elements stands
    /// as those do.
    pub(super) fn keys(&self, is: impl Fn(StepStatus) -> bool) -> Vec<StepKey> {
        let mut keys = Vec::new();
        for step in &self.definition.steps {
            keys.extend(self.saga.pieces(&step.name).filter(|key| {
                self.saga
                    .steps
                    .get(key)
                    .is_some_and(|state| is(state.status))
            }));
        }
        keys
    }

    pub(super) fn is_target(&self, key: &StepKey) -> bool {
        self.target.is_some_and(|target| {
            target.step == key.step && (target.element == 0 || target.element == key.element)
        })
    }

    fn answer(&mut self, key: &StepKey) -> Result<(), PlanError> {
        self.answers += 1;
        if self.answers > ANSWERS_MAX {
            return Err(PlanError::TooLong(ANSWERS_MAX));
        }
        let Some(state) = self.saga.steps.get(key) else {
            return Ok(());
        };
        match state.status {
            StepStatus::Scheduled | StepStatus::BackingOff if self.is_target(key) => {
                self.failed = true;
                let error = StepError::new(ASSUMED, "it is assumed that it fails");
                self.reply(key, Op::Action, ReplyOutcome::Fail(error))
            }
            StepStatus::Scheduled | StepStatus::BackingOff => {
                let output = self.guess(key);
                self.reply(key, Op::Action, ReplyOutcome::Done(output))
            }
            StepStatus::Settling => {
                let pivot = self.doubt(key, false);
                let found = if pivot {
                    ReplyOutcome::NeverHappened
                } else {
                    ReplyOutcome::Done(self.guess(key))
                };
                self.reply(key, Op::Settle, found)
            }
            StepStatus::OutcomeUnknown => {
                let pivot = self.doubt(key, true);
                let resolution = if pivot {
                    Resolution::Never
                } else {
                    Resolution::Happened(self.guess(key))
                };
                let step = key.clone();
                self.operate(Verb::Resolve { step, resolution })
            }
            StepStatus::Compensating => {
                let output = Arc::new(json!({}));
                self.reply(key, Op::Compensate, ReplyOutcome::Done(output))
            }
            StepStatus::Waiting => self.hear(key),
            StepStatus::Pending
            | StepStatus::Succeeded
            | StepStatus::Failed
            | StepStatus::Skipped
            | StepStatus::Compensated
            | StepStatus::CompensationFailed
            | StepStatus::NeverHappened => Ok(()),
        }
    }

    fn reply(&mut self, key: &StepKey, op: Op, outcome: ReplyOutcome) -> Result<(), PlanError> {
        let Some(state) = self.saga.steps.get(key) else {
            return Ok(());
        };
        self.judge(&Input::Reply(Reply {
            key: key.clone(),
            op,
            round: state.round_of(op),
            attempt: state.attempt,
            outcome,
            worker: None,
        }))
    }

    pub(super) fn judge(&mut self, input: &Input) -> Result<(), PlanError> {
        loop {
            match decide(self.definition, &self.saga, &self.values, input, self.now) {
                Outcome::Applied(decision) => {
                    self.follow(*decision);
                    return Ok(());
                }
                Outcome::Ignored(_) => return Ok(()),
                Outcome::Refused(why) => return Err(why.into()),
                Outcome::Illegal(why) => return Err(PlanError::Illegal(why)),
                Outcome::Needs(keys) => {
                    let (looked_up, lacking): (Vec<_>, Vec<_>) =
                        keys.into_iter().partition(ValueKey::is_looked_up);
                    if !lacking.is_empty() || looked_up.is_empty() {
                        return Err(PlanError::Lacks(lacking));
                    }
                    // Whether there is a last good output is not known until it is needed.
                    for key in looked_up {
                        self.values.insert(key, Arc::new(Value::Null));
                    }
                }
            }
        }
    }

    fn follow(&mut self, decision: Decision) {
        for (key, value) in decision.values {
            self.values.insert(key, value);
        }
        self.saga = decision.saga;
        let order = self.rounds + 1;
        for command in decision.commands {
            if command.op == Op::Compensate {
                self.undos.push(Undo {
                    operation: Some(command.action.to_string()),
                    input: Some(command.input),
                    input_is_guessed: self.is_guessed(&command.key),
                    ..self.undo(order, command.key)
                });
            }
        }
        for note in decision.notes {
            if let NoteContent::ToChild {
                child,
                key,
                ask: ChildAsk::Compensate,
                ..
            } = note.content
            {
                self.undos.push(Undo {
                    child: Some(child),
                    ..self.undo(order, key)
                });
            }
        }
        for event in decision.events {
            if let EventKind::UndoFailed { key, error, .. } = event.kind {
                self.undos.push(Undo {
                    error: Some(error.message),
                    input_is_guessed: self.is_guessed(&key),
                    ..self.undo(order, key)
                });
            } else if let EventKind::StepFailed { key, error, .. } = event.kind
                && !self.is_target(&key)
            {
                let why = format!("{key} would fail before: {}", error.message);
                self.unclear.push(why);
            }
        }
    }

    fn undo(&self, order: u32, step: StepKey) -> Undo {
        Undo {
            order,
            operation: None,
            child: None,
            input: None,
            input_is_guessed: false,
            if_it_happened: self.doubts.iter().any(|doubt| doubt.step == step),
            under_way: false,
            error: None,
            step,
        }
    }

    /// Whether the input of an undo is computed from an output that is thought up.
    fn is_guessed(&self, key: &StepKey) -> bool {
        let fallback = self.saga.steps.get(key).is_some_and(|state| state.fallback);
        let effect = self
            .definition
            .step(&key.step)
            .map(|step| step.plan(fallback).effect);
        match effect {
            Some(Effect::Compensate(undo)) => {
                let mut read = undo.input.reads().outputs.iter();
                read.any(|step| self.guessed.iter().any(|key| key.step == *step))
            }
            Some(Effect::None | Effect::Child | Effect::Residue(_) | Effect::Retriable) | None => {
                false
            }
        }
    }

    pub(super) fn guess(&mut self, key: &StepKey) -> Arc<Value> {
        self.guessed.insert(key.clone());
        Arc::new(stand_in::output(self.definition, &key.step))
    }

    /// Notes that it is not known whether this happened; says whether it is the pivot.
    fn doubt(&mut self, key: &StepKey, by_hand: bool) -> bool {
        let step = self.definition.step(&key.step);
        let pivot = step.is_some_and(|step| step.pivot);
        if self.doubts.iter().all(|doubt| doubt.step != *key) {
            self.doubts.push(Doubt {
                step: key.clone(),
                by_hand,
                pivot,
            });
        }
        pivot
    }

    /// What is being undone while the question is asked.
    fn note_under_way(&mut self) {
        for key in self.keys(|status| status == StepStatus::Compensating) {
            let fallback = self
                .saga
                .steps
                .get(&key)
                .is_some_and(|state| state.fallback);
            let effect = self
                .definition
                .step(&key.step)
                .map(|step| step.plan(fallback).effect);
            let operation = match effect {
                Some(Effect::Compensate(undo)) => Some(undo.action.to_string()),
                Some(Effect::None | Effect::Child | Effect::Residue(_) | Effect::Retriable)
                | None => None,
            };
            let undo = Undo {
                operation,
                under_way: true,
                ..self.undo(1, key)
            };
            self.undos.push(undo);
        }
    }
}
