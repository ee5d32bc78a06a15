//! One decision in the making: the saga moves with every event, and nothing leaves until the end.

use std::sync::Arc;

use serde_json::Value;

use crate::decision::{Command, Decision, Ignored};
use crate::definition::{Definition, Effect, OnFailure, Step};
use crate::event::{Event, EventKind};
use crate::evolve::evolve;
use crate::expression::{Reads, Scope};
use crate::ids::StepKey;
use crate::refusal::Refused;
use crate::saga::{Saga, StepStatus};
use crate::time::Timestamp;
use crate::values::{ValueKey, Values};

/// Why a decision ends before it is made.
pub(super) enum Stop {
    /// Nothing changes.
    Ignored(Ignored),
    /// An operator's verb makes no sense now.
    Refused(Refused),
    /// A bug.
    Illegal(String),
    /// Values are missing.
    Needs(Vec<ValueKey>),
}

pub(super) struct Turn<'a> {
    pub(super) definition: &'a Definition,
    pub(super) now: Timestamp,
    pub(super) saga: Saga,
    values: Values,
    events: Vec<Event>,
    written: Vec<(ValueKey, Arc<Value>)>,
    commands: Vec<Command>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(
        definition: &'a Definition,
        saga: &Saga,
        values: &Values,
        now: Timestamp,
    ) -> Self {
        Self {
            definition,
            now,
            saga: saga.clone(),
            values: values.clone(),
            events: Vec::new(),
            written: Vec::new(),
            commands: Vec::new(),
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.events.is_empty()
    }

    pub(super) const fn rests(&self) -> bool {
        self.saga.pause.is_some()
    }

    /// The time by the saga's own clock, which stands still while it rests: what is to happen
    /// later is reckoned from here, and resuming shifts it by the time that it rested.
    pub(super) fn clock(&self) -> Timestamp {
        match self.saga.pause {
            Some(_) => self.saga.paused_at.unwrap_or(self.now),
            None => self.now,
        }
    }

    pub(super) fn finish(self) -> Decision {
        let wake_at = super::timer::next_wake(self.definition, &self.saga);
        Decision {
            saga: self.saga,
            events: self.events,
            values: self.written,
            commands: self.commands,
            wake_at,
        }
    }

    /// Records a fact and moves the saga; returns the fact's sequence number.
    pub(super) fn emit(&mut self, kind: EventKind) -> u64 {
        let event = Event {
            seq: self.saga.version + 1,
            at: self.now,
            kind,
        };
        evolve(&mut self.saga, &event);
        let seq = event.seq;
        self.events.push(event);
        seq
    }

    pub(super) fn send(&mut self, command: Command) {
        self.commands.push(command);
    }

    pub(super) fn write(&mut self, key: ValueKey, value: Arc<Value>) {
        self.values.insert(key.clone(), Arc::clone(&value));
        self.written.push((key, value));
    }

    pub(super) const fn scope(&self) -> Scope<'_> {
        Scope {
            definition: self.definition,
            saga: &self.saga,
            values: &self.values,
        }
    }

    pub(super) fn output(&self, key: &StepKey) -> Option<Arc<Value>> {
        self.values.share(&ValueKey::Output(key.clone()))
    }

    /// Makes sure that what is about to be computed finds its values at hand.
    pub(super) fn require(&self, reads: &Reads) -> Result<(), Stop> {
        let mut missing = Vec::new();
        let mut want = |key: ValueKey| {
            if self.values.get(&key).is_none() {
                missing.push(key);
            }
        };
        if reads.input {
            want(ValueKey::Input);
        }
        for name in &reads.outputs {
            let key = StepKey::whole(name.clone());
            if self.has_output(&key) {
                want(ValueKey::Output(key));
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Stop::Needs(missing))
        }
    }

    /// Whether a step has an output among the saga's values.
    fn has_output(&self, key: &StepKey) -> bool {
        match self.saga.step_status(key) {
            StepStatus::Succeeded
            | StepStatus::Compensating
            | StepStatus::Compensated
            | StepStatus::CompensationFailed => true,
            StepStatus::Failed => self
                .definition
                .step(&key.step)
                .is_some_and(|step| matches!(step.on_failure, OnFailure::FallbackOutput(_))),
            StepStatus::Skipped => self
                .saga
                .steps
                .get(key)
                .is_some_and(|state| state.substituted),
            StepStatus::Pending
            | StepStatus::Scheduled
            | StepStatus::BackingOff
            | StepStatus::Settling
            | StepStatus::OutcomeUnknown
            | StepStatus::NeverHappened => false,
        }
    }

    /// The step of a key, or the bug that asked for it.
    pub(super) fn step(&self, key: &StepKey) -> Result<(usize, &'a Step), Stop> {
        let definition = self.definition;
        definition
            .steps
            .iter()
            .enumerate()
            .find(|(_, step)| step.name == key.step)
            .ok_or_else(|| {
                Stop::Illegal(format!("{} has no step {}", definition.reference, key.step))
            })
    }

    pub(super) fn status_at(&self, position: usize) -> StepStatus {
        self.saga.step_status(&self.key_at(position))
    }

    pub(super) fn key_at(&self, position: usize) -> StepKey {
        StepKey::whole(self.definition.steps[position].name.clone())
    }

    /// Whether what follows a step may go on.
    pub(super) fn is_finished(&self, position: usize) -> bool {
        match self.status_at(position) {
            StepStatus::Succeeded | StepStatus::Skipped => true,
            StepStatus::Failed => match self.definition.steps[position].on_failure {
                OnFailure::Continue | OnFailure::FallbackOutput(_) => true,
                OnFailure::Compensate | OnFailure::Pause => false,
            },
            StepStatus::Pending
            | StepStatus::Scheduled
            | StepStatus::BackingOff
            | StepStatus::Settling
            | StepStatus::OutcomeUnknown
            | StepStatus::Compensating
            | StepStatus::Compensated
            | StepStatus::CompensationFailed
            | StepStatus::NeverHappened => false,
        }
    }

    /// Whether the point of no return is behind the saga.
    pub(super) fn pivot_passed(&self) -> bool {
        self.passed_pivot().is_some()
    }

    /// The point of no return that is behind the saga.
    pub(super) fn passed_pivot(&self) -> Option<&'a Step> {
        let definition = self.definition;
        (0..definition.steps.len())
            .find(|&position| {
                definition.steps[position].pivot
                    && self.status_at(position) == StepStatus::Succeeded
            })
            .map(|position| &definition.steps[position])
    }

    /// Whether a finished step must be undone when the saga turns back.
    pub(super) fn needs_undo(&self, position: usize) -> bool {
        self.status_at(position) == StepStatus::Succeeded
            && matches!(
                self.definition.steps[position].effect,
                Effect::Compensate(_)
            )
    }
}
