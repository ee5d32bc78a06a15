//! What a bundle gives away, and what it proves.

use std::sync::Arc;

use saga_core::compiler;
use saga_core::decide::decide;
use saga_core::decision::Outcome;
use saga_core::explain::Cause;
use saga_core::ids::{Op, SagaId, StepKey, StepName};
use saga_core::input::{Input, Reply, ReplyOutcome, Start, StepError};
use saga_core::operator::{By, Operator, Verb};
use saga_core::saga::{Saga, Status};
use saga_core::time::Timestamp;
use saga_core::values::{ValueKey, Values};
use serde_json::json;

use super::content::bundled;
use super::document::{BUNDLE_FORMAT, Bundle, BundledDefinition};
use super::redact::Redaction;
use super::replay::{ReplayError, replay};
use crate::explain::Explained;
use crate::http::EventView;
use crate::store::snapshot;

const SECRET: &str = "4000-0000-1111";

const SALE: &str = "
saga: sale
version: 1.0.0
steps:
  - { id: hold, action: p.hold, compensate: { action: p.free, retry: { maximum_attempts: 1 } } }
  - { id: pay, action: p.pay, no_effect: true }
";

/// A saga whose every text holds the secret, in the state that a cancelled one has whose undo failed.
#[expect(
    clippy::too_many_lines,
    reason = "the story of one saga, from start to bundle"
)]
fn bundle(redaction: Option<&Redaction>) -> Bundle {
    let definition = compiler::compile("sale", SALE).definition.expect("right");
    let id: SagaId = "019a0000-0000-7000-8000-000000000001"
        .parse()
        .expect("an id");
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    let mut saga = Saga::new(id, definition.reference.clone());
    let (mut values, mut written) = (Values::default(), Vec::new());
    let mut events = Vec::new();
    let reply = |step: &str, op: Op, outcome: ReplyOutcome| {
        Input::Reply(Reply {
            key: StepKey::whole(StepName::new(step)),
            op,
            round: 0,
            attempt: 1,
            outcome,
            worker: None,
        })
    };
    let mut error = StepError::new("refused", SECRET);
    error.details = Some(json!({ "card": SECRET }));
    let inputs = [
        Input::Start(Start {
            key: Some(SECRET.to_owned()),
            labels: [("card".to_owned(), SECRET.to_owned())].into(),
            input: json!({ "card": SECRET }).into(),
            parent: None,
        }),
        reply("hold", Op::Action, ReplyOutcome::Done(json!(SECRET).into())),
        Input::Operator(Operator {
            who: SECRET.to_owned(),
            reason: SECRET.to_owned(),
            verb: Verb::Cancel,
        }),
        reply("pay", Op::Settle, ReplyOutcome::NeverHappened),
        reply("hold", Op::Compensate, ReplyOutcome::Fail(error)),
    ];
    for input in &inputs {
        match decide(&definition, &saga, &values, input, now) {
            Outcome::Applied(decision) => {
                saga = decision.saga;
                events.extend(decision.events);
                for (key, value) in decision.values {
                    values.insert(key.clone(), Arc::clone(&value));
                    written.push((key, value));
                }
            }
            other @ (Outcome::Ignored(_)
            | Outcome::Refused(_)
            | Outcome::Illegal(_)
            | Outcome::Needs(_)) => panic!("{input:?}: {other:?}"),
        }
    }
    let mut causes = saga_core::explain::causes(&definition, &saga, now);
    assert_eq!(causes.len(), 1, "{causes:?}");
    causes.extend(seen_elsewhere(id, now));
    let mut explained = Explained {
        at: now,
        saga,
        causes,
        unknown: Vec::new(),
    };
    if let Some(redaction) = redaction {
        redaction.explained(&mut explained);
        events
            .iter_mut()
            .for_each(|event| redaction.event(&mut event.kind));
    }
    let mut room = 1024;
    let value = |(key, value): &(ValueKey, Arc<serde_json::Value>)| {
        bundled(key, value, redaction, &mut room)
    };
    Bundle {
        format: BUNDLE_FORMAT,
        amends: String::new(),
        exported_at: now,
        id,
        redacted: redaction.is_some(),
        definition: BundledDefinition {
            reference: definition.reference.clone(),
            digest: None,
            source: None,
        },
        state: snapshot(&explained.saga).expect("a state"),
        events: events.into_iter().map(EventView::from).collect(),
        events_are_complete: true,
        values: written.iter().map(value).collect(),
        explanation: explained.into(),
    }
}

/// Causes whose texts come from letters and other sagas, and not from the saga's own state.
fn seen_elsewhere(id: SagaId, now: Timestamp) -> Vec<Cause> {
    let step = StepKey::whole(StepName::new("pay"));
    let by = By {
        who: SECRET.to_owned(),
        reason: SECRET.to_owned(),
    };
    let mut error = StepError::new("refused", SECRET);
    error.details = Some(json!({ "card": SECRET }));
    let child = |because| Cause::WaitingForChild {
        step: step.clone(),
        child: id,
        op: Op::Action,
        since: now,
        child_status: Some(Status::Paused),
        because: Some(Box::new(because)),
    };
    let failed = Cause::StepFailed {
        step: step.clone(),
        error: Some(error),
    };
    let parked = Cause::Parked {
        why: SECRET.to_owned(),
        letter: None,
    };
    let dead = Cause::DeadLettered {
        step: step.clone(),
        op: Op::Action,
        attempt: 1,
        since: now,
        operation: "p.pay".to_owned().try_into().expect("an operation"),
        letter: None,
        reason: Some(SECRET.to_owned()),
    };
    let paused = Cause::Paused { by, since: None };
    vec![child(child(failed)), child(parked), child(paused), dead]
}

#[test]
fn a_redacted_bundle_tells_nothing_and_still_proves_the_state() {
    let told = bundle(None);
    let text = serde_json::to_string(&told).expect("JSON");
    assert!(text.matches(SECRET).count() > 8, "{text}");
    assert_eq!(replay(&told).expect("a replay").differences, []);

    let redacted = bundle(Some(&Redaction::new(b"salt")));
    let text = serde_json::to_string(&redacted).expect("JSON");
    assert!(!text.contains(SECRET), "{text}");
    assert!(
        text.contains("refused") && text.contains("\"card\":\"string\""),
        "{text}"
    );
    let replayed = replay(&redacted).expect("a replay");
    assert_eq!(replayed.differences, []);
    assert_eq!(replayed.events.len(), redacted.events.len());
    let other = bundle(Some(&Redaction::new(b"pepper")));
    assert_ne!(
        other.state, redacted.state,
        "digests cannot be compared or guessed"
    );
    // It reads back as it was written.
    let back: Bundle = serde_json::from_str(&text).expect("a bundle");
    assert_eq!(back, redacted);
}

#[test]
fn a_state_that_the_history_does_not_give_is_shown_where_it_differs() {
    let mut wrong = bundle(None);
    wrong.state.version += 1;
    wrong.state.state["steps"]["hold"]["try"] = json!(7);
    let differences = replay(&wrong).expect("a replay").differences;
    let pointers: Vec<&str> = differences.iter().map(|one| &*one.pointer).collect();
    assert_eq!(pointers, ["/state/steps/hold/try", "/version"]);
    assert_eq!(differences[1].stored, json!(wrong.state.version));
}

#[test]
fn a_history_that_is_not_whole_proves_nothing() {
    let mut gap = bundle(None);
    gap.events.remove(2);
    assert!(matches!(
        replay(&gap),
        Err(ReplayError::Gap {
            wanted: 3,
            found: 4
        })
    ));
    let mut short = bundle(None);
    short.events_are_complete = false;
    assert!(matches!(replay(&short), Err(ReplayError::Incomplete(_))));
    let mut newer = bundle(None);
    newer.format += 1;
    assert!(matches!(replay(&newer), Err(ReplayError::Format(2))));
}

#[test]
fn a_value_beyond_the_room_is_told_by_its_shape() {
    let mut room = 10;
    let large = json!([{ "a": "x".repeat(20) }, 1]);
    let told = bundled(&ValueKey::Input, &large, None, &mut room);
    assert_eq!(told.value, None);
    assert_eq!(
        told.shape,
        Some(json!({ "list_of": 2, "first": { "a": "string" } }))
    );
    assert_eq!(room, 10);
    let small = bundled(&ValueKey::Result, &json!(1), None, &mut room);
    assert_eq!((small.value, room), (Some(json!(1)), 9));
}
