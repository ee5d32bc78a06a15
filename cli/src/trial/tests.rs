//! Books that disagree with what a saga says, and runs that must not differ.

use std::sync::Arc;

use saga_core::compiler::compile;
use saga_core::event::EventKind;
use saga_core::ids::StepName;

use super::audit::audit;
use super::books::EffectKey;
use super::canned::Canned;
use super::case::{Ran, play};
use super::end::End;
use super::fault::{Fault, Planted};
use super::script::Script;

const SAGA: &str = "
saga: trip
version: 1.0.0
steps:
  - { id: flight, action: a.fly, compensate: { action: a.unfly } }
  - { id: letter, action: a.write, compensate: none, because: it is in the post }
  - { id: hotel, action: a.sleep, compensate: { action: a.wake } }
  - { id: pay, action: a.pay, compensate: { action: a.repay } }
";

fn script() -> Script {
    let compiled = compile("trip.yaml", SAGA);
    let definition = compiled.definition.unwrap();
    Script::new(Arc::new(definition), Vec::new(), None, Canned::default()).unwrap()
}

fn planted(step: &str, fault: Fault) -> Planted {
    Planted {
        step: StepName::new(step),
        element: 0,
        fault,
        culprit: None,
        inner: None,
    }
}

fn ran(script: &Script, fault: Option<Planted>) -> Ran {
    play(script, fault).unwrap()
}

fn key(ran: &Ran, step: &str) -> EffectKey {
    EffectKey {
        saga: ran.root.saga.id,
        step: StepName::new(step),
        element: 0,
        round: 0,
    }
}

#[track_caller]
fn finds(ran: &Ran, words: &str) {
    let problems = audit(ran);
    assert!(
        problems.iter().any(|problem| problem.contains(words)),
        "`{words}` is missing in {problems:?}"
    );
}

#[test]
fn an_effect_that_is_left_behind_is_found() {
    let script = script();
    let mut undone = ran(&script, Some(planted("pay", Fault::Fail)));
    assert_eq!(undone.end, End::Compensated);
    assert_eq!(audit(&undone), Vec::<String>::new());

    let flight = key(&undone, "flight");
    undone.effects.get_mut(&flight).unwrap().undone = 0;
    finds(&undone, "the effect of flight is left behind");

    let pay = key(&undone, "pay");
    undone.effects.entry(pay).or_default().done = 1;
    finds(&undone, "the effect of pay is left behind");
}

#[test]
fn residue_that_is_not_declared_is_left_behind() {
    let script = script();
    let mut undone = ran(&script, Some(planted("pay", Fault::Fail)));
    undone.root.saga.phase = saga_core::saga::Phase::Compensated {
        residue: Vec::new(),
    };
    finds(&undone, "the effect of letter is left behind");
}

#[test]
fn books_that_know_more_or_less_than_the_saga_are_found() {
    let script = script();
    let mut done = ran(&script, None);
    assert_eq!(audit(&done), Vec::<String>::new());
    let (flight, hotel, pay) = (key(&done, "flight"), key(&done, "hotel"), key(&done, "pay"));
    done.effects.get_mut(&flight).unwrap().done = 2;
    done.effects.get_mut(&hotel).unwrap().undone = 1;
    done.effects.remove(&pay);
    finds(&done, "flight took effect twice");
    finds(&done, "hotel was undone, and the saga says it stands");
    finds(&done, "pay is said to have happened");
}

#[test]
fn undos_in_the_wrong_order_are_found() {
    let script = script();
    let mut undone = ran(&script, Some(planted("pay", Fault::Fail)));
    undone.root.history.reverse();
    finds(&undone, "flight was undone before hotel");
}

#[test]
fn an_alarm_and_a_dead_letter_are_problems() {
    let script = script();
    let mut done = ran(&script, None);
    done.dead_letters = 1;
    finds(&done, "dead letters");
    let scheduled = done
        .root
        .history
        .iter_mut()
        .find(|event| matches!(event.kind, EventKind::StepScheduled { .. }))
        .unwrap();
    if let EventKind::StepScheduled { key, .. } = scheduled.kind.clone() {
        scheduled.kind = EventKind::EffectAfterUndo {
            key,
            attempt: 1,
            round: 0,
        };
    }
    finds(&done, "took effect after");
}

#[test]
fn a_case_is_the_same_every_time() {
    let script = script();
    for fault in Fault::ALL {
        let of = || ran(&script, Some(planted("hotel", fault)));
        let (first, second) = (of(), of());
        assert_eq!(first.took, second.took, "{fault}");
        assert_eq!(first.effects, second.effects, "{fault}");
        let kinds = |ran: &Ran| -> Vec<String> {
            let events = ran.root.history.iter();
            events
                .map(|event| format!("{} {}", event.at, crate::narrative::describe(&event.kind)))
                .map(|line| line.split(" by mock").next().unwrap_or_default().to_owned())
                .collect()
        };
        assert_eq!(kinds(&first), kinds(&second), "{fault}");
    }
}
