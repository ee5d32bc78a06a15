//! Long lists: what is kept of elements that are done, and which values are asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use saga_core::decide::decide;
use saga_core::decision::Outcome;
use saga_core::ids::{Op, StepKey, StepName};
use saga_core::input::{Input, Reply, ReplyOutcome, Start, StepError};
use saga_core::saga::{Status, StepStatus};
use saga_core::values::{ValueKey, Values};
use serde_json::json;

use crate::driver::{Driver, compile};

const LIST: &str = "
saga: list
version: 1.0.0
steps:
  - id: ask
    for_each: ${input.names}
    as: name
    max_parallel: 2
    action: p.ask
    input: { name: \"${name}\" }
    compensate: { action: p.forget, input: { id: \"${steps.ask.output.id}\" } }
  - { id: pay, depends_on: [ask], action: p.pay, no_effect: true, retry: { maximum_attempts: 1 } }
";

fn begun(names: u32) -> Driver {
    let mut driver = Driver::new(compile(LIST).expect("a right definition"));
    let names: Vec<String> = (1..=names).map(|number| format!("n{number}")).collect();
    let start = Input::Start(Start {
        key: None,
        labels: BTreeMap::new(),
        input: Arc::new(json!({ "names": names })),
        parent: None,
    });
    assert!(matches!(driver.apply(&start), Outcome::Applied(_)));
    driver
}

fn ask(element: u32) -> StepKey {
    let step = StepName::new("ask");
    StepKey { step, element }
}

fn reply(key: StepKey, op: Op, outcome: ReplyOutcome) -> Input {
    Input::Reply(Reply {
        key,
        op,
        round: 0,
        attempt: 1,
        outcome,
        worker: None,
    })
}

fn done(element: u32) -> Input {
    let output = Arc::new(json!({ "id": element }));
    reply(ask(element), Op::Action, ReplyOutcome::Done(output))
}

fn apply(driver: &mut Driver, input: &Input) {
    let outcome = driver.apply(input);
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
}

/// What is asked for when nothing is at hand.
fn needs(driver: &Driver, input: &Input) -> Vec<ValueKey> {
    let values = Values::default();
    match decide(&driver.definition, &driver.saga, &values, input, driver.now) {
        Outcome::Needs(keys) => keys,
        other @ (Outcome::Applied(_)
        | Outcome::Ignored(_)
        | Outcome::Refused(_)
        | Outcome::Illegal(_)) => panic!("{other:?}"),
    }
}

#[test]
fn elements_that_are_done_take_no_room() {
    let mut driver = begun(50);
    // In any order: each time one is done, the next is dispatched.
    for element in [2, 1, 4, 3, 6, 5, 7, 9, 8] {
        apply(&mut driver, &done(element));
        // The whole, and two under way.
        assert_eq!(driver.saga.steps.listed().len(), 3);
    }
    assert_eq!(driver.saga.steps.iter().count(), 12);
    assert_eq!(driver.saga.step_status(&ask(9)), StepStatus::Succeeded);
    assert_eq!(driver.saga.step_status(&ask(10)), StepStatus::Scheduled);
    assert_eq!(driver.saga.step_status(&ask(12)), StepStatus::Pending);
    let elements = driver.saga.elements(&StepName::new("ask")).unwrap();
    assert_eq!((elements.sent, elements.over), (11, 9));
    driver.check_series();
}

#[test]
fn an_answer_that_comes_twice_is_known_as_such_though_its_element_takes_no_room() {
    let mut driver = begun(5);
    apply(&mut driver, &done(1));
    let again = driver.apply(&done(1));
    assert!(matches!(again, Outcome::Ignored(_)), "{again:?}");
}

#[test]
fn the_items_that_come_next_are_asked_for_with_the_first_that_is_missing() {
    let driver = begun(300);
    let items = |elements: std::ops::RangeInclusive<u32>| {
        elements.map(|element| ValueKey::Item(ask(element)))
    };
    let wanted = needs(&driver, &done(1));
    assert_eq!(wanted, items(3..=258).collect::<Vec<_>>());
    // Nothing is asked for while the one that is needed is there.
    let at_hand = [ValueKey::Item(ask(3))];
    let mut values = Values::default();
    let item = driver.values.share(&at_hand[0]).unwrap();
    values.insert(at_hand[0].clone(), item);
    let outcome = decide(
        &driver.definition,
        &driver.saga,
        &values,
        &done(1),
        driver.now,
    );
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
}

#[test]
fn the_outputs_that_are_undone_next_are_asked_for_with_the_last() {
    let mut driver = begun(40);
    for element in 1..=40 {
        apply(&mut driver, &done(element));
    }
    let pay = StepKey::whole(StepName::new("pay"));
    let error = StepError::new("no", "no");
    let failed = reply(pay, Op::Action, ReplyOutcome::Fail(error));
    let wanted = needs(&driver, &failed);
    let outputs = (9..=40).rev().map(|element| ValueKey::Output(ask(element)));
    assert_eq!(wanted, outputs.collect::<Vec<_>>());
    apply(&mut driver, &failed);
    assert_eq!(driver.saga.status(), Status::Compensating);
    while driver.saga.status() == Status::Compensating {
        let undoing = |(key, state): (StepKey, &saga_core::saga::StepState)| {
            (state.status == StepStatus::Compensating).then_some(key)
        };
        let key = driver.saga.steps.iter().find_map(undoing).expect("an undo");
        let undone = reply(key, Op::Compensate, ReplyOutcome::Done(Arc::new(json!({}))));
        apply(&mut driver, &undone);
    }
    assert_eq!(driver.saga.status(), Status::Compensated);
    assert_eq!(driver.saga.step_status(&ask(1)), StepStatus::Compensated);
}
