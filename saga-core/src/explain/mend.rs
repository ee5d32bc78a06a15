//! The command that would mend a cause.

use super::cause::Cause;
use crate::ids::SagaId;

impl Cause {
    /// The command that would mend it, to be completed with a reason; `None` where waiting does.
    #[must_use]
    pub fn mend(&self, saga: SagaId) -> Option<String> {
        let command = match self {
            Self::Parked { .. } | Self::Paused { .. } | Self::MaxLifetime { .. } => {
                format!("amends saga resume {saga}")
            }
            Self::StepFailed { step, .. }
            | Self::RetriesExhaustedAfterPivot { step, .. }
            | Self::CompensationFailed { step, .. }
            | Self::BackingOff {
                step,
                on_rung: false,
                ..
            } => format!("amends saga retry {saga} {step}"),
            Self::OutcomeUnknown { step, .. } => {
                format!("amends saga resolve {saga} {step} --happened JSON | --never")
            }
            Self::WaitingForSignal { signal, .. } => {
                return Some(format!("amends saga signal {saga} {signal} --payload JSON"));
            }
            Self::WaitingForChild { child, .. } => {
                return Some(format!("amends saga explain {child}"));
            }
            Self::DefinitionMissing { .. } => {
                return Some("amends definition apply FILE".to_owned());
            }
            Self::OutboxUnsent { .. } => return Some("amends doctor".to_owned()),
            Self::NoWorkerForOperation { .. } | Self::WaitingForWorker { .. } => {
                return Some("amends worker list".to_owned());
            }
            Self::DeadLettered {
                letter: Some(letter),
                ..
            } => return Some(format!("amends dlq show {letter}")),
            Self::DeadLettered { letter: None, .. } => {
                return Some("amends dlq groups".to_owned());
            }
            Self::Dispatched {
                empty_queue: Some(_),
                ..
            } => return Some("amends reconcile --dry-run".to_owned()),
            Self::BackingOff { on_rung: true, .. }
            | Self::WaitingForTimer { .. }
            | Self::WaitingInQueue { .. }
            | Self::Dispatched {
                empty_queue: None, ..
            }
            | Self::Executing { .. } => return None,
        };
        Some(format!("{command} --reason …"))
    }
}
