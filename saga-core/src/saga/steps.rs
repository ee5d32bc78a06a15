//! What became of the pieces of a saga's work.

use std::collections::BTreeMap;

use super::runs::Runs;
use super::status::StepStatus;
use super::step::StepState;
use crate::ids::{StepKey, StepName};

/// What became of each piece of work that has been touched.
///
/// Every transition copies and writes all of it. A list may have thousands of elements, and most have
/// succeeded at once and nothing else is to be said of them: those are kept as runs of numbers, so
/// that a transition costs what is under way and not what is done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Steps {
    /// All others.
    listed: BTreeMap<StepKey, StepState>,
    /// Elements in the state [`StepState::done`]. Each is here and nowhere else, so that equal is equal.
    done: BTreeMap<StepName, Runs>,
}

static DONE: StepState = StepState::done();

impl Steps {
    /// Nothing has been touched.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            listed: BTreeMap::new(),
            done: BTreeMap::new(),
        }
    }

    /// What became of a piece of work; `None` when it has not been touched.
    #[must_use]
    pub fn get(&self, key: &StepKey) -> Option<&StepState> {
        self.listed
            .get(key)
            .or_else(|| self.is_done(key).then_some(&DONE))
    }

    /// Whether a piece of work has been touched.
    #[must_use]
    pub fn contains_key(&self, key: &StepKey) -> bool {
        self.get(key).is_some()
    }

    /// Every piece of work that has been touched.
    pub fn iter(&self) -> impl Iterator<Item = (StepKey, &StepState)> {
        let listed = self.listed.iter();
        let done = self.done.iter().flat_map(|(step, runs)| {
            runs.iter().map(|element| {
                let step = step.clone();
                (StepKey { step, element }, &DONE)
            })
        });
        listed.map(|(key, state)| (key.clone(), state)).chain(done)
    }

    /// All but those elements of which nothing is to be said but that they succeeded: whatever is
    /// under way, waits, failed or is undone is among these.
    #[must_use]
    pub const fn listed(&self) -> &BTreeMap<StepKey, StepState> {
        &self.listed
    }

    /// The others: the elements of each step that succeeded, and that is all.
    #[must_use]
    pub const fn done(&self) -> &BTreeMap<StepName, Runs> {
        &self.done
    }

    /// The states that are [listed](Self::listed), to change what does not make them done.
    pub fn listed_mut(&mut self) -> impl Iterator<Item = &mut StepState> {
        self.listed.values_mut()
    }

    /// The state of a piece of work, to change it; pending when it was not touched before. Whoever
    /// has changed it calls [`settle`](Self::settle).
    pub(crate) fn touch(&mut self, key: &StepKey) -> &mut StepState {
        let was_done = match self.done.get_mut(&key.step) {
            Some(runs) => runs.remove(key.element),
            None => false,
        };
        if was_done {
            self.done.retain(|_, runs| !runs.is_empty());
        }
        self.listed.entry(key.clone()).or_insert_with(|| {
            if was_done {
                StepState::done()
            } else {
                StepState {
                    status: StepStatus::Pending,
                    attempt: 0,
                    ..StepState::done()
                }
            }
        })
    }

    /// Puts a piece of work where it belongs after a change.
    pub(crate) fn settle(&mut self, key: &StepKey) {
        if key.element > 0 && self.listed.get(key) == Some(&DONE) {
            self.listed.remove(key);
            let runs = self.done.entry(key.step.clone()).or_default();
            runs.insert(key.element);
        }
    }

    fn is_done(&self, key: &StepKey) -> bool {
        let runs = self.done.get(&key.step);
        runs.is_some_and(|runs| runs.contains(key.element))
    }
}

impl FromIterator<(StepKey, StepState)> for Steps {
    fn from_iter<T: IntoIterator<Item = (StepKey, StepState)>>(pieces: T) -> Self {
        let mut steps = Self::new();
        steps.extend(pieces);
        steps
    }
}

impl Extend<(StepKey, StepState)> for Steps {
    fn extend<T: IntoIterator<Item = (StepKey, StepState)>>(&mut self, pieces: T) {
        for (key, state) in pieces {
            *self.touch(&key) = state;
            self.settle(&key);
        }
    }
}

impl From<(BTreeMap<StepKey, StepState>, BTreeMap<StepName, Runs>)> for Steps {
    /// As they were stored, by whatever release.
    fn from((listed, done): (BTreeMap<StepKey, StepState>, BTreeMap<StepName, Runs>)) -> Self {
        let mut steps = Self { listed, done };
        // An earlier release listed those that are done.
        let elements: Vec<StepKey> = steps
            .listed
            .keys()
            .filter(|key| key.element > 0)
            .cloned()
            .collect();
        for key in &elements {
            if let Some(runs) = steps.done.get_mut(&key.step) {
                runs.remove(key.element);
            }
            steps.settle(key);
        }
        steps.done.retain(|_, runs| !runs.is_empty());
        steps
    }
}

impl std::ops::Index<&StepKey> for Steps {
    type Output = StepState;

    fn index(&self, key: &StepKey) -> &StepState {
        self.get(key).expect("a piece of work that was touched")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::StepError;

    fn element(element: u32) -> StepKey {
        StepKey {
            step: StepName::new("list"),
            element,
        }
    }

    fn succeed(steps: &mut Steps, key: &StepKey) {
        *steps.touch(key) = StepState::done();
        steps.settle(key);
    }

    #[test]
    fn elements_that_succeeded_are_not_listed_and_are_there() {
        let mut steps = Steps::default();
        for number in [1, 2, 4] {
            succeed(&mut steps, &element(number));
        }
        steps.touch(&element(3)).status = StepStatus::Scheduled;
        succeed(&mut steps, &element(0));
        let listed: Vec<&StepKey> = steps.listed().keys().collect();
        assert_eq!(listed, [&element(0), &element(3)]);
        assert_eq!(steps.iter().count(), 5);
        assert_eq!(steps[&element(4)].status, StepStatus::Succeeded);
        assert!(!steps.contains_key(&element(5)));
    }

    #[test]
    fn one_that_is_touched_again_is_listed_until_it_is_as_before() {
        let mut steps = Steps::default();
        succeed(&mut steps, &element(7));
        let before = steps.clone();
        let state = steps.touch(&element(7));
        assert_eq!((state.status, state.attempt), (StepStatus::Succeeded, 1));
        state.error = Some(Box::new(StepError::new("late", "it came twice")));
        steps.settle(&element(7));
        assert_eq!(steps.listed().len(), 1);
        assert_eq!(steps.done().len(), 0);
        steps.touch(&element(7)).error = None;
        steps.settle(&element(7));
        assert_eq!(steps, before);
    }

    #[test]
    fn what_an_earlier_release_listed_is_the_same() {
        let mut steps = Steps::default();
        succeed(&mut steps, &element(7));
        let listed = BTreeMap::from([(element(7), StepState::done())]);
        assert_eq!(Steps::from((listed, BTreeMap::new())), steps);
    }
}
