//! The key that every attempt of one piece of work carries to the outside.

use saga_core::ids::{Op, SagaId, StepKey};

/// `<saga>:<step>:<element>:<op>:<round>`: the same on every attempt, so that whoever is called
/// can tell a repetition from a new request.
///
/// Settling asks about an action, so its key is the action's.
#[must_use]
pub fn idempotency_key(saga: SagaId, key: &StepKey, op: Op, round: u32) -> String {
    let op = match op {
        Op::Action | Op::Settle => Op::Action,
        Op::Compensate => Op::Compensate,
    };
    format!("{saga}:{}:{}:{op}:{round}", key.step, key.element)
}
