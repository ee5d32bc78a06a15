//! What rows hold, to the letter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use saga_core::definition::DefinitionRef;
use saga_core::event::{EVENT_SCHEMA, Event, EventKind, PauseCause, UnwindCause};
use saga_core::ids::{Op, SagaId, StepKey, StepName};
use saga_core::input::{Parent, StepError};
use saga_core::operator::By;
use saga_core::saga::{Phase, Retry, Saga, StepState, StepStatus, Steps, Work};
use saga_core::time::Timestamp;
use saga_core::values::ValueKey;
use serde_json::json;
use uuid::Uuid;

use super::{
    SagaRow, decode_events, decode_saga, decode_value_key, encode_events, encode_state,
    encode_value_key,
};

const STARTED: i64 = 1_795_000_000_000_123;

fn step(name: &str) -> StepName {
    StepName::new(name)
}

fn key(name: &str) -> StepKey {
    StepKey::whole(step(name))
}

fn fresh() -> Saga {
    let name = "order".into();
    let version = "1.2.3-rc.1".parse().unwrap();
    let id = SagaId(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001));
    let mut saga = Saga::new(id, DefinitionRef { name, version });
    saga.version = 12;
    saga.started_at = Timestamp::from_micros(STARTED);
    saga
}

/// A saga in which everything that can be there is there.
fn full() -> Saga {
    let error = StepError {
        code: "card_declined".to_owned(),
        message: "no".to_owned(),
        details: Some(json!({"limit": 5})),
    };
    let at = |after: i64| Timestamp::from_micros(STARTED + after);
    let work = Work {
        command: 11,
        since: at(1_000),
        sent_at: at(251_000),
        retry: Some(Retry {
            at: at(500_000),
            sent: true,
        }),
        probed: true,
        started: None,
        first: 1,
        spent: false,
    };
    let in_flight = Work {
        command: 9,
        since: at(7),
        sent_at: at(7),
        retry: None,
        probed: false,
        started: None,
        first: 1,
        spent: false,
    };
    let backing_off = StepState {
        status: StepStatus::BackingOff,
        attempt: 3,
        round: 1,
        error: Some(Box::new(error)),
        late: 2,
        work: Some(work),
        ..StepState::done()
    };
    let scheduled = StepState {
        status: StepStatus::Scheduled,
        work: Some(in_flight),
        ..StepState::done()
    };
    let mut saga = fresh();
    saga.key = Some("order-7".to_owned());
    saga.labels = BTreeMap::from([("region".to_owned(), "eu".to_owned())]);
    saga.deadline = Some(at(60_000_000));
    saga.lifetime_ends = at(86_400_000_000);
    saga.phase = Phase::Compensating;
    saga.pause = Some(PauseCause::PivotUnknown(step("charge")));
    saga.unwind = Some(UnwindCause::StepFailed(step("ship")));
    saga.steps = Steps::from_iter([
        (key("placeOrder"), StepState::done()),
        (
            StepKey {
                step: step("ship"),
                element: 3,
            },
            backing_off,
        ),
        (key("charge"), scheduled),
    ]);
    saga
}

/// A saga that an operator has paused, and mended before.
fn mended() -> Saga {
    let mut saga = fresh();
    saga.phase = Phase::Compensating;
    saga.pause = Some(PauseCause::Operator(by()));
    saga.paused_at = Some(Timestamp::from_micros(STARTED + 9));
    saga.unwind = Some(UnwindCause::Cancelled(by()));
    let work = Work {
        command: 30,
        since: Timestamp::from_micros(STARTED + 7),
        sent_at: Timestamp::from_micros(STARTED + 7),
        retry: None,
        probed: false,
        started: Some(Timestamp::from_micros(STARTED + 12)),
        first: 4,
        spent: true,
    };
    let undoing = StepState {
        status: StepStatus::Compensating,
        attempt: 5,
        undo_round: 2,
        work: Some(work),
        ..StepState::done()
    };
    let refused = StepState {
        status: StepStatus::CompensationFailed,
        undo_refused: true,
        ..StepState::done()
    };
    let skipped = StepState {
        status: StepStatus::Skipped,
        substituted: true,
        alarmed: 1,
        ..StepState::done()
    };
    saga.steps = Steps::from_iter([
        (key("charge"), undoing),
        (key("place"), refused),
        (key("ship"), skipped),
    ]);
    saga
}

fn by() -> By {
    By {
        who: "ada".to_owned(),
        reason: "the bank is back".to_owned(),
    }
}

fn decode(saga: &Saga, state: &str) -> Saga {
    let labels = serde_json::to_string(&saga.labels).unwrap();
    let version = saga.definition.version.to_string();
    decode_saga(&SagaRow {
        id: saga.id,
        version: saga.version,
        definition: &saga.definition.name,
        definition_version: &version,
        key: saga.key.as_deref(),
        labels: &labels,
        started_at: saga.started_at,
        ended_at: saga.ended_at,
        state,
    })
    .unwrap()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

#[test]
fn states_are_written_as_the_golden_file_says_and_read_back() {
    let closed = {
        let mut saga = fresh();
        saga.phase = Phase::Compensated {
            residue: vec![step("notify")],
        };
        saga.ended_at = Some(Timestamp::from_micros(STARTED + 5));
        saga
    };
    let sagas = [fresh(), full(), closed, mended()];
    let lines = std::fs::read_to_string(golden("state-1.jsonl")).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), sagas.len());
    for (saga, line) in sagas.iter().zip(lines) {
        assert_eq!(encode_state(saga).unwrap(), line);
        assert_eq!(decode(saga, line), *saga);
    }
}

/// An element of a list.
fn list(element: u32) -> StepKey {
    StepKey {
        step: step("list"),
        element,
    }
}

/// Sagas whose state needs the second format.
#[test]
fn elements_that_are_done_are_written_as_runs() {
    let mut saga = fresh();
    let failed = StepState {
        status: StepStatus::Failed,
        ..StepState::done()
    };
    let pieces = [1, 2, 3, 7].map(|element| (list(element), StepState::done()));
    saga.steps = Steps::from_iter(pieces);
    saga.steps.extend([(list(4), failed)]);
    let golden = std::fs::read_to_string(golden("state-2.jsonl")).unwrap();
    assert_eq!(encode_state(&saga).unwrap(), golden.trim_end());
    assert_eq!(decode(&saga, golden.trim_end()), saga);
    // An earlier release has listed them.
    let listed = r#"{"v":1,"phase":"running","ends":9223372036854775807,"steps":{"list[1]":{},"list[2]":{},
        "list[3]":{},"list[4]":{"is":"failed"},"list[7]":{}}}"#;
    assert_eq!(decode(&saga, listed), saga);
}

#[test]
fn a_finished_element_costs_nothing() {
    let mut saga = fresh();
    saga.steps = (1..=10_000)
        .map(|number| (list(number), StepState::done()))
        .collect();
    let bytes = encode_state(&saga).unwrap().len();
    assert!(bytes < 100, "{bytes}");
}

#[test]
fn a_finished_step_costs_its_name_and_six_bytes() {
    let mut saga = fresh();
    let before = encode_state(&saga).unwrap().len();
    for number in 0..200 {
        saga.steps
            .extend([(key(&format!("step{number:03}")), StepState::done())]);
    }
    let bytes = encode_state(&saga).unwrap().len() - before;
    assert!(bytes <= 200 * ("step000".len() + 6) + 20, "{bytes}");
    assert_eq!(decode(&saga, &encode_state(&saga).unwrap()), saga);
}

/// What operators cause, and what they need to be told apart.
fn by_hand(at: Timestamp, error: StepError) -> [EventKind; 15] {
    let (op, key) = (Op::Compensate, key("charge"));
    [
        EventKind::AttemptFailed {
            key: key.clone(),
            op: Op::Action,
            attempt: 5,
            error: error.clone(),
            retry_at: at,
            last: true,
        },
        EventKind::UndoFailed {
            key: key.clone(),
            error,
            certified: true,
        },
        EventKind::EffectAfterUndo {
            key: key.clone(),
            attempt: 1,
            round: 2,
        },
        EventKind::SagaPaused {
            cause: PauseCause::Operator(by()),
        },
        EventKind::SagaResumed {
            by: Some(by()),
            lifetime_ends: Some(at),
        },
        EventKind::SagaResumed {
            by: None,
            lifetime_ends: None,
        },
        EventKind::CompensationStarted {
            cause: UnwindCause::Cancelled(by()),
        },
        EventKind::CancelTooLate { by: by() },
        EventKind::SagaTerminated { by: by() },
        EventKind::StepRetried {
            key: key.clone(),
            round: 1,
            by: by(),
        },
        EventKind::RetryHastened {
            key: key.clone(),
            op,
            by: by(),
        },
        EventKind::UndoRetried {
            key: key.clone(),
            round: 0,
            attempt: 3,
            by: by(),
        },
        EventKind::StepSkippedByOperator {
            key: key.clone(),
            by: by(),
        },
        EventKind::StepResolved {
            key: key.clone(),
            op,
            happened: true,
            by: by(),
        },
        EventKind::AttemptStarted {
            key,
            op,
            attempt: 2,
            started_at: at,
            worker: Some("w1".to_owned()),
        },
    ]
}

/// What elements, waits, fallbacks, child sagas and versions leave behind.
fn of_the_language(at: Timestamp, error: StepError) -> [EventKind; 13] {
    let parent = Parent {
        saga: fresh().id,
        key: StepKey::parse("transfer[2]"),
        round: 1,
    };
    [
        EventKind::SagaStarted {
            definition: fresh().definition,
            key: None,
            labels: BTreeMap::new(),
            deadline: None,
            lifetime_ends: at,
            parent: Some(parent),
        },
        EventKind::StepSplit {
            key: key("payout"),
            count: 3,
        },
        EventKind::StepWaiting {
            key: key("approval"),
            signal: Some("approved".into()),
            until: Some(at),
        },
        EventKind::StepWaiting {
            key: key("rest"),
            signal: None,
            until: Some(at),
        },
        EventKind::SignalReceived {
            id: "s-1".to_owned(),
            name: "approved".into(),
        },
        EventKind::SignalTaken {
            key: key("approval"),
            signal: 1,
        },
        EventKind::FallbackStarted {
            key: key("quote"),
            round: 1,
        },
        EventKind::LastGoodTaken {
            key: key("quote"),
            recorded_at: at,
        },
        EventKind::ParentAsked {
            op: Op::Settle,
            attempt: 1,
        },
        EventKind::SagaReopened,
        EventKind::StepFailed {
            key: key("transfer"),
            error,
            residue: true,
        },
        EventKind::StepCompensated {
            key: key("transfer"),
            attempt: 1,
            residue: true,
        },
        EventKind::SagaMoved {
            to: fresh().definition,
            by: by(),
        },
    ]
}

#[test]
fn events_are_written_as_the_golden_file_says_and_read_back() {
    let (at, error) = (
        Timestamp::from_micros(STARTED),
        StepError::new("timeout", "too slow"),
    );
    let kinds = [
        EventKind::SagaStarted {
            definition: fresh().definition,
            key: Some("order-7".to_owned()),
            labels: BTreeMap::from([("region".to_owned(), "eu".to_owned())]),
            deadline: Some(at),
            lifetime_ends: at,
            parent: None,
        },
        EventKind::StepScheduled {
            key: key("charge"),
            attempt: 1,
            round: 0,
            not_before: None,
        },
        EventKind::StepSkipped { key: key("charge") },
        EventKind::StepSucceeded {
            key: StepKey {
                step: step("charge"),
                element: 2,
            },
            attempt: 1,
            worker: Some("w1".to_owned()),
        },
        EventKind::AttemptFailed {
            key: key("charge"),
            op: Op::Action,
            attempt: 1,
            error: error.clone(),
            retry_at: at,
            last: false,
        },
        EventKind::StepFailed {
            key: key("charge"),
            error: error.clone(),
            residue: false,
        },
        EventKind::CompensationStarted {
            cause: UnwindCause::Deadline,
        },
        EventKind::SagaPaused {
            cause: PauseCause::MaxLifetime,
        },
        EventKind::SagaCompleted { output_error: None },
        EventKind::SagaCompensated {
            residue: vec![step("notify")],
        },
        EventKind::CompensationFailed,
    ];
    let kinds = kinds
        .into_iter()
        .chain(by_hand(at, error.clone()))
        .chain(of_the_language(at, error));
    let lines = std::fs::read_to_string(golden("events-1.jsonl")).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), kinds.clone().count());
    let events: Vec<Event> = (1..)
        .zip(kinds)
        .map(|(seq, kind)| Event { seq, at, kind })
        .collect();
    let together = format!("[{}]", lines.join(","));
    assert_eq!(encode_events(&events).unwrap(), together);
    assert_eq!(decode_events(1, 2, at, &together).unwrap(), events);
    for (event, line) in events.into_iter().zip(lines) {
        assert_eq!(decode_events(event.seq, 1, at, line).unwrap(), [event]);
    }
}

#[test]
fn what_a_later_release_wrote_is_named_as_such() {
    let at = Timestamp::from_micros(0);
    let error = decode_events(1, EVENT_SCHEMA + 1, at, "{}")
        .unwrap_err()
        .to_string();
    assert!(error.contains("upgrade this process"), "{error}");
    let saga = fresh();
    let version = saga.definition.version.to_string();
    let row = SagaRow {
        id: saga.id,
        version: 1,
        definition: "order",
        definition_version: &version,
        key: None,
        labels: "{}",
        started_at: at,
        ended_at: None,
        state: r#"{"v":3,"unheard":"of"}"#,
    };
    let error = decode_saga(&row).unwrap_err().to_string();
    assert!(error.contains("upgrade this process"), "{error}");
    assert!(
        decode_saga(&SagaRow {
            state: "{\"v\":1}",
            ..row.clone()
        })
        .is_err()
    );
    assert!(
        decode_saga(&SagaRow {
            definition_version: "one",
            ..row
        })
        .is_err()
    );
}

#[test]
fn value_keys_have_names_of_their_own() {
    let output = ValueKey::Output(StepKey {
        step: step("charge"),
        element: 4,
    });
    for (key, columns) in [
        (ValueKey::Input, ("input", 0)),
        (ValueKey::Result, ("saga", 0)),
        (output, ("charge", 4)),
        (
            ValueKey::Item(StepKey::parse("payout[2]")),
            ("item:payout", 2),
        ),
        (ValueKey::Signal(7), ("signal:", 7)),
    ] {
        let (step, element) = encode_value_key(&key).unwrap();
        assert_eq!((&*step, element), columns);
        assert_eq!(decode_value_key(columns.0, columns.1), key);
    }
}
