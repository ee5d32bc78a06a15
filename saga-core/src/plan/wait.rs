//! How the waits of a rehearsal end.

use std::sync::Arc;

use super::ask::PlanError;
use super::rehearsal::Rehearsal;
use crate::definition::StepKind;
use crate::ids::StepKey;
use crate::input::{Input, Signal};
use crate::saga::StepStatus;
use crate::time::Timestamp;

impl Rehearsal<'_> {
    /// A wait ends with what it waits for, unless it is the step in question or takes time.
    pub(super) fn hear(&mut self, key: &StepKey) -> Result<(), PlanError> {
        let signal = self.signal(key);
        if !self.is_target(key) {
            let Some(name) = signal else { return Ok(()) };
            let id = format!("rehearsal-{}", self.saga.signals.len());
            let payload = self.guess(key);
            return self.judge(&Input::Signal(Signal { id, name, payload }));
        }
        match signal.and(self.due(key)) {
            Some(_) => Ok(()),
            None => Err(PlanError::CannotFail(key.clone())),
        }
    }

    /// The wait whose time comes first ends; the step in question fails by that.
    pub(super) fn let_time_pass(&mut self) -> Result<(), PlanError> {
        let waits = self.keys(|status| status == StepStatus::Waiting);
        let Some(first) = waits.iter().filter_map(|key| self.due(key)).min() else {
            return Ok(());
        };
        self.now = self.now.max(first);
        let is_due = |key| self.due(key).is_some_and(|due| due <= self.now);
        self.failed |= waits.iter().any(|key| self.is_target(key) && is_due(key));
        self.judge(&Input::Timer)
    }

    /// The signal that a step waits for.
    fn signal(&self, key: &StepKey) -> Option<Arc<str>> {
        match self.definition.step(&key.step).map(|step| &step.kind) {
            Some(StepKind::Wait(wait)) => Some(Arc::clone(&wait.signal)),
            Some(StepKind::Sleep(_) | StepKind::Action(_) | StepKind::Saga(_)) | None => None,
        }
    }

    /// When a wait ends by itself.
    fn due(&self, key: &StepKey) -> Option<Timestamp> {
        let work = self.saga.steps.get(key).and_then(|state| state.work);
        work?.retry.map(|until| until.at)
    }
}
