//! Where a saga stands, as far as moving it is concerned.

use std::collections::BTreeSet;
use std::fmt;

use crate::ids::StepName;
use crate::saga::{Saga, Status};

/// Where a saga stands, as far as moving it is concerned: sagas at the same position can all move,
/// or none of them can, leaving their inputs aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The state in one word.
    pub status: Status,
    /// It is to turn back, or does.
    pub unwinds: bool,
    /// The steps that were touched, with where they stand and whether that is their fallback. The
    /// elements of a `for_each` that stand in the same place count as one.
    pub steps: BTreeSet<(StepName, &'static str, bool)>,
}

impl Position {
    /// Where this saga stands.
    #[must_use]
    pub fn of(saga: &Saga) -> Self {
        Self {
            status: saga.status(),
            unwinds: saga.unwind.is_some(),
            steps: saga
                .steps
                .iter()
                .map(|(key, state)| (key.step.clone(), state.status.as_str(), state.fallback))
                .collect(),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status.as_str())?;
        for (index, (step, status, fallback)) in self.steps.iter().enumerate() {
            let before = if index == 0 { ": " } else { ", " };
            let way = if *fallback { "'s fallback" } else { "" };
            write!(f, "{before}{step}{way} {status}")?;
        }
        Ok(())
    }
}
