//! Which piece of work a message is about, when the rest of it cannot be read.

use saga_core::ids::{Op, SagaId, StepKey, StepName};
use serde::Deserialize;

/// What a command asks for, or what a reply answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The saga.
    pub saga: SagaId,
    /// Its step.
    pub key: StepKey,
    /// What is done with it.
    pub op: Op,
    /// The round.
    pub round: u32,
    /// The attempt.
    pub attempt: u32,
}

#[derive(Deserialize)]
struct AddressIn {
    saga: SagaId,
    step: StepName,
    #[serde(default)]
    element: u32,
    op: Op,
    #[serde(default)]
    round: u32,
    attempt: u32,
}

impl Address {
    /// The address of a reply, from its JSON.
    pub(super) fn of_reply(json: &str) -> Option<Self> {
        let AddressIn {
            saga,
            step,
            element,
            op,
            round,
            attempt,
        } = serde_json::from_str(json).ok()?;
        Some(Self {
            saga,
            key: StepKey { step, element },
            op,
            round,
            attempt,
        })
    }
}
