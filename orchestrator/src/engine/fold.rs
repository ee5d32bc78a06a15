//! Folds the inputs of one saga into one transition, in memory.

use std::sync::Arc;

use broker::envelope;
use broker::envelope::child::ChildEnvelope;
use broker::envelope::replies::ReplyItem;
use broker::message::Outgoing;
use broker::topology::Topology;
use saga_core::decide::decide;
use saga_core::decision::{Ignored, NoteContent, Outcome};
use saga_core::definition::Definition;
use saga_core::ids::{MessageId, SagaId};
use saga_core::input::{Input, Parent, Reply, ReplyOutcome, Start, StepError};
use saga_core::operator::{Operator, Verb};
use saga_core::refusal::Refused;
use saga_core::saga::Saga;
use saga_core::time::Timestamp;
use saga_core::values::{ValueKey, Values};

use crate::store::{OutboxMessage, StartKey, Transition};

/// What became of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Applied,
    Ignored(Ignored),
    /// An operator's verb made no sense.
    Refused(Refused),
    /// A bug; the saga is parked by the same transition.
    Illegal(String),
}

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
    (topology, answers_to): (&Topology, &str),
    saga: &Arc<Saga>,
    values: &Values,
    inputs: impl IntoIterator<Item = &'a Input>,
    now: Timestamp,
) -> Result<Folded, Vec<ValueKey>> {
    let mut folding = Folding {
        definition,
        topology,
        answers_to,
        now,
        saga: Arc::clone(saga),
        values: values.clone(),
        transition: None,
        wake_at: saga_core::decide::next_wake(definition, saga),
    };
    let mut verdicts = Vec::new();
    for input in inputs {
        let verdict = folding.judge(input)?;
        if let Verdict::Illegal(why) = &verdict {
            folding.judge(&Input::Park(why.clone()))?;
        }
        if let (Verdict::Applied, Some(to)) = (&verdict, moves_to(input)) {
            folding.definition = to;
        }
        verdicts.push(verdict);
    }
    Ok(Folded {
        verdicts,
        transition: folding.transition,
        values: folding.values,
        judged: saga.version,
        wake_at: folding.wake_at,
    })
}

/// What judges the inputs that follow, where this one moves the saga.
fn moves_to(input: &Input) -> Option<&Definition> {
    if let Input::Operator(Operator {
        verb: Verb::Move { to },
        ..
    }) = input
    {
        Some(to)
    } else {
        None
    }
}

struct Folding<'a> {
    definition: &'a Definition,
    topology: &'a Topology,
    answers_to: &'a str,
    now: Timestamp,
    saga: Arc<Saga>,
    values: Values,
    transition: Option<Transition>,
    wake_at: Option<Timestamp>,
}

impl Folding<'_> {
    fn judge(&mut self, input: &Input) -> Result<Verdict, Vec<ValueKey>> {
        match decide(self.definition, &self.saga, &self.values, input, self.now) {
            Outcome::Applied(decision) => {
                let start_key = match input {
                    Input::Start(start) => start_key(self.definition, start),
                    Input::Reply(_)
                    | Input::Timer
                    | Input::DeadLetter(_)
                    | Input::Park(_)
                    | Input::Heartbeat(_)
                    | Input::Operator(_)
                    | Input::Signal(_)
                    | Input::Missing(_)
                    | Input::Parent(_) => None,
                };
                self.apply(*decision, start_key);
                Ok(Verdict::Applied)
            }
            Outcome::Ignored(reason) => Ok(Verdict::Ignored(reason)),
            Outcome::Refused(reason) => Ok(Verdict::Refused(reason)),
            Outcome::Illegal(why) => Ok(Verdict::Illegal(why)),
            Outcome::Needs(keys) => Err(keys),
        }
    }

    fn apply(&mut self, decision: saga_core::decision::Decision, start_key: Option<StartKey>) {
        let expected = self.saga.version;
        self.saga = Arc::new(decision.saga);
        self.wake_at = decision.wake_at;
        let transition = self.transition.get_or_insert_with(|| Transition {
            saga: Arc::clone(&self.saga),
            expected,
            events: Vec::new(),
            values: Vec::new(),
            outbox: Vec::new(),
            wake_at: None,
            start_key,
            replaces: None,
            good: Vec::new(),
        });
        transition.saga = Arc::clone(&self.saga);
        transition.wake_at = decision.wake_at;
        transition.events.extend(decision.events);
        for command in &decision.commands {
            let (id, reference) = (self.saga.id, &self.saga.definition);
            let mut message =
                envelope::command::encode(self.topology, self.answers_to, id, reference, command);
            let delay = command.rung.unwrap_or_default();
            envelope::command::schedule(&mut message, self.now.after(delay));
            transition.outbox.push(OutboxMessage {
                id: MessageId {
                    saga: id,
                    seq: command.seq,
                },
                message,
            });
        }
        for note in &decision.notes {
            let id = MessageId {
                saga: self.saga.id,
                seq: note.seq,
            };
            let message = note_message(self.topology, id, &note.content);
            transition.outbox.push(OutboxMessage { id, message });
        }
        transition.good.extend(decision.good);
        for (key, value) in decision.values {
            self.values.insert(key.clone(), Arc::clone(&value));
            transition.values.push((key, value));
        }
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
