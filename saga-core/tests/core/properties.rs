//! Whatever workers, the broker and the clock do, a saga keeps its promises:
//!
//! * replaying its events gives its state (checked by the driver, after every decision);
//! * no attempt of an operation and round is dispatched twice, except as a probe;
//! * each effect is undone once when the saga fails, and none that never happened;
//! * at every moment it is over or waits for something that has a name, and it comes to rest;
//! * inputs that are judged as a series come to what they come to one by one.
//!
//! A model of the world carries out commands the way a worker's ledger makes them: an action takes
//! effect at most once, settling fences it, an undo undoes. The messages may be lost, doubled and
//! answered in any order, and attempts fail before or after their effect. Operators ask for
//! anything at any time, a move to the next version included, and when they say what became of a step, they tell the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::driver::{Driver, compile};
use crate::ledger::{Books, How};
use proptest::prelude::*;
use saga_core::decision::{Command, Outcome};
use saga_core::definition::Definition;
use saga_core::event::{EventKind, PauseCause};
use saga_core::explain;
use saga_core::ids::{Op, StepKey, StepName};
use saga_core::input::{DeadLetter, Heartbeat, Input, Reply, Start};
use saga_core::operator::{Operator, Resolution, Verb};
use saga_core::saga::{Phase, StepStatus};
use serde_json::json;

const LINE: &str = "
saga: line
version: 1.0.0
deadline: 10m
defaults: { retry: { maximum_attempts: 3 } }
steps:
  - { id: a, action: p.a, compensate: { action: p.undo_a, input: { got: '${steps.a.output.n}' } } }
  - { id: b, action: p.b, compensate: { action: p.undo_b, retry: { maximum_attempts: 2 } } }
  - { id: c, action: p.c, no_effect: true, timeouts: { start_to_close: 10s, schedule_to_close: 3m } }
  - { id: d, action: p.d, compensate: { action: p.undo_d } }
";

const DIAMOND: &str = "
saga: diamond
version: 1.0.0
steps:
  - { id: a, action: p.a, depends_on: [], compensate: { action: p.undo_a } }
  - { id: b, action: p.b, depends_on: [a], compensate: { action: p.undo_b } }
  - { id: c, action: p.c, depends_on: [a], compensate: { action: p.undo_c }, retry: { maximum_attempts: 1 } }
  - { id: d, action: p.d, depends_on: [b, c], compensate: { action: p.undo_d } }
";

const PIVOT: &str = "
saga: pivot
version: 1.0.0
deadline: 10m
steps:
  - { id: a, action: p.a, depends_on: [], compensate: { action: p.undo_a } }
  - { id: b, action: p.b, depends_on: [], compensate: { action: p.undo_b } }
  - { id: go, action: p.go, depends_on: [a], pivot: true, retry: { maximum_attempts: 2 } }
  - { id: z, action: p.z, depends_on: [go], retry: { maximum_attempts: 0 } }
";

const RESTS: &str = "
saga: rests
version: 1.0.0
steps:
  - { id: a, action: p.a, compensate: { action: p.undo_a, retry: { maximum_attempts: 2 } } }
  - { id: b, action: p.b, on_failure: pause, compensate: { action: p.undo_b }, retry: { maximum_attempts: 2 } }
  - { id: c, action: p.c, on_failure: continue, no_effect: true, timeouts: { start_to_close: 10s } }
  - { id: go, action: p.go, pivot: true, retry: { maximum_attempts: 2 } }
  - { id: z, action: p.z, retry: { maximum_attempts: 2 } }
";

/// What the world does next.
#[derive(Debug, Clone)]
enum Move {
    /// A worker takes one of the waiting commands and answers.
    Work { pick: usize, how: How, twice: bool },
    /// The broker gives one of the waiting commands up.
    GiveUp { pick: usize },
    /// One of the earlier replies comes again.
    Repeat { pick: usize },
    /// A worker says that it is at one of the waiting commands.
    Beat { pick: usize },
    /// An operator asks for something.
    Operate { ask: Ask, pick: usize },
    /// Time passes.
    Wait { seconds: u64 },
}

const DEFINITIONS: [&str; 4] = [LINE, DIAMOND, PIVOT, RESTS];

/// The next version of one of them: it does one thing more, and gives the others more attempts.
fn newer(which: usize) -> String {
    let effect = [
        "no_effect: true",
        "no_effect: true",
        "retry: { maximum_attempts: 0 }",
    ];
    let effect = effect[which.min(2)];
    let text = DEFINITIONS[which]
        .replace("version: 1.0.0", "version: 2.0.0")
        .replace("maximum_attempts: 2", "maximum_attempts: 4");
    format!("{text}  - {{ id: last, action: p.last, {effect} }}\n")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Cancel,
    Pause,
    Resume,
    Terminate,
    Retry,
    Skip,
    Resolve,
    Move,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let how = prop_oneof![
        5 => Just(How::Done),
        1 => Just(How::Fail),
        1 => Just(How::FailBeforeEffect),
        2 => Just(How::FailAfterEffect),
    ];
    let work = (any::<usize>(), how, prop::bool::weighted(0.1))
        .prop_map(|(pick, how, twice)| Move::Work { pick, how, twice });
    let ask = prop_oneof![
        2 => Just(Ask::Cancel),
        4 => Just(Ask::Pause),
        6 => Just(Ask::Resume),
        1 => Just(Ask::Terminate),
        8 => Just(Ask::Retry),
        2 => Just(Ask::Skip),
        6 => Just(Ask::Resolve),
        2 => Just(Ask::Move),
    ];
    let operate = (ask, any::<usize>()).prop_map(|(ask, pick)| Move::Operate { ask, pick });
    let one = prop_oneof![
        12 => work,
        4 => operate,
        1 => any::<usize>().prop_map(|pick| Move::Beat { pick }),
        1 => any::<usize>().prop_map(|pick| Move::GiveUp { pick }),
        2 => any::<usize>().prop_map(|pick| Move::Repeat { pick }),
        2 => (0..400_u64).prop_map(|seconds| Move::Wait { seconds }),
    ];
    prop::collection::vec(one, 0..60)
}

struct World {
    driver: Driver,
    /// Where an operator may move it.
    newer: Arc<Definition>,
    waiting: Vec<Command>,
    replies: Vec<Reply>,
    books: BTreeMap<StepKey, Books>,
    sent: BTreeSet<(StepKey, Op, u32, u32)>,
}

impl World {
    fn start(definition: Arc<Definition>, newer: Arc<Definition>) -> Self {
        let driver = Driver::new(definition);
        let mut world = Self {
            driver,
            newer,
            waiting: Vec::new(),
            replies: Vec::new(),
            books: BTreeMap::new(),
            sent: BTreeSet::new(),
        };
        world.judge(&Input::Start(Start {
            key: None,
            labels: BTreeMap::new(),
            input: Arc::new(json!({})),
            parent: None,
        }));
        world
    }

    fn judge(&mut self, input: &Input) {
        match self.driver.apply(input) {
            Outcome::Applied(decision) => {
                for command in decision.commands {
                    let is_probe = decision.events.iter().any(|event| {
                        matches!(&event.kind, EventKind::StepProbed { key, op, .. }
                            if *key == command.key && *op == command.op)
                    });
                    let id = (
                        command.key.clone(),
                        command.op,
                        command.round,
                        command.attempt,
                    );
                    let is_fresh = self.sent.insert(id);
                    assert!(
                        is_fresh || is_probe,
                        "an attempt is dispatched twice: {command:?}"
                    );
                    self.waiting.push(command);
                }
                self.is_over_or_waits_for_something_named();
            }
            Outcome::Ignored(_) | Outcome::Refused(_) => {}
            Outcome::Illegal(why) => panic!("{input:?} is illegal: {why}"),
            Outcome::Needs(keys) => panic!("values that exist are missing: {keys:?}"),
        }
    }

    fn is_over_or_waits_for_something_named(&self) {
        let Driver {
            definition,
            saga,
            now,
            ..
        } = &self.driver;
        assert!(
            saga.phase.is_closed() || !explain::causes(definition, saga, *now).is_empty(),
            "nothing explains why it is not further: {saga:?}"
        );
    }

    fn play(&mut self, one: &Move) {
        match one {
            Move::Work { pick, how, twice } => {
                let Some(command) = self.take(*pick) else {
                    return;
                };
                if *twice {
                    self.waiting.push(command.clone());
                }
                self.work(&command, *how);
            }
            Move::GiveUp { pick } => {
                let Some(command) = self.take(*pick) else {
                    return;
                };
                self.judge(&Input::DeadLetter(DeadLetter {
                    key: command.key,
                    op: command.op,
                    round: command.round,
                    attempt: command.attempt,
                    command: Some(command.seq),
                    reason: "delivery_limit".to_owned(),
                }));
            }
            Move::Repeat { pick } => {
                if !self.replies.is_empty() {
                    let reply = self.replies[pick % self.replies.len()].clone();
                    self.judge(&Input::Reply(reply));
                }
            }
            Move::Beat { pick } => {
                if self.waiting.is_empty() {
                    return;
                }
                let command = self.waiting[pick % self.waiting.len()].clone();
                self.judge(&Input::Heartbeat(Heartbeat {
                    key: command.key,
                    op: command.op,
                    round: command.round,
                    attempt: command.attempt,
                    started_at: self.driver.now,
                    worker: None,
                }));
            }
            Move::Operate { ask, pick } => {
                let step = self.troubled(*pick);
                if let Some(verb) = self.verb(*ask, step) {
                    self.operate(verb);
                }
            }
            Move::Wait { seconds } => {
                self.driver.now = self.driver.now.after(Duration::from_secs(*seconds));
                self.judge(&Input::Timer);
            }
        }
    }

    fn operate(&mut self, verb: Verb) {
        let (who, reason) = ("ada".to_owned(), "because".to_owned());
        self.judge(&Input::Operator(Operator { who, reason, verb }));
    }

    /// A step that operators would look at; any step when there is none.
    fn troubled(&self, pick: usize) -> StepName {
        let steps = &self.driver.definition.steps;
        let names: Vec<_> = steps.iter().map(|step| step.name.clone()).collect();
        let troubled: Vec<_> = names
            .iter()
            .filter(|name| {
                matches!(
                    self.driver
                        .saga
                        .step_status(&StepKey::whole((*name).clone())),
                    StepStatus::Failed
                        | StepStatus::OutcomeUnknown
                        | StepStatus::CompensationFailed
                )
            })
            .cloned()
            .collect();
        let among = if troubled.is_empty() {
            &names
        } else {
            &troubled
        };
        among[pick % among.len()].clone()
    }

    fn verb(&self, ask: Ask, step: StepName) -> Option<Verb> {
        let step = StepKey::whole(step);
        let output = Arc::new(json!({ "n": 1 }));
        Some(match ask {
            Ask::Cancel => Verb::Cancel,
            Ask::Pause => Verb::Pause,
            Ask::Resume => Verb::Resume,
            Ask::Terminate => Verb::Terminate,
            Ask::Retry => Verb::Retry { step },
            Ask::Skip => Verb::Skip { step, output },
            Ask::Resolve => {
                let key = step.clone();
                let status = self.driver.saga.step_status(&key);
                let is_undo = status == StepStatus::CompensationFailed;
                let happened = self.books.get(&key).is_some_and(|books| {
                    (if is_undo {
                        books.undone()
                    } else {
                        books.happened()
                    }) > 0
                });
                // Never is a promise too: nothing may be on its way.
                if !happened && self.waiting.iter().any(|command| command.key == key) {
                    return None;
                }
                let resolution = if happened {
                    Resolution::Happened(output)
                } else {
                    Resolution::Never
                };
                Verb::Resolve { step, resolution }
            }
            Ask::Move => Verb::Move {
                to: Arc::clone(&self.newer),
            },
        })
    }

    fn take(&mut self, pick: usize) -> Option<Command> {
        if self.waiting.is_empty() {
            return None;
        }
        let index = pick % self.waiting.len();
        Some(self.waiting.remove(index))
    }

    fn work(&mut self, command: &Command, how: How) {
        let books = self.books.entry(command.key.clone()).or_default();
        let outcome = books.work(command, how);
        let reply = Reply {
            key: command.key.clone(),
            op: command.op,
            round: command.round,
            attempt: command.attempt,
            outcome,
            worker: None,
        };
        self.replies.push(reply.clone());
        self.judge(&Input::Reply(reply));
    }

    /// Lets everything finish: workers do what they are asked, time passes.
    fn drain(&mut self) {
        for _ in 0..500 {
            if let Some(command) = self.take(0) {
                self.work(&command, How::Done);
            } else if matches!(self.driver.saga.pause, Some(PauseCause::Operator(_))) {
                self.operate(Verb::Resume);
            } else if self.at_rest() {
                return;
            } else {
                self.driver.now = self.driver.now.after(Duration::from_secs(60));
                self.judge(&Input::Timer);
            }
        }
        panic!(
            "the saga neither ends nor waits on something named: {:?}",
            self.driver.saga
        );
    }

    fn at_rest(&self) -> bool {
        let saga = &self.driver.saga;
        let unknown = saga
            .steps
            .listed()
            .values()
            .any(|step| step.status == StepStatus::OutcomeUnknown);
        saga.phase.is_closed()
            || saga.pause.is_some()
            || saga.phase == Phase::CompensationFailed
            || unknown
    }

    fn audit(&self) {
        let saga = &self.driver.saga;
        for step in &self.driver.definition.steps {
            let key = StepKey::whole(step.name.clone());
            let books = self.books.get(&key);
            let happened = books.map_or(0, Books::happened);
            let undone = books.map_or(0, Books::undone);
            assert!(happened <= 1, "{key} happened {happened} times");
            assert!(undone <= 1, "{key} was undone {undone} times");
            let happened = happened == 1;
            assert!(
                !books.is_some_and(|books| books.undone_without_effect),
                "{key} never happened and was undone"
            );
            match &saga.phase {
                Phase::Completed => {
                    let counts = saga.step_status(&key) == StepStatus::Succeeded;
                    assert!(
                        happened == counts && undone == 0,
                        "completed, but {key}: {books:?}"
                    );
                }
                Phase::Compensated { .. } => {
                    let undoable =
                        matches!(step.effect, saga_core::definition::Effect::Compensate(_));
                    assert!(
                        !undoable || happened == (undone == 1),
                        "compensated, but {key}: {books:?}"
                    );
                    assert!(!step.pivot || !happened, "unwound past the pivot {key}");
                }
                Phase::Running
                | Phase::Compensating
                | Phase::CompensationFailed
                | Phase::Terminated => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(400), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn promises_are_kept(which in 0..4_usize, moves in moves()) {
        let definition = compile(DEFINITIONS[which]).expect("the definition");
        let newer = compile(&newer(which)).expect("the newer definition");
        let mut world = World::start(definition, newer);
        for one in &moves {
            world.play(one);
        }
        world.drain();
        world.audit();
        world.driver.check_series();
    }
}
