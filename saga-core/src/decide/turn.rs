//! A decision in the making, on one input after the other: the saga moves with every event, and nothing
//! leaves until the end.

use std::sync::Arc;

use serde_json::Value;

use crate::decision::{Command, Decision, Good, Ignored, Note, NoteContent};
use crate::definition::{Definition, Effect, OnFailure, Plan, Step};
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

/// Items of a list that are asked for with one that is missing, that one among them. Whoever goes
/// through a list needs the next element's soon, and a load for each would be most of the work. All
/// items of a list came from one expression, so they are no more than a value may be large.
const ITEMS_AHEAD: usize = 256;

/// The same for outputs, each of which may be as large as a value may be.
const OUTPUTS_AHEAD: usize = 32;

#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) definition: &'a Definition,
    pub(super) now: Timestamp,
    pub(super) saga: Arc<Saga>,
    values: Values,
    events: Vec<Event>,
    written: Vec<(ValueKey, Arc<Value>)>,
    commands: Vec<Command>,
    notes: Vec<Note>,
    good: Vec<Good>,
    begun: Begun<'a>,
}

/// By what an input began to be judged, and how much the turn had gathered until then.
#[derive(Debug, Clone, Copy)]
struct Begun<'a> {
    definition: &'a Definition,
    events: usize,
    written: usize,
    commands: usize,
    notes: usize,
    good: usize,
}

impl<'a> Turn<'a> {
    pub(super) fn new(
        definition: &'a Definition,
        saga: Arc<Saga>,
        values: Values,
        now: Timestamp,
    ) -> Self {
        Self {
            definition,
            now,
            saga,
            values,
            events: Vec::new(),
            written: Vec::new(),
            commands: Vec::new(),
            notes: Vec::new(),
            good: Vec::new(),
            begun: Begun {
                definition,
                events: 0,
                written: 0,
                commands: 0,
                notes: 0,
                good: 0,
            },
        }
    }

    /// What follows is about another input.
    pub(super) const fn begin(&mut self) {
        self.begun = Begun {
            definition: self.definition,
            events: self.events.len(),
            written: self.written.len(),
            commands: self.commands.len(),
            notes: self.notes.len(),
            good: self.good.len(),
        };
    }

    /// Takes back what this input has done so far. The saga is what its events make of the one that the
    /// turn began with, and so are its values.
    pub(super) fn take_back(&mut self, origin: &Arc<Saga>, values: &Values) {
        if self.is_idle() {
            return;
        }
        self.definition = self.begun.definition;
        self.events.truncate(self.begun.events);
        self.written.truncate(self.begun.written);
        self.commands.truncate(self.begun.commands);
        self.notes.truncate(self.begun.notes);
        self.good.truncate(self.begun.good);
        (self.saga, self.values) = (Arc::clone(origin), values.clone());
        for event in &self.events {
            evolve(Arc::make_mut(&mut self.saga), event);
        }
        for (key, value) in &self.written {
            self.values.insert(key.clone(), Arc::clone(value));
        }
    }

    /// This input has done nothing so far: without an event nothing else leaves a decision either.
    pub(super) const fn is_idle(&self) -> bool {
        self.events.len() == self.begun.events
    }

    pub(super) fn rests(&self) -> bool {
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

    /// What follows from all inputs, if anything does, and the values at hand then.
    pub(super) fn finish(self) -> (Option<Decision>, Values) {
        if self.events.is_empty() {
            return (None, self.values);
        }
        let wake_at = super::timer::next_wake(self.definition, &self.saga);
        let decision = Decision {
            saga: Arc::unwrap_or_clone(self.saga),
            events: self.events,
            values: self.written,
            commands: self.commands,
            notes: self.notes,
            good: self.good,
            wake_at,
        };
        (Some(decision), self.values)
    }

    /// Records a fact and moves the saga; returns the fact's sequence number.
    pub(super) fn emit(&mut self, kind: EventKind) -> u64 {
        let event = Event {
            seq: self.saga.version + 1,
            at: self.now,
            kind,
        };
        evolve(Arc::make_mut(&mut self.saga), &event);
        let seq = event.seq;
        self.events.push(event);
        seq
    }

    pub(super) fn send(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Tells another saga something.
    pub(super) fn tell(&mut self, seq: u64, content: NoteContent) {
        self.notes.push(Note { seq, content });
    }

    /// Remembers an output for later failures of the same operation.
    pub(super) fn remember(&mut self, good: Good) {
        self.good.push(good);
    }

    /// Whether such a fact follows from this input.
    pub(super) fn has_emitted(&self, is: impl Fn(&EventKind) -> bool) -> bool {
        let mut events = self.events[self.begun.events..].iter();
        events.any(|event| is(&event.kind))
    }

    pub(super) fn write(&mut self, key: ValueKey, value: Arc<Value>) {
        self.values.insert(key.clone(), Arc::clone(&value));
        self.written.push((key, value));
    }

    /// What an expression of a piece of work sees; of the saga as a whole, without one.
    pub(super) fn scope<'s>(&'s self, key: Option<&'s StepKey>) -> Scope<'s> {
        Scope {
            definition: self.definition,
            saga: &self.saga,
            values: &self.values,
            element: key.filter(|key| key.element > 0),
        }
    }

    /// A value that the decision cannot do without.
    pub(super) fn value(&self, key: ValueKey) -> Result<Arc<Value>, Stop> {
        let found = self.values.share(&key);
        found.ok_or_else(|| Stop::Needs(vec![key]))
    }

    /// Makes sure that what is about to be computed finds its values at hand.
    pub(super) fn require(&self, reads: &Reads, key: Option<&StepKey>) -> Result<(), Stop> {
        let mut missing = Vec::new();
        let is_missing = |key: &ValueKey| self.values.get(key).is_none();
        if reads.input && is_missing(&ValueKey::Input) {
            missing.push(ValueKey::Input);
        }
        let element = key.filter(|key| key.element > 0);
        if let Some(element) = element.filter(|_| reads.item)
            && is_missing(&ValueKey::Item(element.clone()))
        {
            missing.extend(self.items_from(element).filter(is_missing));
        }
        for name in &reads.outputs {
            match element.filter(|element| element.step == *name) {
                Some(own) => {
                    if self.has_output(own) && is_missing(&ValueKey::Output(own.clone())) {
                        missing.extend(self.outputs_back_from(own).filter(is_missing));
                    }
                }
                None => {
                    let done = self.saga.pieces(name).filter(|key| self.has_output(key));
                    missing.extend(done.map(ValueKey::Output).filter(is_missing));
                }
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Stop::Needs(missing))
        }
    }

    /// The item of an element, and those of the elements that are dispatched after it.
    fn items_from(&self, element: &StepKey) -> impl Iterator<Item = ValueKey> {
        let elements = self.saga.elements(&element.step);
        let last = elements.map_or(element.element, |it| it.count);
        let step = element.step.clone();
        (element.element..=last)
            .take(ITEMS_AHEAD)
            .map(move |element| {
                let step = step.clone();
                ValueKey::Item(StepKey { step, element })
            })
    }

    /// The output of an element, and those of the elements that are undone after it.
    fn outputs_back_from(&self, element: &StepKey) -> impl Iterator<Item = ValueKey> {
        let step = element.step.clone();
        (1..=element.element)
            .rev()
            .take(OUTPUTS_AHEAD)
            .map(move |element| {
                let step = step.clone();
                StepKey { step, element }
            })
            .filter(|key| self.has_output(key))
            .map(ValueKey::Output)
    }

    /// Whether a step has an output among the saga's values.
    fn has_output(&self, key: &StepKey) -> bool {
        let substituted = || {
            let state = self.saga.steps.get(key);
            state.is_some_and(|state| state.substituted)
        };
        match self.saga.step_status(key) {
            StepStatus::Succeeded
            | StepStatus::Compensating
            | StepStatus::Compensated
            | StepStatus::CompensationFailed => true,
            StepStatus::Failed => {
                let step = self.definition.step(&key.step);
                step.is_some_and(|step| matches!(step.on_failure, OnFailure::Output(_)))
                    || substituted()
            }
            StepStatus::Skipped => substituted(),
            StepStatus::Pending
            | StepStatus::Scheduled
            | StepStatus::Waiting
            | StepStatus::BackingOff
            | StepStatus::Settling
            | StepStatus::OutcomeUnknown
            | StepStatus::NeverHappened => false,
        }
    }

    /// Where the step of a key is in the definition, or the bug that asked for it.
    pub(super) fn position(&self, key: &StepKey) -> Result<usize, Stop> {
        let definition = self.definition;
        let at = definition.steps.iter().position(|s| s.name == key.step);
        at.ok_or_else(|| {
            Stop::Illegal(format!("{} has no step {}", definition.reference, key.step))
        })
    }

    /// The step of a key, or the bug that asked for it.
    pub(super) fn step(&self, key: &StepKey) -> Result<&'a Step, Stop> {
        let definition = self.definition;
        Ok(&definition.steps[self.position(key)?])
    }

    /// What is carried out for a piece of work now.
    pub(super) fn plan(&self, key: &StepKey) -> Result<Plan<'a>, Stop> {
        let fallback = self.saga.steps.get(key).is_some_and(|state| state.fallback);
        Ok(self.step(key)?.plan(fallback))
    }

    pub(super) fn status(&self, key: &StepKey) -> StepStatus {
        self.saga.step_status(key)
    }

    pub(super) fn status_at(&self, position: usize) -> StepStatus {
        self.status(&self.key_at(position))
    }

    /// The pieces of work of a step: its elements, or the step itself.
    pub(super) fn pieces_at(
        &self,
        position: usize,
    ) -> impl DoubleEndedIterator<Item = StepKey> + use<> {
        self.saga.pieces(&self.definition.steps[position].name)
    }

    /// Whether some piece of a step stands there.
    pub(super) fn any_piece(&self, position: usize, is: impl Fn(StepStatus) -> bool) -> bool {
        self.pieces_at(position).any(|key| is(self.status(&key)))
    }

    pub(super) fn key_at(&self, position: usize) -> StepKey {
        StepKey::whole(self.definition.steps[position].name.clone())
    }

    /// Whether what follows a step may go on.
    pub(super) fn is_finished(&self, position: usize) -> bool {
        let key = self.key_at(position);
        match self.status(&key) {
            StepStatus::Succeeded | StepStatus::Skipped => true,
            StepStatus::Failed => match self.definition.steps[position].on_failure {
                OnFailure::Continue | OnFailure::Output(_) => true,
                OnFailure::LastGood(_) => {
                    let state = self.saga.steps.get(&key);
                    state.is_some_and(|state| state.substituted)
                }
                OnFailure::Compensate | OnFailure::Pause | OnFailure::Fallback(_) => false,
            },
            StepStatus::Pending
            | StepStatus::Scheduled
            | StepStatus::Waiting
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

    /// Whether a finished piece of work must be undone when the saga turns back.
    pub(super) fn needs_undo(&self, key: &StepKey) -> bool {
        self.status(key) == StepStatus::Succeeded
            && self.plan(key).is_ok_and(|plan| match plan.effect {
                Effect::Compensate(_) | Effect::Child => true,
                Effect::None | Effect::Residue(_) | Effect::Retriable => false,
            })
    }
}
