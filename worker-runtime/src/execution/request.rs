//! What a command means to the handler and to the ledger.

use broker::envelope::command::CommandEnvelope;
use saga_core::ids::Op;
use tokio_util::sync::CancellationToken;

use crate::call::Call;
use crate::ledger::{Barrier, LedgerKey};
use crate::pulse::Pulse;

pub(super) fn call(
    command: &CommandEnvelope,
    key: &LedgerKey,
    cancellation: CancellationToken,
) -> Call {
    Call {
        saga: command.saga,
        step: command.key.step.clone(),
        element: command.key.element,
        action: command.action.clone(),
        op: command.op,
        round: command.round,
        attempt: command.attempt,
        idempotency_key: key.to_string(),
        input: command.input.clone(),
        undoes: command.undoes.clone(),
        deadline: command.deadline,
        cancellation,
        pulse: Pulse::default(),
    }
}

pub(super) fn barrier(command: &CommandEnvelope, key: &LedgerKey) -> Option<Barrier> {
    (command.op == Op::Compensate).then(|| Barrier {
        action: key.action(command.undoes.as_ref().map_or(0, |undoes| undoes.round)),
        attempt: command.attempt,
        output: command.undoes.as_ref().map(|undoes| undoes.output.clone()),
    })
}
