//! Who can move, and who cannot and why.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Obstacle, Position, movable};
use crate::compiler::compile;
use crate::decide::decide;
use crate::decision::Outcome;
use crate::definition::Definition;
use crate::ids::{Op, SagaId, StepKey, StepName};
use crate::input::{Input, Reply, ReplyOutcome, Start, StepError};
use crate::operator::{Operator, Verb};
use crate::saga::Saga;
use crate::time::Timestamp;
use crate::values::Values;

const STEPS: [&str; 3] = ["a", "b", "c"];

/// A chain of three steps, with a change to its text and under another version.
fn chain(changes: &[(&str, &str)]) -> Definition {
    let mut text = "saga: chain\nversion: 1.0.0\nsteps:\n".to_owned();
    for step in STEPS {
        text.push_str(&format!(
            "  - id: {step}\n    action: pool.do-{step}\n    compensate: {{ action: \
             pool.undo-{step}, retry: {{ maximum_attempts: 1 }} }}\n"
        ));
    }
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let compiled = compile("chain.yaml", &text);
    compiled
        .definition
        .unwrap_or_else(|| panic!("{text}\n{:?}", compiled.diagnostics))
}

fn newer(changes: &[(&str, &str)]) -> Definition {
    let mut all = vec![("version: 1.0.0", "version: 1.1.0")];
    all.extend(changes);
    chain(&all)
}

/// A saga on its way through a definition.
struct Run<'d> {
    definition: &'d Definition,
    saga: Saga,
    values: Values,
}

impl<'d> Run<'d> {
    fn new(definition: &'d Definition) -> Self {
        Self::with_input(definition, json!({}))
    }

    fn with_input(definition: &'d Definition, input: Value) -> Self {
        let id: SagaId = "019a0000-0000-7000-8000-000000000001".parse().unwrap();
        let mut run = Self {
            definition,
            saga: Saga::new(id, definition.reference.clone()),
            values: Values::default(),
        };
        run.apply(&Input::Start(Start {
            key: None,
            labels: std::collections::BTreeMap::new(),
            parent: None,
            input: Arc::new(input),
        }));
        run
    }

    fn apply(&mut self, input: &Input) {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        match decide(self.definition, &self.saga, &self.values, input, now) {
            Outcome::Applied(decision) => {
                for (key, value) in decision.values {
                    self.values.insert(key, value);
                }
                self.saga = decision.saga;
            }
            other @ (Outcome::Ignored(_)
            | Outcome::Refused(_)
            | Outcome::Illegal(_)
            | Outcome::Needs(_)) => panic!("{other:?}"),
        }
    }

    fn reply(&mut self, step: &str, op: Op, outcome: ReplyOutcome) {
        self.apply(&Input::Reply(Reply {
            key: StepKey::whole(StepName::new(step)),
            op,
            round: 0,
            attempt: 1,
            outcome,
            worker: None,
        }));
    }

    fn done(mut self, steps: &[&str]) -> Self {
        for step in steps {
            self.reply(step, Op::Action, ReplyOutcome::Done(Arc::new(json!({}))));
        }
        self
    }

    fn undone(mut self, steps: &[&str]) -> Self {
        for step in steps {
            self.reply(
                step,
                Op::Compensate,
                ReplyOutcome::Done(Arc::new(json!({}))),
            );
        }
        self
    }

    fn failed(mut self, step: &str) -> Self {
        self.reply(
            step,
            Op::Action,
            ReplyOutcome::Fail(StepError::new("no", "no")),
        );
        self
    }

    fn operate(mut self, verb: Verb) -> Self {
        self.apply(&Input::Operator(Operator {
            who: "ada".to_owned(),
            reason: "because".to_owned(),
            verb,
        }));
        self
    }

    fn obstacles(&self, to: &Definition) -> Vec<String> {
        let obstacles = movable(self.definition, to, &self.saga, None).err();
        let obstacles = obstacles.into_iter().flatten();
        obstacles.map(|obstacle| obstacle.to_string()).collect()
    }
}

#[test]
fn what_is_still_to_come_may_change_in_any_way() {
    let from = chain(&[]);
    let run = Run::new(&from).done(&["a"]);
    for to in [
        newer(&[]),
        newer(&[("pool.do-c", "other.thing")]),
        newer(&[(
            "  - id: c\n",
            "  - id: new\n    action: x.y\n    no_effect: true\n  - id: c\n",
        )]),
        newer(&[
            ("pool.undo-a", "pool.undo-better"),
            ("maximum_attempts: 1", "maximum_attempts: 9"),
        ]),
    ] {
        assert_eq!(run.obstacles(&to), [""; 0], "{}", to.source);
    }
}

#[test]
fn what_was_done_must_stay_what_it_was() {
    let from = chain(&[]);
    let run = Run::new(&from).done(&["a"]);
    let gone = newer(&[("- id: a\n", "- id: z\n")]);
    assert_eq!(
        run.obstacles(&gone),
        [
            "step a was touched, and the other version does not have it",
            "step b was begun, and in the other version it waits for z, which is not done",
        ]
    );
    let other = newer(&[("pool.do-a", "pool.do-otherwise")]);
    assert_eq!(
        run.obstacles(&other),
        ["step a has asked for pool.do-a, in the other version it is pool.do-otherwise"]
    );
}

#[test]
fn a_step_that_is_to_be_tried_again_must_be_there() {
    let from = chain(&[("- id: b\n", "- id: b\n    on_failure: pause\n")]);
    let waits = Run::new(&from)
        .done(&["a"])
        .operate(Verb::Pause)
        .failed("b");
    let waits = waits.operate(Verb::Retry {
        step: StepKey::parse("b"),
    });
    assert_eq!(
        Position::of(&waits.saga).to_string(),
        "paused: a succeeded, b pending"
    );
    assert_eq!(
        waits.obstacles(&newer(&[("- id: b\n", "- id: z\n")])),
        ["step b was touched, and the other version does not have it"]
    );
    assert_eq!(
        waits.obstacles(&newer(&[("pool.do-b", "other.thing")])),
        [""; 0]
    );
}

#[test]
fn what_a_worker_was_given_must_stay_computable() {
    let from = chain(&[]);
    let given = |step: &str| {
        let line = format!("pool.do-{step}\n");
        let more = format!("pool.do-{step}\n    input: {{ more: true }}\n");
        newer(&[(line.as_str(), more.as_str())])
    };
    let obstacle = |step: &str| {
        format!(
            "step {step} was given its input, and the other version computes another one for it"
        )
    };
    let run = Run::new(&from).done(&["a"]);
    assert_eq!(run.obstacles(&given("a")), [obstacle("a")], "to undo it");
    assert_eq!(run.obstacles(&given("b")), [obstacle("b")], "to settle it");
    assert_eq!(run.obstacles(&given("c")), [""; 0]);
    let back = Run::new(&from).done(&["a", "b"]).failed("c").undone(&["b"]);
    assert_eq!(back.obstacles(&given("a")), [obstacle("a")]);
    assert_eq!(back.obstacles(&given("b")), [""; 0]);
    assert_eq!(back.obstacles(&given("c")), [""; 0], "it gets a new round");
}

#[test]
fn what_was_skipped_has_no_output_to_count_on() {
    let some = ("pool.do-a\n", "pool.do-a\n    when: ${input.a == 1}\n");
    let from = chain(&[some]);
    let skipped = Run::with_input(&from, json!({ "a": 2 }));
    assert_eq!(
        skipped.obstacles(&newer(&[])),
        ["step a was skipped, and the other version never skips it"]
    );
    assert_eq!(skipped.obstacles(&newer(&[some])), [""; 0]);
    let done = Run::with_input(&from, json!({ "a": 1 })).done(&["a"]);
    assert_eq!(done.obstacles(&newer(&[])), [""; 0]);
}

#[test]
fn nothing_done_may_lose_its_undo() {
    let from = chain(&[]);
    let to = newer(&[(
        "compensate: { action: pool.undo-a, retry: { maximum_attempts: 1 } }",
        "no_effect: true",
    )]);
    assert_eq!(Run::new(&from).done(&["a"]).obstacles(&to).len(), 1);
    let untouched = newer(&[(
        "compensate: { action: pool.undo-c, retry: { maximum_attempts: 1 } }",
        "no_effect: true",
    )]);
    assert_eq!(Run::new(&from).done(&["a"]).obstacles(&untouched), [""; 0]);
    let gains = movable(&to, &from, &Run::new(&to).done(&["a"]).saga, None);
    assert!(matches!(
        gains.unwrap_err()[..],
        [Obstacle::EffectChanged { .. }]
    ));
}

#[test]
fn nothing_can_be_put_before_what_was_begun() {
    let from = chain(&[]);
    let early = "  - id: early\n    action: x.y\n    no_effect: true\n  - id: b\n";
    let to = newer(&[("  - id: b\n", early)]);
    assert_eq!(
        Run::new(&from).done(&["a"]).obstacles(&to),
        ["step b was begun, and in the other version it waits for early, which is not done"]
    );
    // On the way back nothing new is begun.
    let back = Run::new(&from).done(&["a", "b"]).failed("c");
    assert_eq!(back.obstacles(&to), [""; 0]);
}

#[test]
fn an_undo_that_was_begun_keeps_its_operation() {
    let from = chain(&[]);
    let back = Run::new(&from).done(&["a", "b"]).failed("c");
    let begun = newer(&[("pool.undo-b", "pool.undo-better")]);
    assert_eq!(
        back.obstacles(&begun),
        [
            "the undo of step b has asked for pool.undo-b, in the other version it is pool.undo-better"
        ]
    );
    let to_come = newer(&[("pool.undo-a", "pool.undo-better")]);
    assert_eq!(
        back.obstacles(&to_come),
        [""; 0],
        "the way to mend an undo that cannot work"
    );
}

#[test]
fn what_is_left_to_undo_keeps_its_order() {
    let from = chain(&[]);
    let back = Run::new(&from).done(&["a", "b"]).failed("c").undone(&["b"]);
    let turned = newer(&[
        ("- id: a\n", "- id: a\n    depends_on: [b]\n"),
        ("- id: b\n", "- id: b\n    depends_on: []\n"),
    ]);
    assert_eq!(
        back.obstacles(&turned),
        ["step a is still to be undone, and b, which it waits for in the other version, is undone"]
    );
}

#[test]
fn after_the_pivot_only_what_is_behind_it_may_come() {
    let pivot = (
        "compensate: { action: pool.undo-b, retry: { maximum_attempts: 1 } }",
        "pivot: true",
    );
    let ending = (
        "compensate: { action: pool.undo-c, retry: { maximum_attempts: 1 } }",
        "priority: 1",
    );
    let from = chain(&[pivot, ending]);
    let run = Run::new(&from).done(&["a", "b"]);
    let longer = newer(&[pivot, (ending.0, "priority: 1\n  - id: d\n    action: x.y")]);
    assert_eq!(run.obstacles(&longer), [""; 0]);
    let beside = newer(&[
        pivot,
        (
            ending.0,
            "priority: 1\n  - id: d\n    action: x.y\n    depends_on: []\n    no_effect: true",
        ),
    ]);
    assert_eq!(
        run.obstacles(&beside),
        ["the point of no return has passed, and step d would come before it"]
    );
    let without = newer(&[]);
    let obstacles = run.obstacles(&without);
    assert!(
        obstacles
            .iter()
            .any(|one| one.contains("point of no return in only one")),
        "{obstacles:?}"
    );
}

#[test]
fn a_failure_that_was_handled_stays_handled() {
    let passes = ("- id: b\n", "- id: b\n    on_failure: continue\n");
    let from = chain(&[passes]);
    let run = Run::new(&from).done(&["a"]).failed("b");
    assert_eq!(run.obstacles(&newer(&[passes])), [""; 0]);
    let obstacles = run.obstacles(&newer(&[]));
    assert!(
        obstacles[0].contains("handles that differently"),
        "{obstacles:?}"
    );
}

#[test]
fn only_another_version_of_the_same_open_saga_will_do() {
    let from = chain(&[]);
    let run = Run::new(&from);
    assert!(matches!(
        movable(&from, &from, &run.saga, None).unwrap_err()[..],
        [Obstacle::SameVersion(_)]
    ));
    let other = newer(&[("saga: chain", "saga: other")]);
    assert!(matches!(
        movable(&from, &other, &run.saga, None).unwrap_err()[..],
        [Obstacle::OtherSaga(_)]
    ));
    let over = Run::new(&from).done(&["a", "b", "c"]);
    assert!(matches!(
        movable(&from, &newer(&[]), &over.saga, None).unwrap_err()[..],
        [Obstacle::Closed(_)]
    ));
}

#[test]
fn the_input_must_fit_where_it_is_known() {
    let from = chain(&[]);
    let run = Run::new(&from);
    let stricter = newer(&[("steps:\n", "input: { required: [customer] }\nsteps:\n")]);
    assert_eq!(run.obstacles(&stricter), [""; 0]);
    let refused = movable(&from, &stricter, &run.saga, Some(&json!({})));
    assert!(matches!(
        refused.unwrap_err()[..],
        [Obstacle::InputRefused(_)]
    ));
    assert!(
        movable(
            &from,
            &stricter,
            &run.saga,
            Some(&json!({ "customer": "ada" }))
        )
        .is_ok()
    );
}

#[test]
fn equal_positions_are_one() {
    let from = chain(&[]);
    let (one, two) = (Run::new(&from).done(&["a"]), Run::new(&from).done(&["a"]));
    assert_eq!(Position::of(&one.saga), Position::of(&two.saga));
    assert_eq!(
        Position::of(&one.saga).to_string(),
        "running: a succeeded, b scheduled"
    );
    let cancelled = Run::new(&from).done(&["a"]).operate(Verb::Cancel);
    assert_ne!(Position::of(&one.saga), Position::of(&cancelled.saga));
}
