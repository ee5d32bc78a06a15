//! One saga in memory, driven by inputs. Every step checks that replaying its history gives the
//! same state.

use std::collections::BTreeMap;
use std::sync::Arc;

use saga_core::compiler;
use saga_core::decide::decide;
use saga_core::decision::{Decision, Outcome};
use saga_core::definition::Definition;
use saga_core::event::{Event, EventKind};
use saga_core::evolve::evolve;
use saga_core::ids::{ActionName, SagaId};
use saga_core::input::Input;
use saga_core::operator::{Operator, Verb};
use saga_core::saga::Saga;
use saga_core::time::Timestamp;
use saga_core::values::{GoodOutput, InputDigest, ValueKey, Values};

use crate::series::{self, Judged};

/// Always the same saga, so that jitter is the same too.
pub(crate) const SAGA: &str = "019a0000-0000-7000-8000-000000000001";

/// When every transcript begins.
pub(crate) const BEGIN: &str = "2026-01-01T00:00:00Z";

pub(crate) struct Driver {
    pub(crate) definition: Arc<Definition>,
    /// The versions that it can be moved to.
    pub(crate) versions: Vec<Arc<Definition>>,
    pub(crate) saga: Saga,
    pub(crate) values: Values,
    pub(crate) history: Vec<Event>,
    pub(crate) now: Timestamp,
    /// What other sagas have answered.
    pub(crate) good: BTreeMap<(ActionName, InputDigest), GoodOutput>,
    /// What was judged so far, in its order.
    judged: Vec<Judged>,
}

/// Compiles a definition that is meant to be right.
pub(crate) fn compile(yaml: &str) -> Result<Arc<Definition>, String> {
    let compiled = compiler::compile("definition", yaml);
    compiled.definition.map(Arc::new).ok_or_else(|| {
        format!(
            "the definition does not compile\n{}",
            compiler::render(&compiled.diagnostics, "definition", yaml, false)
        )
    })
}

impl Driver {
    pub(crate) fn new(definition: Arc<Definition>) -> Self {
        let id: SagaId = SAGA.parse().expect("an id");
        Self {
            saga: Saga::new(id, definition.reference.clone()),
            definition,
            versions: Vec::new(),
            values: Values::default(),
            history: Vec::new(),
            now: BEGIN.parse().expect("a time"),
            good: BTreeMap::new(),
            judged: Vec::new(),
        }
    }

    /// Judges an input and, when it applies, moves the saga.
    pub(crate) fn apply(&mut self, input: &Input) -> Outcome {
        let (definition, saga) = (Arc::clone(&self.definition), self.saga.clone());
        let (outcome, values) = self.judge(input);
        if !matches!(outcome, Outcome::Needs(_)) {
            self.judged.push(Judged {
                definition,
                saga,
                values,
                input: input.clone(),
                now: self.now,
                outcome: outcome.clone(),
            });
        }
        outcome
    }

    fn judge(&mut self, input: &Input) -> (Outcome, Values) {
        let mut values = self.values.clone();
        let mut outcome = decide(&self.definition, &self.saga, &values, input, self.now);
        // A store has every value of the saga, but looks others up only when they are needed.
        while let Outcome::Needs(keys) = &outcome {
            for key in keys.clone() {
                let ValueKey::LastGood(action, digest) = &key else {
                    return (outcome, values);
                };
                let found = self.good.get(&(action.clone(), *digest));
                let found = serde_json::to_value(found).expect("a good output as JSON");
                values.insert(key, Arc::new(found));
            }
            outcome = decide(&self.definition, &self.saga, &values, input, self.now);
        }
        if let Outcome::Applied(decision) = &outcome {
            self.store(decision);
            if let Input::Operator(Operator {
                verb: Verb::Move { to },
                ..
            }) = input
            {
                self.definition = Arc::clone(to);
            }
        }
        (outcome, values)
    }

    /// Judges everything once more, all of the same time together.
    pub(crate) fn check_series(&self) {
        series::check(&self.judged);
    }

    fn store(&mut self, decision: &Decision) {
        // One that goes on may find at once that it has to rest again.
        let goes_on = decision
            .events
            .iter()
            .any(|event| matches!(event.kind, EventKind::SagaResumed { .. }));
        let rests = self.saga.pause.is_some() && decision.saga.pause.is_some() && !goes_on;
        assert!(
            !rests || decision.commands.is_empty(),
            "something is sent while the saga rests"
        );
        assert!(!decision.events.is_empty(), "a decision without an event");
        self.history.extend(decision.events.iter().cloned());
        for (key, value) in &decision.values {
            assert!(self.values.get(key).is_none(), "{key:?} is written twice");
            self.values.insert(key.clone(), Arc::clone(value));
        }
        self.saga = decision.saga.clone();
        assert_eq!(
            self.replayed(),
            self.saga,
            "replaying the history gives another state"
        );
        for good in &decision.good {
            let key = ValueKey::Output(good.key.clone());
            let output = self.values.get(&key).expect("a good output is a value");
            let (output, at) = (output.clone(), self.now);
            let key = (good.action.clone(), good.input);
            self.good.insert(key, GoodOutput { output, at });
        }
        for command in &decision.commands {
            assert!(
                decision.events.iter().any(|event| event.seq == command.seq),
                "command {command:?} has no event"
            );
        }
    }

    /// The state as the history tells it, read back from JSON as a store would.
    fn replayed(&self) -> Saga {
        let mut saga = Saga::new(self.saga.id, self.definition.reference.clone());
        for event in &self.history {
            let json = serde_json::to_string(&event.kind).expect("an event as JSON");
            let kind = serde_json::from_str(&json).expect("an event from JSON");
            evolve(
                &mut saga,
                &Event {
                    kind,
                    ..event.clone()
                },
            );
        }
        saga
    }
}
