//! Which sagas are meant: those that a listing shows, and those that a verb is for.

use broker::broker::Broker;
use saga_core::explain::{Cause, is_stuck};
use saga_core::ids::{SagaId, StepKey, StepName};
use saga_core::saga::{Saga, StepStatus};

use super::look::Look;
use crate::engine::Engine;
use crate::store::{SagaFilter, SagaSummary, StoreError};

/// Pieces of a step that are named of one saga, at most.
const PIECES_MAX: usize = 1_000;

/// Which sagas are meant. What the store cannot tell is looked at afterwards, so a page can have
/// fewer rows than its limit, or none, and still not be the last.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// What the store finds.
    pub filter: SagaFilter,
    /// Only those with a piece of this step that is begun and not done.
    pub step: Option<StepName>,
    /// Only those that somebody should look at.
    pub stuck: Option<StuckFor>,
}

/// Why a saga is stuck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StuckFor {
    /// For whatever cause.
    Any,
    /// For this first cause, in the word of [`Cause::as_str`].
    Cause(String),
}

/// A page of sagas that are meant.
#[derive(Debug, Clone)]
pub struct SelectedPage {
    /// The rows, newest first.
    pub sagas: Vec<Selected>,
    /// Pass it as `before` for the next page; `None` on the last.
    pub next: Option<SagaId>,
}

/// One saga that is meant.
#[derive(Debug, Clone)]
pub struct Selected {
    /// What a listing shows of it.
    pub saga: SagaSummary,
    /// The pieces of the step that was asked for; none where none was.
    pub at: Vec<StepKey>,
    /// Its first cause, where that was asked for.
    pub cause: Option<&'static str>,
}

/// The sagas that are meant, newest first.
///
/// # Errors
/// When the store does not answer.
pub async fn select(
    engine: &Engine,
    broker: &dyn Broker,
    selection: &Selection,
) -> Result<SelectedPage, StoreError> {
    let store = &engine.shared().store;
    let page = store.list(&selection.filter).await?;
    let next = page.next;
    if selection.step.is_none() && selection.stuck.is_none() {
        let plain = |saga| Selected {
            saga,
            at: Vec::new(),
            cause: None,
        };
        let sagas = page.sagas.into_iter().map(plain).collect();
        return Ok(SelectedPage { sagas, next });
    }
    let ids: Vec<SagaId> = page.sagas.iter().map(|saga| saga.id).collect();
    let (states, _) = store.load(&ids).await?;
    let mut causes = Vec::new();
    if let Some(wanted) = &selection.stuck {
        let mut look = Look::new(engine, broker).await?;
        let clues = store.clues(&ids).await?;
        for saga in &states {
            let found = look.at(saga, &clues, 0).await?;
            let first = found.first().filter(|first| is_stuck(first, look.now));
            let first = first.map(Cause::as_str).filter(|word| wanted.is(word));
            causes.extend(first.map(|word| (saga.id, word)));
        }
    }
    let mut sagas = Vec::new();
    for saga in page.sagas {
        let cause = causes.iter().find(|(id, _)| *id == saga.id);
        let cause = cause.map(|(_, word)| *word);
        if selection.stuck.is_some() && cause.is_none() {
            continue;
        }
        let state = states.iter().find(|state| state.id == saga.id);
        let at = match (&selection.step, state) {
            (Some(step), Some(state)) => pieces(state, step),
            (Some(_) | None, _) => Vec::new(),
        };
        if selection.step.is_none() || !at.is_empty() {
            sagas.push(Selected { saga, at, cause });
        }
    }
    Ok(SelectedPage { sagas, next })
}

impl StuckFor {
    fn is(&self, word: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Cause(cause) => cause == word,
        }
    }
}

/// The pieces of a step that are begun and not done. A step as a whole is none while its elements
/// say it better.
fn pieces(saga: &Saga, step: &StepName) -> Vec<StepKey> {
    let stands = |key: &StepKey| match saga.step_status(key) {
        StepStatus::Scheduled
        | StepStatus::Waiting
        | StepStatus::BackingOff
        | StepStatus::Failed
        | StepStatus::Settling
        | StepStatus::OutcomeUnknown
        | StepStatus::Compensating
        | StepStatus::CompensationFailed => true,
        StepStatus::Pending
        | StepStatus::Succeeded
        | StepStatus::Skipped
        | StepStatus::Compensated
        | StepStatus::NeverHappened => false,
    };
    saga.pieces(step).filter(stands).take(PIECES_MAX).collect()
}
