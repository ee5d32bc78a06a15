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
    if selection.step.is_none() && selection.stuck.is_none() {
        let page = store.list(&selection.filter).await?;
        let plain = |saga| Selected {
            saga,
            at: Vec::new(),
            cause: None,
        };
        let sagas = page.sagas.into_iter().map(plain).collect();
        let next = page.next;
        return Ok(SelectedPage { sagas, next });
    }
    let page = store.list_states(&selection.filter).await?;
    let (causes, now) = match &selection.stuck {
        Some(_) => {
            let mut look = Look::new(engine, broker).await?;
            (look.at(&page.sagas, 0).await?, look.now)
        }
        None => (Vec::new(), store.now()),
    };
    let mut sagas = Vec::new();
    for (place, saga) in page.sagas.iter().enumerate() {
        let first = causes.get(place).and_then(|causes| causes.first());
        let cause = match &selection.stuck {
            Some(wanted) => {
                let first = first.filter(|first| is_stuck(first, now));
                let first = first.map(Cause::as_str).filter(|word| wanted.is(word));
                let Some(word) = first else { continue };
                Some(word)
            }
            None => None,
        };
        let step = selection.step.as_ref();
        let at = step.map_or_else(Vec::new, |step| pieces(saga, step));
        if step.is_none() || !at.is_empty() {
            let saga = SagaSummary::of(saga);
            sagas.push(Selected { saga, at, cause });
        }
    }
    let next = page.next;
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
