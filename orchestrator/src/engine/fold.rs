//! Folds the inputs of one saga into one transition, in memory.

use std::sync::Arc;

use broker::envelope;
use broker::envelope::child::ChildEnvelope;
use broker::envelope::replies::ReplyItem;
use broker::message::Outgoing;
use broker::topology::Topology;
use saga_core::decide::{Series, next_wake};
use saga_core::decision::{Decision, NoteContent, Verdict};
use saga_core::definition::Definition;
use saga_core::ids::{MessageId, SagaId};
use saga_core::input::{Input, Parent, Reply, ReplyOutcome, Start, StepError};
use saga_core::saga::Saga;
use saga_core::time::Timestamp;
use saga_core::values::{ValueKey, Values};

use crate::store::{OutboxMessage, StartKey, Transition};

/// The inputs of one saga, judged.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) verdicts: Vec<Verdict>,
    /// What to write; `None` when every input was ignored.
    pub(super) transition: Option<Transition>,
    /// The values at hand after the transition.
    pub(super) values: Values,
    /// The version that was judged.
    pub(super) judged: u64,
    /// When the saga must be looked at again.
    pub(super) wake_at: Option<Timestamp>,
}

/// Judges the inputs one after the other, each on the state that the one before left. Workers are asked
/// to answer to the queue `answers_to`.
///
/// # Errors
/// The values that must be loaded first.
pub(super) fn fold<'a>(
    definition: &'a Definition,
    ways: (&Topology, &str),
    saga: &Arc<Saga>,
    values: &Values,
    inputs: impl IntoIterator<Item = &'a Input>,
    now: Timestamp,
) -> Result<Folded, Vec<ValueKey>> {
    let mut series = Series::new(definition, saga, values, now);
    let (mut verdicts, mut start_key) = (Vec::new(), None);
    for input in inputs {
        let verdict = series.judge(input)?;
        if let (Verdict::Applied, Input::Start(start)) = (&verdict, input) {
            start_key = self::start_key(definition, start);
        }
        verdicts.push(verdict);
    }
    let (decision, values) = series.finish();
    let wake_at = match &decision {
        Some(decision) => decision.wake_at,
        None => next_wake(definition, saga),
    };
    let transition = decision.map(|decision| Transition {
        start_key,
        ..transition(decision, ways, saga.version, now)
    });
    Ok(Folded {
        verdicts,
        transition,
        values,
        judged: saga.version,
        wake_at,
    })
}

/// What a decision about the saga at version `expected` writes and sends.
fn transition(
    decision: Decision,
    (topology, answers_to): (&Topology, &str),
    expected: u64,
    now: Timestamp,
) -> Transition {
    let saga = Arc::new(decision.saga);
    let id = |seq| MessageId { saga: saga.id, seq };
    let commands = decision.commands.iter().map(|command| {
        let reference = &saga.definition;
        let mut message =
            envelope::command::encode(topology, answers_to, saga.id, reference, command);
        let delay = command.rung.unwrap_or_default();
        envelope::command::schedule(&mut message, now.after(delay));
        OutboxMessage {
            id: id(command.seq),
            message,
        }
    });
    let notes = decision.notes.iter().map(|note| OutboxMessage {
        id: id(note.seq),
        message: note_message(topology, id(note.seq), &note.content),
    });
    Transition {
        outbox: commands.chain(notes).collect(),
        expected,
        events: decision.events,
        values: decision.values,
        wake_at: decision.wake_at,
        start_key: None,
        replaces: None,
        good: decision.good,
        saga,
    }
}

/// What one saga tells another, as a message.
fn note_message(topology: &Topology, id: MessageId, content: &NoteContent) -> Outgoing {
    match content {
        NoteContent::ToChild {
            child,
            key,
            round,
            attempt,
            ask,
        } => {
            let parent = Parent {
                saga: id.saga,
                key: key.clone(),
                round: *round,
            };
            let envelope = ChildEnvelope {
                child: *child,
                parent,
                attempt: *attempt,
                ask: ask.clone(),
            };
            envelope::child::encode(topology, id.seq, &envelope)
        }
        NoteContent::ToParent { parent, reply } => answer(topology, id, *parent, reply.clone()),
    }
}

/// A child's answer to its parent, as a worker would send it. An output that is too large for a
/// reply is no reason to keep the end from the parent.
fn answer(topology: &Topology, id: MessageId, parent: SagaId, reply: Reply) -> Outgoing {
    let queue = topology.replies_queue();
    let encode = |reply: Reply| {
        let command = MessageId {
            saga: parent,
            seq: 0,
        };
        let item = ReplyItem {
            saga: parent,
            command,
            reply,
        };
        let mut packed = envelope::replies::encode(&queue, &[item], || id.to_string());
        packed.pop().map(|packed| packed.message)
    };
    match encode(reply.clone()) {
        Some(Ok(message)) => message,
        Some(Err(too_large)) => {
            let message = format!("saga {} has completed: {too_large}", id.saga);
            let error = StepError::new("output_too_large", message);
            let outcome = ReplyOutcome::Unknown(error);
            match encode(Reply { outcome, ..reply }) {
                Some(Ok(message)) => message,
                Some(Err(_)) | None => unreachable!("a short reply fits into a message"),
            }
        }
        None => unreachable!("one reply makes one message"),
    }
}

/// The key that a new saga takes. A child saga takes none: its parent's step is its identity.
fn start_key(definition: &Definition, start: &Start) -> Option<StartKey> {
    if start.parent.is_some() {
        return None;
    }
    let key = start.key.clone()?;
    Some(StartKey {
        definition: Arc::clone(&definition.reference.name),
        key,
    })
}
