//! What a rehearsal has come to.

use super::ask::PlanError;
use super::outlook::{LISTED_MAX, LeftOut, NothingToUndo, Outlook, Remains, Why};
use super::rehearsal::Rehearsal;
use crate::definition::Effect;
use crate::saga::{Status, StepStatus};

impl Rehearsal<'_> {
    pub(super) fn finish(mut self) -> Result<Outlook, PlanError> {
        if let Some(step) = self.target.filter(|_| !self.failed) {
            return Err(PlanError::NotReached {
                step: step.clone(),
                why: self
                    .unclear
                    .pop()
                    .unwrap_or_else(|| format!("without it, the saga ends {}", self.saga.status())),
            });
        }
        // Places count from 1, without gaps.
        let mut places: Vec<u32> = self.undos.iter().map(|undo| undo.order).collect();
        places.dedup();
        for undo in &mut self.undos {
            let place = places.iter().position(|order| *order == undo.order);
            undo.order = place.and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(1);
        }
        let (mut nothing_to_undo, mut remains) = self.others();
        let turned_back = match self.saga.status() {
            Status::Compensating | Status::Compensated | Status::CompensationFailed => true,
            Status::Running | Status::Paused | Status::Completed | Status::Terminated => false,
        };
        if !turned_back {
            nothing_to_undo.clear();
        }
        let left_out = LeftOut {
            settle_first: cut(&mut self.doubts),
            undo: cut(&mut self.undos),
            nothing_to_undo: cut(&mut nothing_to_undo),
            remains: cut(&mut remains),
            unclear: cut(&mut self.unclear),
        };
        Ok(Outlook {
            if_failed_at: self.target.cloned(),
            ends: self.saga.status(),
            rests: self.saga.pause.clone(),
            settle_first: self.doubts,
            undo: self.undos,
            nothing_to_undo,
            remains,
            unclear: self.unclear,
            left_out: Some(left_out).filter(|left| *left != LeftOut::default()),
        })
    }

    /// What is not undone: because there is nothing, or because it stays.
    fn others(&self) -> (Vec<NothingToUndo>, Vec<Remains>) {
        let (mut nothing, mut remains) = (Vec::new(), Vec::new());
        for step in &self.definition.steps {
            for key in self.saga.pieces(&step.name) {
                let state = self.saga.steps.get(&key);
                let fallback = state.is_some_and(|state| state.fallback);
                if state.is_some_and(|state| state.residue) {
                    let because = "its saga was undone, but for what cannot be".to_owned();
                    remains.push(Remains { step: key, because });
                    continue;
                }
                let why = match self.saga.step_status(&key) {
                    StepStatus::Compensated if self.undone_before.contains(&key) => {
                        Why::UndoneAlready
                    }
                    StepStatus::Skipped if self.saga.steps.contains_key(&key) => Why::Skipped,
                    StepStatus::Pending | StepStatus::Skipped => Why::NotStarted,
                    StepStatus::Failed => Why::Failed,
                    StepStatus::NeverHappened => Why::NeverHappened,
                    StepStatus::Succeeded => match step.plan(fallback).effect {
                        Effect::None => Why::NoEffect,
                        Effect::Residue(because) => {
                            let because = because.clone();
                            remains.push(Remains { step: key, because });
                            continue;
                        }
                        Effect::Retriable => {
                            let because = "it is, or follows, the point of no return".to_owned();
                            remains.push(Remains { step: key, because });
                            continue;
                        }
                        Effect::Compensate(_) | Effect::Child => continue,
                    },
                    StepStatus::Scheduled
                    | StepStatus::Waiting
                    | StepStatus::BackingOff
                    | StepStatus::Settling
                    | StepStatus::OutcomeUnknown
                    | StepStatus::Compensating
                    | StepStatus::Compensated
                    | StepStatus::CompensationFailed => continue,
                };
                nothing.push(NothingToUndo { step: key, why });
            }
        }
        (nothing, remains)
    }
}

/// Keeps as much of a list as is told, and says how much is not.
fn cut<T>(list: &mut Vec<T>) -> u32 {
    let left_out = list.len().saturating_sub(LISTED_MAX);
    list.truncate(LISTED_MAX);
    u32::try_from(left_out).unwrap_or(u32::MAX)
}
