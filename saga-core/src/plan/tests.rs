//! Outlooks of a sale, as people read them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::{LISTED_MAX, Outlook, PlanError, Why, plan};
use crate::compiler;
use crate::decide::decide;
use crate::decision::Outcome;
use crate::definition::Definition;
use crate::ids::{Op, SagaId, StepKey};
use crate::input::{Input, Reply, ReplyOutcome, Start, StepError};
use crate::operator::{Operator, Verb};
use crate::saga::{Saga, Status};
use crate::time::Timestamp;
use crate::values::Values;

const SALE: &str = "
saga: sale
version: 1.0.0
steps:
  - { id: look, action: p.look, no_effect: true }
  - id: hold
    action: p.hold
    compensate: { action: p.free, input: { hold: '${steps.hold.output.id}' } }
  - id: mail
    action: p.mail
    compensate: none
    because: it is read already
  - id: approve
    wait_for: { signal: approved, timeout: 1h }
  - id: charge
    action: p.charge
    compensate: { action: p.refund, input: { charge: '${steps.charge.output.id}' } }
  - { id: ship, action: p.ship, pivot: true }
  - { id: tell, action: p.tell }
";

struct Sale {
    definition: Definition,
    saga: Saga,
    values: Values,
    now: Timestamp,
}

impl Sale {
    fn start() -> Self {
        Self::start_with(SALE, json!({}))
    }

    fn start_with(source: &str, input: serde_json::Value) -> Self {
        let compiled = compiler::compile("sale", source);
        let problems = compiler::render(&compiled.diagnostics, "sale", source, false);
        let definition = compiled.definition.unwrap_or_else(|| panic!("{problems}"));
        let id: SagaId = "019a0000-0000-7000-8000-000000000001".parse().unwrap();
        let mut sale = Self {
            saga: Saga::new(id, definition.reference.clone()),
            definition,
            values: Values::default(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        sale.judge(&Input::Start(Start {
            key: None,
            labels: BTreeMap::new(),
            input: Arc::new(input),
            parent: None,
        }));
        sale
    }

    fn judge(&mut self, input: &Input) {
        match decide(&self.definition, &self.saga, &self.values, input, self.now) {
            Outcome::Applied(decision) => {
                self.saga = decision.saga;
                for (key, value) in decision.values {
                    self.values.insert(key, value);
                }
            }
            other @ (Outcome::Ignored(_)
            | Outcome::Refused(_)
            | Outcome::Illegal(_)
            | Outcome::Needs(_)) => panic!("{input:?}: {other:?}"),
        }
    }

    fn reply(&mut self, step: &str, op: Op, outcome: ReplyOutcome) {
        let key = StepKey::parse(step);
        let state = &self.saga.steps[&key];
        let (round, attempt) = (state.round_of(op), state.attempt);
        self.judge(&Input::Reply(Reply {
            key,
            op,
            round,
            attempt,
            outcome,
            worker: None,
        }));
    }

    fn done(&mut self, step: &str) {
        let output = json!({ "id": format!("{step}-1") });
        self.reply(step, Op::Action, ReplyOutcome::Done(Arc::new(output)));
    }

    fn operate(&mut self, verb: Verb) {
        let (who, reason) = ("ada".to_owned(), "a look".to_owned());
        self.judge(&Input::Operator(Operator { who, reason, verb }));
    }

    fn ask(&self, failed_at: Option<&str>) -> Result<Outlook, PlanError> {
        let step = failed_at.map(StepKey::parse);
        plan(
            &self.definition,
            &self.saga,
            &self.values,
            step.as_ref(),
            self.now,
        )
    }

    fn refused(&self, failed_at: Option<&str>) -> String {
        self.ask(failed_at).unwrap_err().to_string()
    }
}

/// Each line of an outlook, short.
fn told(outlook: &Outlook) -> Vec<String> {
    let mut lines = vec![format!("ends {}", outlook.ends)];
    lines.extend(outlook.settle_first.iter().map(|doubt| {
        let pivot = if doubt.pivot { " (pivot)" } else { "" };
        format!("settle {}{pivot}", doubt.step)
    }));
    lines.extend(outlook.undo.iter().map(|undo| {
        let input = undo
            .input
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let operation = undo.operation.as_deref().unwrap_or("-");
        let guessed = if undo.input_is_guessed {
            " guessed"
        } else {
            ""
        };
        let maybe = if undo.if_it_happened { " maybe" } else { "" };
        let way = if undo.under_way { " under way" } else { "" };
        format!(
            "{} {} {operation} {input}{guessed}{maybe}{way}",
            undo.order, undo.step
        )
    }));
    let nothing = outlook.nothing_to_undo.iter();
    lines.extend(nothing.map(|one| format!("{}: {}", one.step, one.why.as_str())));
    let remains = outlook.remains.iter();
    lines.extend(remains.map(|one| format!("{} remains: {}", one.step, one.because)));
    lines.extend(outlook.unclear.clone());
    lines
}

#[test]
fn cancelling_settles_what_is_under_way_and_undoes_what_was_done() {
    let mut sale = Sale::start();
    sale.done("look");
    sale.done("hold");
    let before = sale.saga.clone();
    assert_eq!(
        told(&sale.ask(None).unwrap()),
        [
            "ends compensated",
            "settle mail",
            "1 hold p.free {\"hold\":\"hold-1\"}",
            "look: has no effect",
            "approve: not started",
            "charge: not started",
            "ship: not started",
            "tell: not started",
            "mail remains: it is read already",
        ]
    );
    assert_eq!(sale.saga, before, "asking changes nothing");
}

#[test]
fn a_failure_further_on_is_told_with_what_is_not_known_yet() {
    let mut sale = Sale::start();
    sale.done("look");
    sale.done("hold");
    assert_eq!(
        told(&sale.ask(Some("ship")).unwrap()),
        [
            "ends compensated",
            "1 charge p.refund {\"charge\":\"<steps.charge.output.id>\"} guessed",
            "2 hold p.free {\"hold\":\"hold-1\"}",
            "look: has no effect",
            "approve: has no effect",
            "ship: failed, without effect",
            "tell: not started",
            "mail remains: it is read already",
        ]
    );
}

#[test]
fn a_wait_fails_by_its_timeout() {
    let mut sale = Sale::start();
    sale.done("look");
    sale.done("hold");
    let outlook = sale.ask(Some("approve")).unwrap();
    assert_eq!(outlook.ends, Status::Compensated);
    assert_eq!(outlook.undo.len(), 1);
    assert_eq!(outlook.undo[0].step, StepKey::parse("hold"));
}

#[test]
fn past_the_pivot_nothing_is_undone() {
    let mut sale = Sale::start();
    sale.done("look");
    sale.done("hold");
    let outlook = sale.ask(Some("tell")).unwrap();
    assert_eq!(outlook.ends, Status::Paused);
    assert!(outlook.rests.is_some() && outlook.undo.is_empty());
}

#[test]
fn a_saga_that_turns_back_is_told_from_where_it_is() {
    let mut sale = Sale::start();
    sale.done("look");
    sale.done("hold");
    sale.done("mail");
    sale.operate(Verb::Cancel);
    assert_eq!(
        told(&sale.ask(None).unwrap())[..2],
        ["ends compensated", "1 hold p.free  under way"]
    );
    assert_eq!(
        sale.refused(Some("ship")),
        "the saga is turning back; ask without a step for what it still undoes"
    );
    let error = StepError::new("refused", "no");
    sale.reply("hold", Op::Compensate, ReplyOutcome::Fail(error));
    assert_eq!(sale.saga.status(), Status::CompensationFailed);
    assert_eq!(
        told(&sale.ask(None).unwrap())[..2],
        ["ends compensated", "1 hold p.free {\"hold\":\"hold-1\"}"]
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    let mut sale = Sale::start();
    assert_eq!(sale.refused(Some("nope")), "the saga has no step nope");
    sale.done("look");
    assert_eq!(
        sale.refused(Some("look")),
        "step look is succeeded; it cannot fail any more"
    );
    sale.operate(Verb::Terminate);
    assert_eq!(
        sale.refused(None),
        "the saga is terminated; nothing can change it any more"
    );
}

const SIDE_BY_SIDE: &str = "
saga: side
version: 1.0.0
steps:
  - { id: nap, sleep: 2h, depends_on: [] }
  - id: hold
    action: p.hold
    depends_on: []
    timeouts: { start_to_close: 10s }
    retry: { maximum_attempts: 1 }
    compensate: { action: p.free }
  - id: approve
    wait_for: { signal: approved, timeout: 1h }
    depends_on: [hold]
  - { id: ship, action: p.ship, no_effect: true, depends_on: [nap, approve] }
";

#[test]
fn time_passes_only_when_nothing_is_under_way() {
    let side = Sale::start_with(SIDE_BY_SIDE, json!({}));
    assert_eq!(
        told(&side.ask(Some("ship")).unwrap()),
        [
            "ends compensated",
            "1 hold p.free {}",
            "nap: has no effect",
            "approve: has no effect",
            "ship: failed, without effect",
        ],
        "hold is done long before the nap is over"
    );
    let outlook = side.ask(Some("approve")).unwrap();
    assert!(outlook.unclear.is_empty(), "{:?}", outlook.unclear);
    assert_eq!(outlook.undo.len(), 1);
    let nap = outlook
        .nothing_to_undo
        .iter()
        .find(|one| one.step == StepKey::parse("nap"));
    assert_ne!(
        nap.map(|one| one.why),
        Some(Why::NoEffect),
        "the wait ends first"
    );
    assert_eq!(
        side.refused(Some("nap")),
        "step nap waits without a timeout; it cannot fail"
    );
}

const FAMILY: &str = "
saga: family
version: 1.0.0
steps:
  - id: trip
    saga: { name: trip, version: 1.0.0 }
    on_failure: continue
  - { id: pay, action: p.pay, compensate: { action: p.refund } }
";

#[test]
fn what_a_child_saga_left_remains() {
    let mut family = Sale::start_with(FAMILY, json!({}));
    let mut error = StepError::new("child_compensated", "it was undone");
    error.details = Some(json!({ "residue": ["mail"] }));
    family.reply("trip", Op::Action, ReplyOutcome::Fail(error));
    let remains = family.ask(None).unwrap().remains;
    assert_eq!(remains.len(), 1, "{remains:?}");
    assert_eq!(remains[0].step, StepKey::parse("trip"));
}

const FAN: &str = "
saga: fan
version: 1.0.0
steps:
  - id: hold
    for_each: '${input.items}'
    max_parallel: 1000
    action: p.hold
    compensate: { action: p.free }
  - { id: approve, wait_for: { signal: approved } }
";

#[test]
fn what_is_not_listed_is_counted() {
    let items: Vec<u32> = (0..1_200).collect();
    let mut fan = Sale::start_with(FAN, json!({ "items": items }));
    for element in 1..=1_200 {
        fan.done(&format!("hold[{element}]"));
    }
    let outlook = fan.ask(None).unwrap();
    let left = outlook.left_out.expect("more than is listed");
    assert_eq!((outlook.undo.len(), left.undo), (LISTED_MAX, 200));
    assert_eq!(left.remains, 0);
    assert_eq!(
        outlook.nothing_to_undo.len(),
        1,
        "all of the others are told"
    );
}
