//! What queues, workers, outbox and dead letters tell of a command, and which cause that makes.
//!
//! Evidence is plain data, gathered elsewhere. What could not be seen is `None` and changes
//! nothing: a cause never says more than somebody has seen.

use std::time::Duration;

use uuid::Uuid;

use super::cause::Cause;
use crate::saga::Status;
use crate::time::Timestamp;

/// Rows of confirmed commands stay in the outbox for a moment: only one that is older says that the
/// broker does not have its command.
pub const CONFIRMED_ROW_STAYS: Duration = Duration::from_secs(5);

/// What is seen of one command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sighting {
    /// Its row is in the outbox since then: the broker has not confirmed it.
    pub unsent_since: Option<Timestamp>,
    /// A worker reports it.
    pub running: Option<Running>,
    /// It is among the dead letters.
    pub letter: Option<Letter>,
    /// Its queue; `None` when the broker could not be asked.
    pub queue: Option<Queue>,
    /// The workers that serve its operation; `None` when they could not be asked.
    pub servers: Option<Servers>,
}

/// A worker reports a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its id.
    pub worker: String,
    /// When the handler started, by its clock.
    pub since: Timestamp,
}

/// A message that the broker gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its id among the dead letters.
    pub id: Uuid,
    /// Why it was given up.
    pub reason: String,
}

/// A queue that was looked at. One that does not exist has nothing in it and nobody on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Messages that wait.
    pub messages: u32,
    /// Consumers.
    pub consumers: u32,
}

/// The workers that have said lately that they serve an operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Servers {
    /// Those that are there and do not consume, because their breaker is open.
    pub stopped: u32,
    /// The one that was heard of last, whether it is there or not, and when.
    pub last: Option<(String, Timestamp)>,
}

/// A child saga that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// Where it stands.
    pub status: Status,
    /// Its own first cause.
    pub cause: Option<Cause>,
}

/// Whether the outbox and the dead letters can say more of a cause than the saga's state does.
#[must_use]
pub const fn needs_clues(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Dispatched { .. } | Cause::DeadLettered { .. } | Cause::Parked { .. }
    )
}

/// What a cause from the state becomes with what is seen of its command. Causes that are about no
/// command stay as they are.
#[must_use]
pub fn refine(cause: Cause, seen: &Sighting) -> Cause {
    match cause {
        Cause::Dispatched { .. } | Cause::DeadLettered { .. } => of_command(cause, seen),
        Cause::Executing {
            step,
            op,
            attempt,
            since,
            ..
        } => Cause::Executing {
            step,
            op,
            attempt,
            since,
            worker: seen.running.as_ref().map(|running| running.worker.clone()),
            unheard: seen.servers.is_some() && seen.running.is_none(),
        },
        Cause::Parked { .. }
        | Cause::DefinitionMissing { .. }
        | Cause::Paused { .. }
        | Cause::MaxLifetime { .. }
        | Cause::StepFailed { .. }
        | Cause::RetriesExhaustedAfterPivot { .. }
        | Cause::OutcomeUnknown { .. }
        | Cause::CompensationFailed { .. }
        | Cause::BackingOff { .. }
        | Cause::WaitingForSignal { .. }
        | Cause::WaitingForTimer { .. }
        | Cause::WaitingForChild { .. }
        | Cause::OutboxUnsent { .. }
        | Cause::NoWorkerForOperation { .. }
        | Cause::WaitingForWorker { .. }
        | Cause::WaitingInQueue { .. } => cause,
    }
}

/// A command is told by where it has come to: a worker, the outbox, a queue, the dead letters.
fn of_command(cause: Cause, seen: &Sighting) -> Cause {
    let (Cause::Dispatched {
        step,
        op,
        attempt,
        since,
        operation,
        ..
    }
    | Cause::DeadLettered {
        step,
        op,
        attempt,
        since,
        operation,
        ..
    }) = &cause
    else {
        return cause;
    };
    let (step, op, attempt, since) = (step.clone(), *op, *attempt, *since);
    let operation = operation.clone();
    if let Some(running) = &seen.running {
        return Cause::Executing {
            step,
            op,
            attempt,
            since: running.since.max(since),
            worker: Some(running.worker.clone()),
            unheard: false,
        };
    }
    if let Some(written) = seen.unsent_since {
        return Cause::OutboxUnsent {
            step,
            op,
            attempt,
            since,
            operation,
            written,
        };
    }
    if let Some(queue) = seen.queue.as_ref().filter(|queue| queue.consumers == 0) {
        let queue = queue.name.clone();
        return match &seen.servers {
            Some(Servers { last: None, .. }) => Cause::NoWorkerForOperation {
                step,
                op,
                attempt,
                since,
                operation,
                queue,
            },
            servers => {
                let servers = servers.clone().unwrap_or_default();
                let (last_worker, last_heard) = servers.last.unzip();
                Cause::WaitingForWorker {
                    step,
                    op,
                    attempt,
                    since,
                    operation,
                    queue,
                    stopped: servers.stopped,
                    last_worker,
                    last_heard,
                }
            }
        };
    }
    in_hand(cause, seen)
}

/// A command that the broker has, or had, and that workers would take.
fn in_hand(mut cause: Cause, seen: &Sighting) -> Cause {
    if let Cause::DeadLettered { letter, reason, .. } = &mut cause {
        if let Some(found) = &seen.letter {
            (*letter, *reason) = (Some(found.id), Some(found.reason.clone()));
        }
        return cause;
    }
    let Cause::Dispatched {
        step,
        op,
        attempt,
        since,
        operation,
        command,
        ..
    } = cause
    else {
        return cause;
    };
    match (&seen.letter, &seen.queue) {
        (Some(letter), _) => Cause::DeadLettered {
            step,
            op,
            attempt,
            since,
            operation,
            letter: Some(letter.id),
            reason: Some(letter.reason.clone()),
        },
        (None, Some(queue)) if queue.messages > 0 => Cause::WaitingInQueue {
            step,
            op,
            attempt,
            since,
            operation,
            queue: queue.name.clone(),
            messages: queue.messages,
            consumers: queue.consumers,
        },
        (None, queue) => Cause::Dispatched {
            step,
            op,
            attempt,
            since,
            operation,
            command,
            empty_queue: queue.as_ref().map(|queue| queue.name.clone()),
        },
    }
}

/// A saga that waits for another is told with where that stands and why.
pub fn refine_child(cause: &mut Cause, seen: Child) {
    if let Cause::WaitingForChild {
        child_status,
        because,
        ..
    } = cause
    {
        *child_status = Some(seen.status);
        *because = seen.cause.map(Box::new);
    }
}

/// A parked saga is told with the letter that keeps its input.
pub fn refine_parked(cause: &mut Cause, kept: Uuid) {
    if let Cause::Parked { letter, .. } = cause {
        *letter = Some(kept);
    }
}
