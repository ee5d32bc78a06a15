//! What a definition means once it is compiled.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Code, Severity, compile};
use crate::definition::{Compensation, Definition, Effect, OnFailure, Step, StepKind};
use crate::expression::{Scope, Template};
use crate::ids::{SagaId, StepKey, StepName};
use crate::saga::Saga;
use crate::values::{ValueKey, Values};

const ORDER: &str = include_str!("../../../sagas/order.yaml");
const BOOKING: &str = include_str!("../../../sagas/flight-booking.yaml");
const EVERYTHING: &str = include_str!("../../tests/definitions/good-everything.yaml");

fn good(source: &str) -> Definition {
    let compiled = compile("test.yaml", source);
    compiled
        .definition
        .unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics))
}

fn codes(source: &str) -> Vec<Code> {
    compile("test.yaml", source)
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect()
}

/// What an action is given.
fn given(step: &Step) -> &Template {
    match &step.kind {
        StepKind::Action(call) => &call.input,
        StepKind::Wait(_) | StepKind::Sleep(_) | StepKind::Saga(_) => {
            panic!("{} is no action", step.name)
        }
    }
}

fn step<'d>(definition: &'d Definition, name: &str) -> &'d Step {
    definition.step(&StepName::new(name)).unwrap()
}

fn undo(step: &Step) -> &Compensation {
    let Effect::Compensate(compensation) = &step.effect else {
        panic!("{:?}", step.effect)
    };
    compensation
}

fn render(definition: &Definition, input: Value, outputs: &[(&str, Value)]) -> Vec<Value> {
    let saga = Saga::new(SagaId(Uuid::nil()), definition.reference.clone());
    let mut values = Values::default();
    values.insert(ValueKey::Input, Arc::new(input));
    for (name, output) in outputs {
        let key = ValueKey::Output(StepKey::whole(StepName::new(name)));
        values.insert(key, Arc::new(output.clone()));
    }
    let scope = Scope {
        definition,
        saga: &saga,
        values: &values,
        element: None,
    };
    definition
        .steps
        .iter()
        .map(|step| given(step).render(&scope).unwrap())
        .collect()
}

#[test]
fn the_order_saga_is_a_chain_of_undoable_steps() {
    let order = good(ORDER);
    assert_eq!(order.reference.to_string(), "order 1.0.0");
    assert_eq!(order.deadline, Some(Duration::from_mins(30)));
    assert_eq!(order.digest.len(), 64);
    assert_eq!(&*order.source, ORDER);
    let names: Vec<&str> = order.steps.iter().map(|step| step.name.as_str()).collect();
    let expected = [
        "placeOrder",
        "charge",
        "reserveProduct",
        "sendNotification",
        "scheduleDelivery",
    ];
    assert_eq!(names, expected);
    for (position, step) in order.steps.iter().enumerate() {
        assert_eq!(
            step.depends_on,
            position.checked_sub(1).into_iter().collect::<Vec<_>>()
        );
        let next = position + 1;
        assert_eq!(
            step.dependents,
            (next..order.steps.len().min(next + 1)).collect::<Vec<_>>()
        );
        assert!(matches!(step.effect, Effect::Compensate(_)));
        assert!(matches!(step.on_failure, OnFailure::Compensate));
    }
}

#[test]
fn policies_are_merged_over_defaults_and_those_over_the_built_in_ones() {
    let order = good(ORDER);
    let charge = step(&order, "charge");
    assert_eq!(charge.retry.initial_interval, Duration::from_millis(250));
    assert_eq!(charge.retry.maximum_attempts, 5);
    let refund = undo(charge);
    assert_eq!(refund.retry.maximum_attempts, 0, "its own");
    assert_eq!(
        refund.retry.initial_interval,
        Duration::from_millis(250),
        "from defaults"
    );
    assert_eq!(
        refund.timeouts.schedule_to_close,
        Some(Duration::from_hours(24)),
        "its own"
    );
    assert_eq!(
        refund.timeouts.start_to_close,
        Some(Duration::from_secs(30)),
        "from defaults"
    );
    let booking = good(BOOKING);
    assert!(
        (step(&booking, "hotel").retry.backoff_coefficient - 2.0).abs() < 1e-9,
        "built in"
    );
}

#[test]
fn the_pivot_of_the_booking_divides_it() {
    let booking = good(BOOKING);
    let payment = step(&booking, "payment");
    assert!(payment.pivot);
    assert_eq!(
        payment.depends_on,
        [0, 1, 2],
        "flight, hotel and car run beside each other"
    );
    assert!(matches!(payment.effect, Effect::Retriable));
    assert!(
        matches!(payment.on_failure, OnFailure::Compensate),
        "a failing pivot unwinds"
    );
    let ticket = step(&booking, "ticket");
    assert!(matches!(ticket.effect, Effect::Retriable));
    assert_eq!(ticket.retry.maximum_attempts, 0);
    assert!(
        matches!(ticket.on_failure, OnFailure::Pause),
        "after the pivot there is no way back"
    );
    assert!(booking.steps[0].depends_on.is_empty());
    assert!(booking.steps[1].depends_on.is_empty());
    assert!(booking.steps[2].depends_on.is_empty());
    assert_eq!(booking.steps[0].dependents, [3]);
}

#[test]
fn inputs_are_computed_with_their_types() {
    let everything = good(EVERYTHING);
    let input = json!({ "tenant": "acme", "number": 7, "items": [{ "sku": "a" }, { "sku": "b" }] });
    let reserve = &render(&everything, input, &[("confirm", json!({}))])[1];
    let expected = json!({
        "whole": [{ "sku": "a" }, { "sku": "b" }],
        "text": "Order 7 of acme",
        "computed": "small",
        "object": { "skus": ["a", "b"] },
        "literal": [1, 2.5, true, null, "text", "2", 16, 1000.0],
        "dollars": "${input.number} is not an expression",
        "nested": { "list": ["acme", "fixed"] },
        "folded": "one line 7 and another",
    });
    assert_eq!(*reserve, expected);
}

#[test]
fn what_a_step_reads_is_known() {
    let booking = good(BOOKING);
    let payment = given(step(&booking, "payment")).reads();
    assert!(payment.input);
    assert_eq!(
        payment.outputs,
        [StepName::new("flight"), StepName::new("hotel")]
    );
    assert!(!given(step(&booking, "ticket")).reads().input);
    let everything = good(EVERYTHING);
    assert_eq!(
        given(step(&everything, "pay")).reads(),
        &crate::expression::Reads::default()
    );
    assert_eq!(
        render(
            &everything,
            json!({ "tenant": "a", "number": 1, "items": [] }),
            &[]
        )[3],
        json!({})
    );
}

#[test]
fn an_undo_may_read_its_own_step_and_nothing_later() {
    let with = |read: &str| {
        format!(
            "saga: s\nversion: 1.0.0\nsteps:\n  - id: a\n    action: x.y\n    compensate:\n      \
             action: x.z\n      input: ${{steps.{read}.output}}\n  - id: b\n    action: x.y\n    \
             no_effect: true\n"
        )
    };
    assert_eq!(codes(&with("a")), []);
    assert_eq!(codes(&with("b")), [Code::NotFinished]);
    assert_eq!(codes(&with("c")), [Code::UnknownStep]);
}

#[test]
fn a_cycle_through_implicit_order_is_found() {
    let source = "saga: s\nversion: 1.0.0\nsteps:\n  - { id: a, action: x.y, no_effect: true, \
                  depends_on: [c] }\n  - { id: b, action: x.y, no_effect: true }\n  - { id: c, \
                  action: x.y, no_effect: true }\n";
    assert_eq!(codes(source), [Code::Cycle]);
}

#[test]
fn windows_line_ends_and_wide_characters_keep_positions_right() {
    let source = "saga: s\r\nversion: 1.0.0\r\ndescription: \"grüße, 世界\"\r\nsteps:\r\n  - { id: a, \
                  action: x.y, no_effect: true, input: \"ü ${inptu}\" }\r\n";
    let compiled = compile("test.yaml", source);
    let diagnostic = &compiled.diagnostics[0];
    assert_eq!(&source[diagnostic.span.start..diagnostic.span.end], "inptu");
    assert_eq!(diagnostic.span.line, 5);
    assert_eq!(diagnostic.severity, Severity::Error);
}

#[test]
fn a_payload_is_accepted_with_its_key() {
    let order = good(ORDER);
    let input = json!({
        "orderId": "o-1", "customer": "c-1", "amount": 250, "items": [{ "sku": "a", "quantity": 1 }],
    });
    assert_eq!(order.accept(&input).unwrap().key.as_deref(), Some("o-1"));
}

#[test]
fn a_refused_payload_is_told_everything() {
    let refused = good(ORDER)
        .accept(&json!({ "orderId": "", "amount": 0, "items": [] }))
        .unwrap_err();
    let mut pointers: Vec<&str> = refused
        .violations
        .iter()
        .map(|v| v.pointer.as_str())
        .collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["", "/amount", "/items", "/orderId"]);
    let text = refused.to_string();
    assert!(
        text.starts_with("the input does not fit saga order 1.0.0: "),
        "{text}"
    );
    assert!(
        text.contains("/amount: 0 is less than the minimum of 1"),
        "{text}"
    );
}

#[test]
fn a_key_must_be_short_and_plain() {
    let keyed = good(
        "saga: s\nversion: 1.0.0\nkey: ${input.k}\nsteps: [{ id: a, action: x.y, no_effect: true }]\n",
    );
    let key = |value: Value| {
        keyed
            .accept(&json!({ "k": value }))
            .map(|accepted| accepted.key)
    };
    assert_eq!(key(json!(7)).unwrap().as_deref(), Some("7"));
    assert_eq!(key(json!(true)).unwrap().as_deref(), Some("true"));
    for bad in [
        json!(null),
        json!(1.5),
        json!([1]),
        json!(""),
        json!("x".repeat(201)),
    ] {
        assert!(key(bad.clone()).is_err(), "{bad}");
    }
    let missing = keyed.accept(&json!({})).unwrap_err();
    assert!(
        missing.to_string().contains("`input` has no field `k`"),
        "{missing}"
    );
    let keyless =
        good("saga: s\nversion: 1.0.0\nsteps: [{ id: a, action: x.y, no_effect: true }]\n");
    assert_eq!(keyless.accept(&json!(null)).unwrap().key, None);
    assert_eq!(keyless.max_lifetime, Duration::from_hours(24 * 30));
}
