//! Whether a saga under way can go on with another version of its definition.

use std::collections::BTreeSet;
use std::mem::discriminant;

use serde_json::Value;

use super::obstacle::Obstacle;
use crate::definition::{Definition, Effect, OnFailure, Plan, Step, StepKind};
use crate::ids::StepName;
use crate::saga::{Phase, Saga, StepStatus};

/// Whether a saga that runs `from` can go on with `to`. Without its input, whether that fits is not
/// asked.
///
/// # Errors
/// Everything that stands against it.
pub fn movable(
    from: &Definition,
    to: &Definition,
    saga: &Saga,
    input: Option<&Value>,
) -> Result<(), Vec<Obstacle>> {
    if saga.phase.is_closed() {
        return Err(vec![Obstacle::Closed(saga.status())]);
    }
    if from.reference.name != to.reference.name {
        return Err(vec![Obstacle::OtherSaga(to.reference.clone())]);
    }
    if saga.definition == to.reference {
        return Err(vec![Obstacle::SameVersion(to.reference.clone())]);
    }
    let mut moving = Move {
        from,
        to,
        saga,
        obstacles: Vec::new(),
    };
    moving.touched();
    moving.skipped();
    moving.pivot();
    moving.child();
    moving.order();
    if let Some(input) = input {
        moving.input(input);
    }
    if moving.obstacles.is_empty() {
        Ok(())
    } else {
        Err(moving.obstacles)
    }
}

struct Move<'a> {
    from: &'a Definition,
    to: &'a Definition,
    saga: &'a Saga,
    obstacles: Vec<Obstacle>,
}

impl<'a> Move<'a> {
    /// Where each touched step stands; of a step with elements, each place once.
    fn places(&self) -> BTreeSet<(StepName, Place, bool)> {
        self.saga
            .steps
            .iter()
            .filter_map(|(key, state)| {
                Some((key.step.clone(), Place::of(state.status)?, state.fallback))
            })
            .collect()
    }

    fn places_of(&self, step: &StepName) -> Vec<Place> {
        let places = self.places().into_iter();
        places
            .filter(|(name, _, _)| name == step)
            .map(|(_, place, _)| place)
            .collect()
    }

    fn touched(&mut self) {
        let saga = self.saga;
        // Also a step that is to be tried again: its rounds are on record.
        for (key, _) in saga.steps.iter() {
            if self.to.step(&key.step).is_none() {
                self.add(Obstacle::StepGone(key.step.clone()));
            }
        }
        for (name, place, fallback) in self.places() {
            let (Some(before), Some(after)) = (self.from.step(&name), self.to.step(&name)) else {
                continue;
            };
            // What was skipped was never asked of anybody.
            if place == Place::Skipped {
                continue;
            }
            if before.for_each.is_some() != after.for_each.is_some() {
                self.add(Obstacle::ElementsChanged(name.clone()));
            }
            let handled = discriminant(&before.on_failure) == discriminant(&after.on_failure);
            if !handled && (place == Place::Failed || fallback) {
                self.add(Obstacle::FailureChanged(name.clone()));
            } else {
                let (before, after) = (before.plan(fallback), after.plan(fallback));
                self.same_action(&name, before, after);
                self.same_input(&name, before, after, place);
                self.same_effect(&name, before, after, place);
            }
            if before.pivot != after.pivot {
                self.add(Obstacle::PivotChanged(name));
            }
        }
    }

    /// A step that `when` has skipped has no output; nothing forbids to read one that always is.
    fn skipped(&mut self) {
        let saga = self.saga;
        if !self.goes_forward() {
            return;
        }
        for (key, state) in saga.steps.listed() {
            let skips = |definition: &Definition| {
                let step = definition.step(&key.step);
                step.is_some_and(|step| step.when.is_some())
            };
            let without = state.status == StepStatus::Skipped && !state.substituted;
            if without && skips(self.from) && !skips(self.to) {
                self.add(Obstacle::NeverSkipped(key.step.clone()));
            }
        }
    }

    const fn goes_forward(&self) -> bool {
        matches!(self.saga.phase, Phase::Running) && self.saga.unwind.is_none()
    }

    fn same_action(&mut self, step: &StepName, before: Plan<'_>, after: Plan<'_>) {
        let (from, to) = (asked(before.kind), asked(after.kind));
        if from != to {
            let step = step.clone();
            self.add(Obstacle::ActionChanged { step, from, to });
        }
    }

    /// What an action was given is not stored: settling and undoing compute it again.
    fn same_input(&mut self, step: &StepName, before: Plan<'_>, after: Plan<'_>, place: Place) {
        let needed = match place {
            Place::Doing => true,
            Place::Done | Place::Undoing => matches!(before.effect, Effect::Compensate(_)),
            Place::Failed | Place::Skipped | Place::Undone => false,
        };
        if let (StepKind::Action(before), StepKind::Action(after)) = (before.kind, after.kind)
            && needed
            && before.input.written() != after.input.written()
        {
            self.add(Obstacle::InputChanged(step.clone()));
        }
    }

    fn same_effect(&mut self, step: &StepName, before: Plan<'_>, after: Plan<'_>, place: Place) {
        let step = step.clone();
        match (before.effect, after.effect) {
            (Effect::Compensate(undo), Effect::Compensate(other)) => {
                if place == Place::Undoing && undo.action != other.action {
                    self.add(Obstacle::UndoChanged {
                        step,
                        from: undo.action.clone(),
                        to: other.action.clone(),
                    });
                }
            }
            (
                Effect::Compensate(_),
                Effect::None | Effect::Child | Effect::Residue(_) | Effect::Retriable,
            ) => {
                self.add(Obstacle::LosesUndo(step));
            }
            (Effect::None, Effect::None)
            | (Effect::Child, Effect::Child)
            | (Effect::Residue(_), Effect::Residue(_))
            | (Effect::Retriable, Effect::Retriable) => {}
            (from, to) => {
                let (from, to) = (spoken(from), spoken(to));
                self.add(Obstacle::EffectChanged { step, from, to });
            }
        }
    }

    /// Once the pivot has passed, everything that is still to come must be behind it, except what
    /// was beside it before.
    fn pivot(&mut self) {
        let passed = self
            .from
            .steps
            .iter()
            .find(|step| step.pivot && self.places_of(&step.name).contains(&Place::Done));
        let Some(pivot) = passed else { return };
        let behind = |definition: &Definition, step: &Step| {
            step.name == pivot.name || comes_after(definition, step, &pivot.name)
        };
        let beside: Vec<StepName> = self
            .to
            .steps
            .iter()
            .filter(|step| self.places_of(&step.name).is_empty() && !behind(self.to, step))
            .filter(|step| {
                let same = self.from.step(&step.name);
                same.is_none_or(|same| behind(self.from, same))
            })
            .map(|step| step.name.clone())
            .collect();
        for step in beside {
            self.add(Obstacle::BeforePivot(step));
        }
    }

    /// A child with a pivot was only started by a step that is one.
    fn child(&mut self) {
        if self.saga.parent.is_some() && !self.from.has_pivot() && self.to.has_pivot() {
            self.add(Obstacle::ChildGetsPivot);
        }
    }

    fn order(&mut self) {
        let forward = self.goes_forward();
        let mut found = Vec::new();
        for step in &self.to.steps {
            let places = self.places_of(&step.name);
            let begun = places.iter().any(|place| *place != Place::Skipped);
            let to_undo = places
                .iter()
                .any(|place| matches!(place, Place::Done | Place::Undoing | Place::Doing))
                && matches!(step.effect, Effect::Compensate(_));
            for dependency in &step.depends_on {
                let dependency = &self.to.steps[*dependency];
                let before = self.places_of(&dependency.name);
                if forward && begun && !self.is_over(dependency, &before) {
                    found.push(Obstacle::OutOfOrder {
                        step: step.name.clone(),
                        dependency: dependency.name.clone(),
                    });
                } else if !forward && to_undo && before.contains(&Place::Undone) {
                    found.push(Obstacle::UndoneOutOfOrder {
                        step: step.name.clone(),
                        dependency: dependency.name.clone(),
                    });
                }
            }
        }
        found.into_iter().for_each(|obstacle| self.add(obstacle));
    }

    /// Whether what depends on a step may go on.
    fn is_over(&self, step: &Step, places: &[Place]) -> bool {
        !places.is_empty()
            && places.iter().all(|place| match place {
                Place::Done | Place::Skipped => true,
                Place::Failed => match self.to.step(&step.name).map(|step| &step.on_failure) {
                    Some(OnFailure::Continue | OnFailure::Output(_) | OnFailure::LastGood(_)) => {
                        true
                    }
                    Some(OnFailure::Compensate | OnFailure::Pause | OnFailure::Fallback(_))
                    | None => false,
                },
                Place::Doing | Place::Undoing | Place::Undone => false,
            })
    }

    fn input(&mut self, input: &Value) {
        let refused = self.to.accept(input).err();
        for violation in refused.into_iter().flat_map(|refused| refused.violations) {
            let text = match violation.pointer.as_str() {
                "" => violation.message,
                pointer => format!("{pointer}: {}", violation.message),
            };
            self.add(Obstacle::InputRefused(text));
        }
    }

    fn add(&mut self, obstacle: Obstacle) {
        if !self.obstacles.contains(&obstacle) {
            self.obstacles.push(obstacle);
        }
    }
}

/// What has become of a step, as far as the order of things is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Doing,
    Done,
    Failed,
    Skipped,
    Undoing,
    Undone,
}

impl Place {
    const fn of(status: StepStatus) -> Option<Self> {
        match status {
            StepStatus::Pending => None,
            StepStatus::Scheduled
            | StepStatus::Waiting
            | StepStatus::BackingOff
            | StepStatus::Settling
            | StepStatus::OutcomeUnknown => Some(Self::Doing),
            StepStatus::Succeeded => Some(Self::Done),
            StepStatus::Failed => Some(Self::Failed),
            StepStatus::Skipped => Some(Self::Skipped),
            StepStatus::Compensating | StepStatus::CompensationFailed => Some(Self::Undoing),
            StepStatus::Compensated | StepStatus::NeverHappened => Some(Self::Undone),
        }
    }
}

/// Whether a step waits for another, directly or through others.
fn comes_after(definition: &Definition, step: &Step, other: &StepName) -> bool {
    let mut open = step.depends_on.clone();
    let mut seen = BTreeSet::new();
    while let Some(at) = open.pop() {
        if !seen.insert(at) {
            continue;
        }
        let earlier = &definition.steps[at];
        if earlier.name == *other {
            return true;
        }
        open.extend(&earlier.depends_on);
    }
    false
}

/// What was asked for, in words.
fn asked(kind: &StepKind) -> String {
    match kind {
        StepKind::Action(call) => call.action.to_string(),
        StepKind::Wait(wait) => format!("the signal {}", wait.signal),
        StepKind::Sleep(_) => "sleep".to_owned(),
        StepKind::Saga(child) => format!("the saga {}", child.name),
    }
}

const fn spoken(effect: &Effect) -> &'static str {
    match effect {
        Effect::None => "has no effect",
        Effect::Compensate(_) => "is undone by a compensation",
        Effect::Child => "undoes itself",
        Effect::Residue(_) => "cannot be undone",
        Effect::Retriable => "is never undone",
    }
}
