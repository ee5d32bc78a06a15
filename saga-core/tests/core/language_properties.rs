//! Whatever a saga is made of, it keeps its promises: elements, waits, sleeps, fallbacks, children.
//!
//! Definitions are made at random, and so is what happens: attempts fail before and after their
//! effect, messages come twice and in any order, the broker gives commands up, signals come when
//! they like, and operators ask for anything of a saga or of its children. Children are sagas of
//! their own, driven beside their parent; the two know of each other by their notes only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use saga_core::decision::{ChildAsk, Command, NoteContent, Outcome};
use saga_core::definition::{Definition, Effect, StepKind};
use saga_core::event::{EventKind, PauseCause};
use saga_core::explain::{Cause, causes};
use saga_core::ids::{Op, SagaId, StepKey};
use saga_core::input::{DeadLetter, Input, Parent, ParentAsk, Reply, Signal, Start};
use saga_core::operator::{Operator, Resolution, Verb};
use saga_core::saga::{Phase, Saga, StepStatus};
use saga_core::time::Timestamp;
use serde_json::{Value, json};

use crate::driver::{BEGIN, Driver, SAGA, compile};
use crate::ledger::{Books, How};

/// Most steps of a definition.
const STEPS_MAX: usize = 5;

/// Rounds in which everything must have come to its end.
const DRAIN_ROUNDS: usize = 3000;

/// Rounds without an event after which nothing more will happen by itself.
const QUIET_ROUNDS: usize = 12;

/// Rather longer than any wait, sleep or delay of these definitions.
const LONG: Duration = Duration::from_secs(3600);

const CHILD: &str = "
saga: child
version: 1.0.0
steps:
  - { id: take, action: q.take, compensate: { action: q.put, input: { got: '${steps.take.output.n}' } } }
  - { id: letter, action: q.letter, compensate: none, because: it is in the post }
  - { id: bring, action: q.bring, compensate: { action: q.fetch }, retry: { maximum_attempts: 2 } }
output: { n: '${steps.take.output.n}' }
";

/// A child with a point of no return.
const LAST: &str = "
saga: last
version: 1.0.0
steps:
  - { id: take, action: q.take, compensate: { action: q.put } }
  - { id: go, action: q.go, pivot: true, retry: { maximum_attempts: 2 } }
  - { id: bring, action: q.bring }
output: { n: 1 }
";

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    Free,
    Elements { parallel: u32 },
    Wait { timeout: Option<bool> },
    Sleep,
    Child,
    ChildRests,
    ChildWithFallback,
    Children,
    Fallback,
    ElementsWithFallback,
    Rests,
    PassedOver,
    LastGood,
}

/// A definition to be.
#[derive(Debug, Clone)]
struct Plan {
    steps: Vec<(Shape, u8)>,
    /// The point of no return: its place, and whether it is a child.
    pivot: Option<(usize, bool)>,
    elements: usize,
}

fn plans() -> impl Strategy<Value = Plan> {
    let shape = prop_oneof![
        4 => Just(Shape::Plain),
        1 => Just(Shape::Free),
        3 => (1..4_u32).prop_map(|parallel| Shape::Elements { parallel }),
        2 => any::<Option<bool>>().prop_map(|timeout| Shape::Wait { timeout }),
        1 => Just(Shape::Sleep),
        3 => Just(Shape::Child),
        2 => Just(Shape::ChildRests),
        2 => Just(Shape::ChildWithFallback),
        2 => Just(Shape::Children),
        2 => Just(Shape::Fallback),
        2 => Just(Shape::ElementsWithFallback),
        1 => Just(Shape::Rests),
        1 => Just(Shape::PassedOver),
        1 => Just(Shape::LastGood),
    ];
    let steps = prop::collection::vec((shape, any::<u8>()), 1..=STEPS_MAX);
    let pivot = prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<bool>()));
    (steps, pivot, 0..4_usize).prop_map(|(steps, pivot, elements)| {
        let pivot = pivot.map(|(at, child)| (at.index(steps.len()), child));
        Plan {
            steps,
            pivot,
            elements,
        }
    })
}

impl Plan {
    fn yaml(&self) -> String {
        let mut text = "saga: random\nversion: 1.0.0\ndeadline: 6h\nsteps:\n".to_owned();
        for (at, (shape, links)) in self.steps.iter().enumerate() {
            let after = self.pivot.is_some_and(|(pivot, _)| pivot < at);
            let before: Vec<String> = (0..at)
                .filter(|other| match self.pivot {
                    // Everything leads to the pivot, and everything behind it hangs on it.
                    Some((pivot, _)) if pivot == at || *other == pivot => true,
                    Some(_) | None => links >> other & 1 == 1,
                })
                .map(|other| format!("s{other}"))
                .collect();
            let links = before.join(", ");
            let what = match self.pivot {
                Some((pivot, true)) if pivot == at => {
                    "saga: { name: last }, pivot: true".to_owned()
                }
                Some((pivot, false)) if pivot == at => {
                    "action: p.go, pivot: true, retry: { maximum_attempts: 2 }".to_owned()
                }
                Some(_) | None => shape.yaml(at, after),
            };
            let _ = writeln!(text, "  - {{ id: s{at}, depends_on: [{links}], {what} }}");
        }
        text
    }
}

impl Shape {
    fn yaml(self, at: usize, after_pivot: bool) -> String {
        let undo = |name: &str| match after_pivot {
            true => String::new(),
            false => format!(
                ", compensate: {{ action: p.{name}{at}, input: {{ got: '${{steps.s{at}.output.n}}' }}, \
                 retry: {{ maximum_attempts: 2 }} }}"
            ),
        };
        let action = format!(
            "action: p.do{at}, retry: {{ maximum_attempts: 2 }}{}",
            undo("undo")
        );
        let each = "for_each: '${input.items}'";
        let other = format!(
            "on_failure: {{ action: p.other{at}, retry: {{ maximum_attempts: 2 }}{} }}",
            undo("unother")
        );
        match self {
            Self::Plain => action,
            Self::Free => format!("action: p.look{at}, no_effect: true"),
            Self::Elements { parallel } => format!("{each}, max_parallel: {parallel}, {action}"),
            Self::Wait { timeout } => {
                let limit = match timeout {
                    None => "",
                    Some(true) => ", timeout: 10m, on_timeout: { output: { n: 2 } }",
                    Some(false) => ", timeout: 10m",
                };
                format!("wait_for: {{ signal: go{limit} }}")
            }
            Self::Sleep => "sleep: '${input.pause}'".to_owned(),
            Self::Child => "saga: { name: child }".to_owned(),
            Self::ChildRests => "saga: { name: child }, on_failure: pause".to_owned(),
            Self::ChildWithFallback => format!("saga: {{ name: child }}, {other}"),
            Self::Children => format!("{each}, max_parallel: 2, saga: {{ name: child }}"),
            Self::Fallback => format!("{action}, {other}"),
            Self::ElementsWithFallback => format!("{each}, max_parallel: 2, {action}, {other}"),
            Self::Rests => format!("{action}, on_failure: pause"),
            Self::PassedOver => format!("{action}, on_failure: continue"),
            Self::LastGood => format!("{action}, on_failure: {{ last_good: 10m }}"),
        }
    }
}

/// What the world does next.
#[derive(Debug, Clone)]
enum Move {
    /// One of the waiting messages arrives, and stays to come again if `twice`.
    Deliver {
        pick: usize,
        how: How,
        twice: bool,
    },
    /// The broker gives one of the waiting commands up.
    GiveUp {
        pick: usize,
    },
    /// An earlier input comes again.
    Repeat {
        pick: usize,
    },
    Signal {
        id: u8,
    },
    Operate {
        ask: Ask,
        pick: usize,
    },
    Wait {
        seconds: u64,
    },
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
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let how = prop_oneof![
        6 => Just(How::Done),
        1 => Just(How::Fail),
        1 => Just(How::FailBeforeEffect),
        1 => Just(How::FailAfterEffect),
    ];
    let ask = prop_oneof![
        2 => Just(Ask::Cancel),
        3 => Just(Ask::Pause),
        5 => Just(Ask::Resume),
        1 => Just(Ask::Terminate),
        8 => Just(Ask::Retry),
        3 => Just(Ask::Skip),
        6 => Just(Ask::Resolve),
    ];
    let one = prop_oneof![
        14 => (any::<usize>(), how, prop::bool::weighted(0.1))
            .prop_map(|(pick, how, twice)| Move::Deliver { pick, how, twice }),
        1 => any::<usize>().prop_map(|pick| Move::GiveUp { pick }),
        2 => any::<usize>().prop_map(|pick| Move::Repeat { pick }),
        1 => (0..6_u8).prop_map(|id| Move::Signal { id }),
        3 => (ask, any::<usize>()).prop_map(|(ask, pick)| Move::Operate { ask, pick }),
        2 => (0..900_u64).prop_map(|seconds| Move::Wait { seconds }),
    ];
    prop::collection::vec(one, 0..80)
}

/// What is on its way.
#[derive(Debug, Clone)]
enum Message {
    Command(SagaId, Command),
    Note(SagaId, NoteContent),
}

type Piece = (SagaId, StepKey);

struct World {
    now: Timestamp,
    root: SagaId,
    definitions: BTreeMap<&'static str, Arc<Definition>>,
    sagas: BTreeMap<SagaId, Driver>,
    waiting: Vec<Message>,
    told: Vec<(SagaId, Input)>,
    books: BTreeMap<Piece, Books>,
    sent: BTreeSet<(SagaId, StepKey, Op, u32, u32)>,
    /// Events of all sagas.
    events: usize,
}

impl World {
    fn start(plan: &Plan) -> Self {
        let yaml = plan.yaml();
        let definition = compile(&yaml).unwrap_or_else(|why| panic!("{yaml}\n{why}"));
        let root: SagaId = SAGA.parse().expect("an id");
        let definitions = [("child", CHILD), ("last", LAST)];
        let mut world = Self {
            now: BEGIN.parse().expect("a time"),
            root,
            definitions: definitions
                .map(|(name, yaml)| (name, compile(yaml).expect("a child's definition")))
                .into(),
            sagas: [(root, Driver::new(definition))].into(),
            waiting: Vec::new(),
            told: Vec::new(),
            books: BTreeMap::new(),
            sent: BTreeSet::new(),
            events: 0,
        };
        let items: Vec<usize> = (0..plan.elements).collect();
        let input = json!({ "items": items, "pause": "5m" });
        world.judge(root, &start(input, None));
        world
    }

    fn judge(&mut self, saga: SagaId, input: &Input) {
        let driver = self.sagas.get_mut(&saga).expect("a saga that exists");
        driver.now = self.now;
        let outcome = driver.apply(input);
        match outcome {
            Outcome::Applied(decision) => {
                self.events += decision.events.len();
                let probes = decision
                    .events
                    .iter()
                    .any(|event| matches!(event.kind, EventKind::StepProbed { .. }));
                for command in decision.commands {
                    self.first_time(
                        saga,
                        (&command.key, command.op, command.round, command.attempt),
                        probes,
                    );
                    self.waiting.push(Message::Command(saga, command));
                }
                for note in decision.notes {
                    if let NoteContent::ToChild {
                        key,
                        round,
                        attempt,
                        ask,
                        ..
                    } = &note.content
                    {
                        let op = match ask {
                            ChildAsk::Start { .. } => Op::Action,
                            ChildAsk::Settle { .. } => Op::Settle,
                            ChildAsk::Compensate => Op::Compensate,
                        };
                        self.first_time(saga, (key, op, *round, *attempt), false);
                    }
                    self.waiting.push(Message::Note(saga, note.content));
                }
            }
            Outcome::Ignored(_) | Outcome::Refused(_) => {}
            Outcome::Illegal(why) => panic!("{input:?} is illegal: {why}"),
            Outcome::Needs(keys) => panic!("values that exist are missing: {keys:?}"),
        }
    }

    fn first_time(
        &mut self,
        saga: SagaId,
        (key, op, round, attempt): (&StepKey, Op, u32, u32),
        probes: bool,
    ) {
        let fresh = self.sent.insert((saga, key.clone(), op, round, attempt));
        assert!(
            fresh || probes,
            "{op} of {key}, round {round}, attempt {attempt}, is sent twice"
        );
    }

    fn play(&mut self, one: &Move) {
        match one {
            Move::Deliver { pick, how, twice } => self.deliver(*pick, *how, *twice),
            Move::GiveUp { pick } => self.give_up(*pick),
            Move::Repeat { pick } => {
                if !self.told.is_empty() {
                    let (saga, input) = self.told[pick % self.told.len()].clone();
                    self.judge(saga, &input);
                }
            }
            Move::Signal { id } => self.signal(&id.to_string()),
            Move::Operate { ask, pick } => {
                let ids: Vec<SagaId> = self.sagas.keys().copied().collect();
                let saga = ids[pick % ids.len()];
                if let Some(verb) = self.verb(saga, *ask, pick / ids.len()) {
                    self.operate(saga, verb);
                }
            }
            Move::Wait { seconds } => self.wait(Duration::from_secs(*seconds)),
        }
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now.after(span);
        for saga in self.sagas.keys().copied().collect::<Vec<_>>() {
            self.judge(saga, &Input::Timer);
        }
    }

    fn signal(&mut self, id: &str) {
        let signal = Signal {
            id: id.to_owned(),
            name: "go".into(),
            payload: Arc::new(json!({ "n": 3 })),
        };
        self.tell(self.root, Input::Signal(signal));
    }

    fn tell(&mut self, saga: SagaId, input: Input) {
        self.judge(saga, &input);
        self.told.push((saga, input));
    }

    fn deliver(&mut self, pick: usize, how: How, twice: bool) {
        if self.waiting.is_empty() {
            return;
        }
        let message = self.waiting.remove(pick % self.waiting.len());
        if twice {
            self.waiting.push(message.clone());
        }
        match message {
            Message::Command(saga, command) => self.work(saga, &command, how),
            Message::Note(from, content) => self.hand_over(from, content),
        }
    }

    fn give_up(&mut self, pick: usize) {
        if self.waiting.is_empty() {
            return;
        }
        let at = pick % self.waiting.len();
        let Message::Command(..) = &self.waiting[at] else {
            return;
        };
        if let Message::Command(saga, command) = self.waiting.remove(at) {
            let letter = DeadLetter {
                key: command.key,
                op: command.op,
                round: command.round,
                attempt: command.attempt,
                reason: "delivery_limit".to_owned(),
                command: Some(command.seq),
            };
            self.judge(saga, &Input::DeadLetter(letter));
        }
    }

    /// What the orchestrator does with a note.
    fn hand_over(&mut self, from: SagaId, content: NoteContent) {
        match content {
            NoteContent::ToParent { parent, reply } => self.tell(parent, Input::Reply(reply)),
            NoteContent::ToChild {
                child,
                key,
                round,
                attempt,
                ask,
            } => {
                let parent = Parent {
                    saga: from,
                    key,
                    round,
                };
                let (name, op) = match &ask {
                    ChildAsk::Start { definition, .. } => (Some(definition), Op::Action),
                    ChildAsk::Settle { definition, .. } => (Some(definition), Op::Settle),
                    ChildAsk::Compensate => (None, Op::Compensate),
                };
                if let Some(name) = name {
                    let definition = Arc::clone(&self.definitions[&**name]);
                    self.sagas
                        .entry(child)
                        .or_insert_with(|| driver(child, definition));
                }
                let input = match ask {
                    ChildAsk::Start { input, .. } => start(input, Some(parent)),
                    ChildAsk::Settle { .. } | ChildAsk::Compensate => Input::Parent(ParentAsk {
                        parent,
                        op,
                        attempt,
                    }),
                };
                self.tell(child, input);
            }
        }
    }

    fn work(&mut self, saga: SagaId, command: &Command, how: How) {
        let books = self.books.entry((saga, command.key.clone())).or_default();
        let outcome = books.work(command, how);
        let reply = Reply {
            key: command.key.clone(),
            op: command.op,
            round: command.round,
            attempt: command.attempt,
            outcome,
            worker: None,
        };
        self.tell(saga, Input::Reply(reply));
    }

    fn operate(&mut self, saga: SagaId, verb: Verb) {
        let (who, reason) = ("ada".to_owned(), "because".to_owned());
        self.judge(saga, &Input::Operator(Operator { who, reason, verb }));
    }

    /// What an operator would ask of a piece of work that is in trouble.
    fn verb(&self, id: SagaId, ask: Ask, pick: usize) -> Option<Verb> {
        let saga = &self.sagas[&id].saga;
        let in_trouble = |status: StepStatus| {
            matches!(
                status,
                StepStatus::Failed | StepStatus::OutcomeUnknown | StepStatus::CompensationFailed
            )
        };
        let keys: Vec<StepKey> = saga
            .steps
            .iter()
            .filter(|(_, state)| in_trouble(state.status))
            .map(|(key, _)| key)
            .collect();
        let key = (!keys.is_empty()).then(|| keys[pick % keys.len()].clone());
        let output = Arc::new(json!({ "n": 1 }));
        match ask {
            Ask::Cancel => Some(Verb::Cancel),
            Ask::Pause => Some(Verb::Pause),
            Ask::Resume => Some(Verb::Resume),
            Ask::Terminate => Some(Verb::Terminate),
            Ask::Retry => Some(Verb::Retry { step: key? }),
            Ask::Skip => Some(Verb::Skip { step: key?, output }),
            Ask::Resolve => self.resolution(id, key?, output),
        }
    }

    /// Operators tell the truth, and say never only when nothing is on its way any more.
    fn resolution(&self, id: SagaId, step: StepKey, output: Arc<Value>) -> Option<Verb> {
        let driver = &self.sagas[&id];
        let is_undo = driver.saga.step_status(&step) == StepStatus::CompensationFailed;
        let books = self.books.get(&(id, step.clone()))?;
        let times = if is_undo {
            books.undone()
        } else {
            books.happened()
        };
        let resolution = if times > 0 {
            Resolution::Happened(output)
        } else {
            Resolution::Never
        };
        let on_its_way = self.waiting.iter().any(
            |message| matches!(message, Message::Command(saga, command) if *saga == id && command.key == step),
        );
        if resolution == Resolution::Never && on_its_way {
            return None;
        }
        Some(Verb::Resolve { step, resolution })
    }

    /// Everything that is on its way arrives, every time comes, and nobody pauses any more.
    fn drain(&mut self) {
        let mut quiet = 0;
        for round in 0..DRAIN_ROUNDS {
            let before = self.events;
            if !self.waiting.is_empty() {
                self.deliver(round, How::Done, false);
                continue;
            }
            for saga in self.sagas.keys().copied().collect::<Vec<_>>() {
                let pause = &self.sagas[&saga].saga.pause;
                if matches!(pause, Some(PauseCause::Operator(_))) {
                    self.operate(saga, Verb::Resume);
                }
            }
            self.wait(LONG / 6);
            quiet = if self.events == before { quiet + 1 } else { 0 };
            if quiet > QUIET_ROUNDS {
                return;
            }
        }
        panic!(
            "it does not come to an end: {:?}",
            self.sagas[&self.root].saga
        );
    }

    /// Everything has stopped: each saga is over, or something that only a person or somebody
    /// outside can change is named as the reason.
    fn everything_is_named(&self) {
        for driver in self.sagas.values() {
            let (definition, saga) = (&driver.definition, &driver.saga);
            if saga.phase.is_closed() || saga.version == 0 {
                continue;
            }
            let found = causes(definition, saga, self.now);
            assert!(
                found.iter().any(|cause| self.stands_still(cause)),
                "saga {} stands still and nothing says why: {found:?}\n{saga:?}",
                saga.id
            );
        }
    }

    fn stands_still(&self, cause: &Cause) -> bool {
        match cause {
            Cause::StepFailed { .. }
            | Cause::RetriesExhaustedAfterPivot { .. }
            | Cause::OutcomeUnknown { .. }
            | Cause::CompensationFailed { .. } => true,
            Cause::WaitingForSignal { until, .. } => until.is_none(),
            Cause::WaitingForChild { child, .. } => self
                .sagas
                .get(child)
                .is_some_and(|driver| !driver.saga.phase.is_closed()),
            Cause::Parked { .. }
            | Cause::DefinitionMissing { .. }
            | Cause::Paused { .. }
            | Cause::MaxLifetime { .. }
            | Cause::BackingOff { .. }
            | Cause::WaitingForTimer { .. }
            | Cause::OutboxUnsent { .. }
            | Cause::NoWorkerForOperation { .. }
            | Cause::WaitingForWorker { .. }
            | Cause::DeadLettered { .. }
            | Cause::WaitingInQueue { .. }
            | Cause::Dispatched { .. }
            | Cause::Executing { .. } => false,
        }
    }

    fn audit(&self) {
        for ((id, key), books) in &self.books {
            let (did, undid) = (books.happened(), books.undone());
            assert!(did <= 1, "{key} of {id} happened {did} times: {books:?}");
            assert!(
                undid <= 1,
                "{key} of {id} was undone {undid} times: {books:?}"
            );
            assert!(
                !books.undone_without_effect,
                "{key} of {id} never happened and was undone: {books:?}"
            );
            self.audit_piece(*id, key, did, undid);
        }
        for (id, driver) in &self.sagas {
            self.audit_children(*id, driver);
        }
    }

    fn audit_piece(&self, id: SagaId, key: &StepKey, did: usize, undid: usize) {
        let driver = &self.sagas[&id];
        let saga = &driver.saga;
        let step = driver.definition.step(&key.step).expect("a step");
        let state = &saga.steps[key];
        match &saga.phase {
            Phase::Completed => {
                // A child saga has books of its own.
                let acted = matches!(step.plan(state.fallback).kind, StepKind::Action(_));
                let counts = usize::from(acted && state.status == StepStatus::Succeeded);
                assert_eq!((did, undid), (counts, 0), "{key} of the completed {id}");
            }
            Phase::Compensated { .. } => {
                let undoable = matches!(step.plan(state.fallback).effect, Effect::Compensate(_));
                assert!(
                    !undoable || did == undid,
                    "{key} of the compensated {id}: {did}, undone {undid}"
                );
                assert!(!step.pivot || did == 0, "unwound past the pivot {key}");
            }
            Phase::Running
            | Phase::Compensating
            | Phase::CompensationFailed
            | Phase::Terminated => {}
        }
    }

    /// A child is where its parent believes it to be.
    fn audit_children(&self, id: SagaId, driver: &Driver) {
        let saga = &driver.saga;
        for (key, state) in saga.steps.iter() {
            let step = driver.definition.step(&key.step).expect("a step");
            if !matches!(step.kind, StepKind::Saga(_)) || state.elements.is_some() {
                continue;
            }
            for round in 0..=state.round {
                let Some(child) = self.sagas.get(&id.child(&key, round)) else {
                    continue;
                };
                let is_last = round == state.round;
                let completed = child.saga.phase == Phase::Completed;
                let counts = is_last && state.status == StepStatus::Succeeded;
                match &saga.phase {
                    Phase::Completed => assert_eq!(
                        completed, counts,
                        "{key} of the completed {id} is {:?}, its child {:?}",
                        state.status, child.saga.phase
                    ),
                    Phase::Compensated { residue } => {
                        assert!(
                            !completed,
                            "{key} of the compensated {id} is {:?}, and its child completed",
                            state.status
                        );
                        let left = matches!(&child.saga.phase, Phase::Compensated { residue } if !residue.is_empty());
                        assert!(
                            !left || residue.contains(&key.step),
                            "the child of {key} of {id} left something, and nobody says so"
                        );
                    }
                    Phase::Running
                    | Phase::Compensating
                    | Phase::CompensationFailed
                    | Phase::Terminated => {}
                }
            }
        }
    }
}

fn driver(id: SagaId, definition: Arc<Definition>) -> Driver {
    let mut driver = Driver::new(definition);
    driver.saga = Saga::new(id, driver.definition.reference.clone());
    driver
}

fn start(input: Value, parent: Option<Parent>) -> Input {
    Input::Start(Start {
        key: None,
        labels: BTreeMap::new(),
        input: Arc::new(input),
        parent,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(500), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn promises_are_kept_whatever_a_saga_is_made_of(plan in plans(), moves in moves()) {
        let mut world = World::start(&plan);
        for one in &moves {
            world.play(one);
        }
        world.drain();
        world.everything_is_named();
        world.audit();
    }
}
