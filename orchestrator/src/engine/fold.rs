//! Folds the inputs of one saga into one transition, in memory.

use std::sync::Arc;

use broker::envelope;
use broker::topology::Topology;
use saga_core::decide::decide;
use saga_core::decision::{Ignored, Outcome};
use saga_core::definition::Definition;
use saga_core::ids::MessageId;
use saga_core::input::{Input, Start};
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

/// Judges the inputs one after the other, each on the state that the one before left.
///
/// # Errors
/// The values that must be loaded first.
pub(super) fn fold<'a>(
    definition: &Definition,
    topology: &Topology,
    saga: &Arc<Saga>,
    values: &Values,
    inputs: impl IntoIterator<Item = &'a Input>,
    now: Timestamp,
) -> Result<Folded, Vec<ValueKey>> {
    let mut folding = Folding {
        definition,
        topology,
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

struct Folding<'a> {
    definition: &'a Definition,
    topology: &'a Topology,
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
                    | Input::Operator(_) => None,
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
        });
        transition.saga = Arc::clone(&self.saga);
        transition.wake_at = decision.wake_at;
        transition.events.extend(decision.events);
        for command in &decision.commands {
            let (id, reference) = (self.saga.id, &self.saga.definition);
            let mut message = envelope::command::encode(self.topology, id, reference, command);
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
        for (key, value) in decision.values {
            self.values.insert(key.clone(), Arc::clone(&value));
            transition.values.push((key, value));
        }
    }
}

fn start_key(definition: &Definition, start: &Start) -> Option<StartKey> {
    let key = start.key.clone()?;
    Some(StartKey {
        definition: Arc::clone(&definition.reference.name),
        key,
    })
}
