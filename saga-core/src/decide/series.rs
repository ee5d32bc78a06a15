//! Inputs of one saga that are judged one after the other and stored together.

use std::sync::Arc;

use super::control;
use super::dispatch::judge;
use super::turn::{Stop, Turn};
use crate::decision::{Decision, Verdict};
use crate::definition::Definition;
use crate::input::Input;
use crate::saga::Saga;
use crate::time::Timestamp;
use crate::values::{ValueKey, Values};

/// Inputs of one saga, each judged on the state that the one before left, and one decision for all.
///
/// It comes to what one [`decide`](super::decide) after the other would. But a saga that goes through a
/// list has a hundred elements under way and gets a hundred answers at once: copying its state for each of
/// them took most of the time that it took to decide.
#[derive(Debug)]
pub struct Series<'a> {
    turn: Turn<'a>,
    /// Where it began: what an input did that came to nothing is taken back from here.
    saga: Arc<Saga>,
    values: Values,
}

impl<'a> Series<'a> {
    /// No input has been judged.
    #[must_use]
    pub fn new(
        definition: &'a Definition,
        saga: &Arc<Saga>,
        values: &Values,
        now: Timestamp,
    ) -> Self {
        Self {
            turn: Turn::new(definition, Arc::clone(saga), values.clone(), now),
            saga: Arc::clone(saga),
            values: values.clone(),
        }
    }

    /// Judges the next input. One that can only come from a bug parks the saga.
    ///
    /// # Errors
    /// The values that must be loaded first. Nothing can follow; the series is begun again with them.
    pub fn judge(&mut self, input: &'a Input) -> Result<Verdict, Vec<ValueKey>> {
        let verdict = match judge(&mut self.turn, input) {
            Ok(()) => return Ok(Verdict::Applied),
            Err(Stop::Needs(keys)) => return Err(keys),
            Err(Stop::Ignored(reason)) => Verdict::Ignored(reason),
            Err(Stop::Refused(why)) => Verdict::Refused(why),
            Err(Stop::Illegal(why)) => Verdict::Illegal(why),
        };
        self.turn.take_back(&self.saga, &self.values);
        if let Verdict::Illegal(why) = &verdict {
            // One that is over, or parked already, needs nothing.
            let _parked = control::park(&mut self.turn, why);
        }
        Ok(verdict)
    }

    /// What follows from all of them, if anything does, and the values at hand then.
    #[must_use]
    pub fn finish(self) -> (Option<Decision>, Values) {
        // Held on to, the state of the beginning would be why the new one is copied.
        drop(self.saga);
        self.turn.finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compiler::compile;
    use crate::event::{EventKind, PauseCause};
    use crate::ids::{SagaId, StepKey, StepName};

    fn park(turn: &mut Turn<'_>) {
        turn.emit(EventKind::SagaPaused {
            cause: PauseCause::Parked("a bug".to_owned()),
        });
    }

    /// No input is known that does something before it comes to nothing: this is what keeps one that is
    /// added some day from leaving half of it behind.
    #[test]
    fn what_comes_to_nothing_leaves_nothing_behind() {
        let text = "{ saga: s, version: 1.0.0, steps: [{ id: a, action: p.a, no_effect: true }] }";
        let definition = compile("s.yaml", text).definition.unwrap();
        let id: SagaId = "019a0000-0000-7000-8000-000000000001".parse().unwrap();
        let saga = Arc::new(Saga::new(id, definition.reference.clone()));
        let (values, now) = (Values::default(), Timestamp::from_micros(0));
        let mut series = Series::new(&definition, &saga, &values, now);
        let key = |name| ValueKey::Output(StepKey::whole(StepName::new(name)));
        series.turn.begin();
        park(&mut series.turn);
        series.turn.write(key("first"), Arc::new(json!(1)));
        let before = Arc::clone(&series.turn.saga);
        series.turn.begin();
        series.turn.emit(EventKind::DeadlinePassed);
        series.turn.write(key("second"), Arc::new(json!(2)));
        series.turn.take_back(&saga, &values);
        assert_eq!(series.turn.saga, before);
        let (decision, values) = series.finish();
        let decision = decision.unwrap();
        assert_eq!(decision.saga, *before);
        assert_eq!((decision.events.len(), decision.values.len()), (1, 1));
        assert!(values.get(&key("first")).is_some());
        assert!(values.get(&key("second")).is_none());
    }
}
