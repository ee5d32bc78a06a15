//! Pins the wire, version 1: what is sent today is what these files say, and what they say can be
//! read back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use broker::envelope::child::{self, ChildEnvelope};
use broker::envelope::signal::{self, SignalEnvelope, SignalTarget};
use broker::envelope::{command, commands, drain, replies, start, worker};
use broker::message::{Incoming, Outgoing, Properties};
use broker::topology::Topology;
use bytes::Bytes;
use saga_core::decision::{ChildAsk, Command, Undoes};
use saga_core::definition::DefinitionRef;
use saga_core::ids::{MessageId, Op, SagaId, StepKey, StepName};
use saga_core::input::{Parent, Reply, ReplyOutcome, Signal, StepError};
use saga_core::operator::By;
use serde_json::{Value, json};

const SAGA: &str = "0193594e-1b2c-7d3e-8f40-5a6b7c8d9e0f";

fn saga() -> SagaId {
    SAGA.parse().expect("an id")
}

fn definition() -> DefinitionRef {
    DefinitionRef {
        name: "order".into(),
        version: "1.2.0-rc.1".parse().expect("a version"),
    }
}

fn charge() -> Command {
    Command {
        seq: 7,
        op: Op::Action,
        key: StepKey::whole(StepName::new("charge")),
        round: 0,
        attempt: 1,
        action: "payments.charge".parse().expect("a name"),
        input: json!({ "customer": "c-1", "amount": 1250, "note": "\u{0}\u{1F600} ü" }),
        undoes: None,
        start_to_close: Some(Duration::from_secs(30)),
        heartbeat: Some(Duration::from_millis(2500)),
        deadline: Some("2026-11-24T09:30:00Z".parse().expect("a time")),
        rung: None,
        shares: false,
        priority: Some(3),
    }
}

fn refund() -> Command {
    Command {
        seq: 12,
        op: Op::Compensate,
        key: StepKey {
            step: StepName::new("charge"),
            element: 4,
        },
        round: 2,
        attempt: 3,
        action: "payments.refund".parse().expect("a name"),
        input: json!({ "chargeId": "ch-9" }),
        undoes: Some(Undoes {
            round: 0,
            input: json!({ "customer": "c-1", "amount": 1250 }),
            output: Arc::new(json!({ "chargeId": "ch-9" })),
        }),
        start_to_close: None,
        heartbeat: None,
        deadline: None,
        rung: Some(Duration::from_secs(2)),
        shares: false,
        priority: None,
    }
}

fn settle() -> Command {
    Command {
        seq: 13,
        op: Op::Settle,
        round: 1,
        attempt: 2,
        input: Value::Null,
        start_to_close: None,
        heartbeat: None,
        deadline: None,
        priority: None,
        ..charge()
    }
}

/// A command of the sample saga, answered to the queue that all orchestrators share.
fn encoded(topology: &Topology, command: &Command) -> Outgoing {
    let answers_to = topology.replies_queue();
    command::encode(topology, &answers_to, saga(), &definition(), command)
}

#[test]
fn commands_read_as_written() {
    let topology = Topology::new(Topology::DEFAULT_PREFIX);
    for (file, command) in [
        ("command-action", charge()),
        ("command-compensate", refund()),
        ("command-settle", settle()),
    ] {
        let mut sent = encoded(&topology, &command);
        let scheduled_at = "2026-11-24T09:00:00Z".parse().expect("a time");
        command::schedule(&mut sent, scheduled_at);
        assert_golden(file, &sent);

        let read = command::decode(&received(sent)).unwrap();
        assert_eq!(
            read.message_id,
            MessageId {
                saga: saga(),
                seq: command.seq
            }
        );
        assert_eq!(read.saga, saga());
        assert_eq!(read.definition, definition());
        assert_eq!(read.key, command.key);
        assert_eq!(read.op, command.op);
        assert_eq!((read.round, read.attempt), (command.round, command.attempt));
        assert_eq!(read.action, command.action);
        assert_eq!(read.input, command.input);
        assert_eq!(read.undoes, command.undoes);
        assert_eq!(read.start_to_close, command.start_to_close);
        assert_eq!(read.heartbeat, command.heartbeat);
        assert_eq!(read.scheduled_at, Some(scheduled_at));
        assert_eq!(read.deadline, command.deadline);
        assert_eq!(read.reply_to, "amends.replies");
        assert_eq!(read.traceparent, None);
    }
}

#[test]
fn settling_asks_by_the_key_of_the_action() {
    let topology = Topology::new("x");
    let key = |command: &Command| {
        let sent = encoded(&topology, command);
        command::decode(&received(sent)).unwrap().idempotency_key()
    };
    assert_eq!(
        key(&Command {
            round: 1,
            ..charge()
        }),
        format!("{SAGA}:charge:0:action:1")
    );
    assert_eq!(key(&settle()), format!("{SAGA}:charge:0:action:1"));
    assert_eq!(key(&refund()), format!("{SAGA}:charge:4:compensate:2"));
}

#[test]
fn a_command_that_lacks_something_says_what() {
    let topology = Topology::new("x");
    let good = received(encoded(&topology, &charge()));
    let said = |change: &dyn Fn(&mut Incoming)| {
        let mut bad = good.clone();
        change(&mut bad);
        command::decode(&bad).unwrap_err().to_string()
    };
    let header = |name: &'static str, value: &'static str| {
        move |m: &mut Incoming| {
            m.properties
                .headers
                .insert(name.to_owned(), value.to_owned());
        }
    };
    assert_eq!(
        said(&|m| m.properties.kind = "amends.command.v9".to_owned()),
        "message type `amends.command.v9` is not `amends.command.v1`"
    );
    assert_eq!(
        said(&|m| drop(m.properties.headers.remove("amends-step"))),
        "property or header `amends-step` is missing"
    );
    assert_eq!(
        said(&|m| m.properties.reply_to = None),
        "property or header `reply-to` is missing"
    );
    assert_eq!(
        said(&header("amends-attempt", "first")),
        "property or header `amends-attempt` reads `first`"
    );
    assert_eq!(
        said(&header("amends-op", "undo")),
        "property or header `amends-op` reads `undo`"
    );
    assert_eq!(
        said(&|m| m.body = Bytes::from_static(b"{\"input\":")),
        "read the body of `amends.command.v1`"
    );
}

#[test]
fn what_a_newer_sender_adds_is_ignored() {
    let topology = Topology::new("x");
    let mut message = received(encoded(&topology, &charge()));
    message
        .properties
        .headers
        .insert("amends-new".to_owned(), "1".to_owned());
    message
        .properties
        .headers
        .insert("traceparent".to_owned(), "00-aa-bb-01".to_owned());
    message.body = Bytes::from_static(br#"{"operation":"charge","input":5,"new":{"a":[1]}}"#);
    let read = command::decode(&message).unwrap();
    assert_eq!(read.input, json!(5));
    assert_eq!(read.traceparent.as_deref(), Some("00-aa-bb-01"));
}

#[test]
fn commands_that_share_a_message_read_as_written() {
    let topology = Topology::new(Topology::DEFAULT_PREFIX);
    let fresh = |seq| Command {
        seq,
        shares: true,
        ..charge()
    };
    let element = |seq, element| Command {
        key: StepKey {
            element,
            ..charge().key
        },
        ..fresh(seq)
    };
    let one = encoded(&topology, &element(7, 1));
    let other = encoded(&topology, &element(9, 2));
    assert!(commands::may_share(&one) && commands::same_way(&one.properties, &other.properties));
    let sent = commands::pack(&one, &[&other]);
    assert_golden("commands", &sent);
    let read = commands::unpack(&received(sent)).unwrap();
    assert_eq!(read, [received(one), received(other)]);

    // One that may have brought down a worker endangers no other.
    let again = Command {
        shares: false,
        ..fresh(7)
    };
    let again = encoded(&topology, &again);
    assert!(!commands::may_share(&again));
    let large = Command {
        input: json!("x".repeat(commands::BODY_BYTES_MAX)),
        ..fresh(7)
    };
    let large = encoded(&topology, &large);
    assert!(!commands::may_share(&large));
}

fn answer(seq: u64, outcome: ReplyOutcome) -> replies::ReplyItem {
    replies::ReplyItem {
        saga: saga(),
        command: MessageId { saga: saga(), seq },
        reply: Reply {
            key: StepKey {
                step: StepName::new("charge"),
                element: 0,
            },
            op: Op::Action,
            round: 0,
            attempt: 1,
            outcome,
            worker: Some("payments-1".to_owned()),
        },
    }
}

fn every_outcome() -> Vec<replies::ReplyItem> {
    let declined = StepError {
        code: "card_declined".to_owned(),
        message: "the card was declined".to_owned(),
        details: Some(json!({ "bank": "b" })),
    };
    let outcomes = [
        ReplyOutcome::Done(Arc::new(json!({ "chargeId": "ch-9" }))),
        ReplyOutcome::Done(Arc::new(Value::Null)),
        ReplyOutcome::Fail(declined),
        ReplyOutcome::AttemptFailed {
            error: StepError::new("timeout", "no answer"),
            retry_after: Some(Duration::from_millis(1500)),
        },
        ReplyOutcome::AttemptFailed {
            error: StepError::new("timeout", "no answer"),
            retry_after: None,
        },
        ReplyOutcome::Fenced,
        ReplyOutcome::Expired,
        ReplyOutcome::NeverHappened,
        ReplyOutcome::Unknown(StepError::new("no_resolve", "the handler cannot tell")),
    ];
    outcomes
        .into_iter()
        .zip(1..)
        .map(|(outcome, seq)| answer(seq, outcome))
        .collect()
}

#[test]
fn replies_read_as_written() {
    let items = every_outcome();
    let mut packed = replies::encode("amends.replies", &items, || "w1/1".to_owned());
    assert_eq!(packed.len(), 1);
    let mut sent = packed.remove(0).message.unwrap();
    // As a worker does.
    let headers = &mut sent.properties.headers;
    headers.insert(replies::BUILD.to_owned(), "2.1.0".to_owned());
    assert_golden("replies", &sent);
    let read: Vec<_> = replies::decode(&received(sent))
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read, items);
}

#[test]
fn a_bad_reply_is_reported_alone_with_its_bytes() {
    let good = serde_json::to_string(&every_outcome()[0]).unwrap();
    let lone = r#"{"saga":"x\ud800"}"#;
    let no_error = good.replace("done", "fail");
    let foreign = good.replace(
        &format!("{SAGA}/1"),
        "0193594e-1b2c-7d3e-8f40-000000000000/1",
    );
    let body = format!(r#"{{"x":1,"replies":[{good}, 17,{lone},{no_error},{foreign},{good}]}}"#);
    let mut message = received(Outgoing {
        properties: Properties {
            kind: replies::KIND.to_owned(),
            ..Default::default()
        },
        body: body.into(),
    });
    let read = replies::decode(&message).unwrap();
    let bad: Vec<_> = read
        .iter()
        .filter_map(|item| item.as_ref().err())
        .map(|bad| (bad.index, std::str::from_utf8(&bad.bytes).unwrap()))
        .collect();
    assert_eq!(read.len(), 6);
    assert_eq!(
        bad,
        [
            (1, "17"),
            (2, lone),
            (3, no_error.as_str()),
            (4, foreign.as_str())
        ]
    );

    message.body = Bytes::from_static(br#"{"replies":{}}"#);
    assert!(replies::decode(&message).is_err());
}

#[test]
fn replies_are_packed_within_the_limits() {
    let sized = |bytes: usize| {
        answer(
            1,
            ReplyOutcome::Done(Arc::new(Value::String("x".repeat(bytes)))),
        )
    };
    let ranges = |items: &[replies::ReplyItem]| {
        let mut ids = 0;
        let packed = replies::encode("q", items, || {
            ids += 1;
            ids.to_string()
        });
        for message in packed
            .iter()
            .filter_map(|packed| packed.message.as_ref().ok())
        {
            serde_json::from_slice::<Value>(&message.body).unwrap();
        }
        packed
            .into_iter()
            .map(|packed| {
                (
                    packed.items,
                    packed.message.map(|message| message.body.len()).ok(),
                )
            })
            .collect::<Vec<_>>()
    };

    let many: Vec<_> = (0..260).map(|_| sized(1)).collect();
    let got: Vec<_> = ranges(&many).into_iter().map(|(items, _)| items).collect();
    assert_eq!(got, [0..128, 128..256, 256..260]);

    let big: Vec<_> = (0..5).map(|_| sized(100_000)).collect();
    let got = ranges(&big);
    assert_eq!(
        got.iter()
            .map(|(items, _)| items.clone())
            .collect::<Vec<_>>(),
        [0..2, 2..4, 4..5]
    );
    assert!(
        got.iter()
            .all(|(_, bytes)| bytes.unwrap() <= replies::MESSAGE_BYTES_MAX)
    );

    let mixed = [
        sized(1),
        sized(600_000),
        sized(1),
        sized(2_000_000),
        sized(1),
    ];
    let got = ranges(&mixed);
    let fits: Vec<_> = got
        .iter()
        .map(|(items, bytes)| (items.clone(), bytes.is_some()))
        .collect();
    assert_eq!(
        fits,
        [
            (0..1, true),
            (1..2, true),
            (2..3, true),
            (3..4, false),
            (4..5, true)
        ]
    );

    assert!(ranges(&[]).is_empty());
}

fn announcement() -> worker::Announcement {
    let charge = worker::RunningInfo {
        saga: saga(),
        step: StepName::new("charge"),
        element: 0,
        op: Op::Action,
        round: 0,
        attempt: 2,
        operation: "payments.charge".parse().expect("a name"),
        command: MessageId {
            saga: saga(),
            seq: 9,
        },
        started_at: "2026-11-24T09:30:01Z".parse().expect("a time"),
        progress: Some(json!({ "pages": 3 })),
    };
    worker::Announcement {
        announcement: worker::Occasion::Heartbeat,
        worker: "payments-1/0193594e-1b2c-7d3e-8f40-5a6b7c8d9e0f".to_owned(),
        seq: 3,
        name: "payments-1".to_owned(),
        build: "2.4.1+abc".to_owned(),
        started_at: "2026-11-24T09:00:00Z".parse().expect("a time"),
        operations: vec![worker::OperationInfo {
            operation: "payments.charge".parse().expect("a name"),
            op: Op::Action,
            version: Some("1.1.0".to_owned()),
            slots: 16,
            busy: 1,
            per_message: 1,
            breaker: worker::BreakerState::HalfOpen,
        }],
        running: vec![charge],
        draining: None,
    }
}

#[test]
fn what_a_worker_takes_in_a_message_is_said_where_it_is_more_than_one() {
    let topology = Topology::new(Topology::DEFAULT_PREFIX);
    let mut said = announcement();
    said.operations[0].per_message = 16;
    let sent = worker::encode(&topology, &said);
    assert_golden("worker-per-message", &sent);
    let read = worker::decode(&received(sent)).unwrap();
    assert_eq!(read, said);
}

#[test]
fn what_a_worker_that_drains_says_reads_as_written() {
    let topology = Topology::new(Topology::DEFAULT_PREFIX);
    let by = By {
        who: "ada".to_owned(),
        reason: "the node is replaced".to_owned(),
    };
    let said = worker::Announcement {
        draining: Some(worker::Draining {
            since: "2026-11-24T09:31:00Z".parse().expect("a time"),
            by: Some(by.clone()),
        }),
        ..announcement()
    };
    let sent = worker::encode(&topology, &said);
    assert_golden("worker-draining", &sent);
    assert_eq!(worker::decode(&received(sent)).unwrap(), said);

    let told = drain::Drain {
        worker: said.worker,
        by,
    };
    let id = "0193594e-1b2c-7d3e-8f40-5a6b7c8d9e0f"
        .parse()
        .expect("an id");
    let sent = drain::encode(&topology, id, &told);
    assert_golden("drain", &sent);
    assert_eq!(drain::decode(&received(sent)).unwrap(), told);
}

#[test]
fn announcements_read_as_written() {
    let topology = Topology::new(Topology::DEFAULT_PREFIX);
    let sent = worker::encode(&topology, &announcement());
    assert_golden("worker", &sent);
    assert_eq!(worker::decode(&received(sent)).unwrap(), announcement());
}

#[test]
fn an_announcement_may_say_little_but_not_too_much() {
    let read = |body: String| {
        worker::decode(&received(Outgoing {
            properties: Properties {
                kind: worker::KIND.to_owned(),
                ..Default::default()
            },
            body: body.into(),
        }))
    };
    let said = |id: &str| {
        format!(
            r#"{{"announcement":"hello","worker":"{id}","seq":1,"name":"n","build":"","new":1,
                "started_at":"2026-11-24T09:00:00Z"}}"#
        )
    };
    let little = read(said("w")).unwrap();
    assert!(little.operations.is_empty() && little.running.is_empty());
    for id in ["", "nul\\u0000", &"x".repeat(worker::TEXT_BYTES_MAX + 1)] {
        let refused = read(said(id)).unwrap_err().to_string();
        assert!(
            refused.starts_with("`worker` must be text"),
            "{id}: {refused}"
        );
    }
    let mut much = announcement();
    much.running = vec![much.running.remove(0); worker::RUNNING_MAX + 1];
    let body = serde_json::to_string(&much).unwrap();
    let refused = read(body).unwrap_err().to_string();
    assert_eq!(refused, "`running` lists more than 512 items");
}

#[test]
fn starts_read_as_written() {
    let topology = Topology::new(Topology::DEFAULT_PREFIX);
    let asked = start::StartMessage {
        definition: "order".to_owned(),
        version: Some("1.2.0".parse().expect("a version")),
        input: json!({ "orderId": "o-1" }),
        key: Some("o-1".to_owned()),
        labels: [("tenant".to_owned(), "acme".to_owned())].into(),
    };
    let sent = start::encode(&topology, "shop/4711", &asked);
    assert_golden("start", &sent);
    assert_eq!(start::decode(&received(sent.clone())).unwrap(), asked);

    let mut least = received(sent);
    least.body = Bytes::from_static(br#"{"definition":"order","new":true}"#);
    let read = start::decode(&least).unwrap();
    assert_eq!(
        (read.input, read.key, read.version),
        (Value::Null, None, None)
    );
    least.body = Bytes::from_static(br#"{"input":{}}"#);
    assert!(start::decode(&least).is_err(), "without a definition");
}

fn received(sent: Outgoing) -> Incoming {
    Incoming {
        properties: Properties {
            // Nothing is said of it on the way.
            shares: false,
            ..sent.properties
        },
        body: sent.body,
        redelivered: false,
        death: None,
    }
}

fn assert_golden(name: &str, sent: &Outgoing) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.json"));
    let body: Value = serde_json::from_slice(&sent.body).expect("JSON");
    let now = json!({ "properties": sent.properties, "body": body });
    let pinned = std::fs::read(&path).unwrap_or_default();
    let pinned: Value = serde_json::from_slice(&pinned).unwrap_or_default();
    assert!(
        pinned == now,
        "{} pins another form; a form that was released never changes. The new one:\n{now:#}",
        path.display()
    );
}

#[test]
fn what_a_step_asks_of_its_child_reads_as_written() {
    let topology = Topology::new(Topology::DEFAULT_PREFIX);
    let parent = Parent {
        saga: saga(),
        key: StepKey::parse("transfer[2]"),
        round: 1,
    };
    let asks = [
        (
            "child-start",
            ChildAsk::Start {
                definition: "transfer".into(),
                version: Some("1.2.0".parse().unwrap()),
                input: json!({ "from": "A" }),
                pivot: true,
            },
        ),
        (
            "child-settle",
            ChildAsk::Settle {
                definition: "transfer".into(),
                version: None,
            },
        ),
        ("child-compensate", ChildAsk::Compensate),
    ];
    for (file, ask) in asks {
        let envelope = ChildEnvelope {
            child: saga().child(&parent.key, parent.round),
            parent: parent.clone(),
            attempt: 1,
            ask,
        };
        let sent = child::encode(&topology, 7, &envelope);
        assert_golden(file, &sent);
        assert_eq!(child::decode(&received(sent)).unwrap(), envelope);
    }
}

#[test]
fn signals_read_as_written() {
    let topology = Topology::new(Topology::DEFAULT_PREFIX);
    let signal = Signal {
        id: "s-1".to_owned(),
        name: "approved".into(),
        payload: Arc::new(json!({ "by": "ada" })),
    };
    let key = SignalTarget::Key {
        definition: "account".to_owned(),
        key: "k-1".to_owned(),
    };
    for (file, to) in [
        ("signal-saga", SignalTarget::Saga(saga())),
        ("signal-key", key),
    ] {
        let envelope = SignalEnvelope {
            to,
            signal: signal.clone(),
        };
        let sent = signal::encode(&topology, &envelope);
        assert_golden(file, &sent);
        assert_eq!(signal::decode(&received(sent)).unwrap(), envelope);
    }
    let nobody = r#"{"id":"s-1","name":"approved"}"#;
    let mut message = received(signal::encode(
        &topology,
        &SignalEnvelope {
            to: SignalTarget::Saga(saga()),
            signal,
        },
    ));
    message.body = nobody.into();
    let error = signal::decode(&message).unwrap_err().to_string();
    assert!(error.contains("saga, or definition and key"), "{error}");
}
