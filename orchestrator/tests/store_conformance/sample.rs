//! Sagas, transitions and definitions to store, without a compiler or `decide`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker::headers::Headers;
use broker::message::{Outgoing, Properties};
use bytes::Bytes;
use orchestrator::store::{Batch, OutboxMessage, StartKey, Store, StoredDeadLetter, Transition};
use saga_core::definition::{Definition, DefinitionRef, KeyPolicy};
use saga_core::event::{Event, EventKind};
use saga_core::ids::{MessageId, SagaId, StepKey, StepName};
use saga_core::saga::{Phase, Saga, StepState, StepStatus, Work};
use saga_core::values::ValueKey;
use serde_json::{Value, json};
use uuid::Uuid;

/// `order 1.0.0`.
pub(crate) fn reference(name: &str, version: &str) -> DefinitionRef {
    DefinitionRef {
        name: name.into(),
        version: version.parse().unwrap(),
    }
}

/// A definition of this text.
pub(crate) fn definition(name: &str, version: &str, source: &str) -> Definition {
    let digit = char::from_digit(u32::try_from(source.len() % 16).unwrap(), 16).unwrap();
    Definition {
        reference: reference(name, version),
        description: None,
        key: None,
        key_policy: KeyPolicy::default(),
        deadline: None,
        max_lifetime: Duration::from_hours(24),
        input_schema: None,
        labels: BTreeMap::new(),
        steps: Vec::new(),
        output: None,
        digest: digit.to_string().repeat(64),
        source: source.into(),
    }
}

/// A new saga of `order 1.0.0` with an input.
pub(crate) fn start(store: &dyn Store) -> Transition {
    let at = store.now();
    let mut saga = Saga::new(store.new_saga_id(), reference("order", "1.0.0"));
    saga.version = 1;
    saga.started_at = at;
    saga.lifetime_ends = at.after(Duration::from_hours(24));
    let kind = EventKind::SagaStarted {
        definition: saga.definition.clone(),
        key: None,
        labels: BTreeMap::new(),
        deadline: None,
        lifetime_ends: saga.lifetime_ends,
        parent: None,
    };
    Transition {
        saga: Arc::new(saga),
        expected: 0,
        events: vec![Event { seq: 1, at, kind }],
        values: vec![(ValueKey::Input, Arc::new(json!({"amount": 12})))],
        outbox: Vec::new(),
        wake_at: None,
        start_key: None,
        replaces: None,
        good: Vec::new(),
    }
}

/// The same with a business key.
pub(crate) fn start_with_key(store: &dyn Store, key: &str) -> Transition {
    let mut transition = start(store);
    edit(&mut transition, |saga| saga.key = Some(key.to_owned()));
    let definition = Arc::clone(&transition.saga.definition.name);
    transition.start_key = Some(StartKey {
        definition,
        key: key.to_owned(),
    });
    transition
}

/// The saga schedules one more attempt of a step and has a message to send.
pub(crate) fn advance(store: &dyn Store, saga: &Saga) -> Transition {
    let (at, seq) = (store.now(), saga.version + 1);
    let key = StepKey::whole(StepName::new("charge"));
    let attempt = u32::try_from(saga.version).unwrap();
    let mut next = saga.clone();
    next.version = seq;
    let work = Work {
        command: seq,
        since: at,
        sent_at: at,
        retry: None,
        probed: false,
        started: None,
        first: 1,
        spent: false,
    };
    let state = StepState {
        status: StepStatus::Scheduled,
        attempt,
        work: Some(work),
        ..StepState::done()
    };
    next.steps.extend([(key.clone(), state)]);
    let kind = EventKind::StepScheduled {
        key,
        attempt,
        round: 0,
        not_before: None,
    };
    Transition {
        events: vec![Event { seq, at, kind }],
        values: Vec::new(),
        outbox: vec![message(MessageId { saga: saga.id, seq })],
        wake_at: None,
        start_key: None,
        replaces: None,
        good: Vec::new(),
        expected: saga.version,
        saga: Arc::new(next),
    }
}

/// The saga ends in this phase.
pub(crate) fn close(store: &dyn Store, saga: &Saga, phase: Phase) -> Transition {
    let (at, seq) = (store.now(), saga.version + 1);
    let mut next = saga.clone();
    next.version = seq;
    next.phase = phase;
    next.ended_at = Some(at);
    Transition {
        events: vec![Event {
            seq,
            at,
            kind: EventKind::SagaCompleted { output_error: None },
        }],
        values: vec![(ValueKey::Result, Arc::new(json!("done")))],
        outbox: Vec::new(),
        wake_at: None,
        start_key: None,
        replaces: None,
        good: Vec::new(),
        expected: saga.version,
        saga: Arc::new(next),
    }
}

/// Changes the saga of a transition.
pub(crate) fn edit(transition: &mut Transition, change: impl FnOnce(&mut Saga)) {
    change(Arc::make_mut(&mut transition.saga));
}

/// A message of that id.
pub(crate) fn message(id: MessageId) -> OutboxMessage {
    let properties = Properties {
        exchange: "amends.steps".to_owned(),
        routing_key: "payments.charge".to_owned(),
        message_id: id.to_string(),
        kind: "amends.command.v1".to_owned(),
        priority: Some(3),
        headers: Headers::from([("amends-step", "charge".to_owned())]),
        ..Properties::default()
    };
    OutboxMessage {
        id,
        message: Outgoing {
            properties,
            body: Bytes::from_static(b"\x00\xffbody"),
        },
    }
}

/// A dead letter.
pub(crate) fn dead_letter(saga: Option<SagaId>, reason: &str) -> StoredDeadLetter {
    StoredDeadLetter {
        id: Uuid::now_v7(),
        saga,
        queue: "amends.replies".to_owned(),
        reason: reason.to_owned(),
        fingerprint: "unreadable".to_owned(),
        properties: json!({"type": "amends.replies.v1"}),
        body: b"\x00\xff".to_vec(),
    }
}

/// A batch of transitions and nothing else.
pub(crate) fn batch(transitions: impl IntoIterator<Item = Transition>) -> Batch {
    Batch {
        transitions: transitions.into_iter().collect(),
        ..Batch::default()
    }
}

/// A value and its key for an output of `charge`.
pub(crate) fn output(element: u32, value: Value) -> (ValueKey, Arc<Value>) {
    let step = StepName::new("charge");
    (ValueKey::Output(StepKey { step, element }), Arc::new(value))
}
