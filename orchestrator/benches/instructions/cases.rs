//! The cases: deciding, evolving, and the forms in which sagas, events and messages are stored and sent.

use std::hint::black_box;

use broker::envelope::command;
use broker::envelope::replies::{self, ReplyItem};
use broker::message::{Incoming, Outgoing};
use broker::topology::Topology;
use orchestrator::store::codec::{
    SagaRow, decode_events, decode_saga, encode_events, encode_state,
};
use saga_core::decision::Decision;
use saga_core::event::EVENT_SCHEMA;
use saga_core::evolve::evolve;
use saga_core::ids::MessageId;
use saga_core::input::Input;

use crate::run::{DECIDED_STEPS, Run, definition, reply};

/// Replies in the message of replies.
const REPLIES: usize = 32;

/// Something that is done, and its name.
pub(crate) type Case = (&'static str, Box<dyn FnMut()>);

/// Every case, in a fixed order, each to be done so often at most.
pub(crate) fn all(times: usize) -> Vec<Case> {
    let mut cases = vec![decided("decide: start", Run::new(&source()))];
    let decisions = [
        ("decide: first reply", 0),
        ("decide: reply in the middle", DECIDED_STEPS / 2),
        ("decide: last reply", DECIDED_STEPS - 1),
    ];
    cases.extend(decisions.map(|(name, step)| decided(name, before_reply_of(step))));
    cases.push(evolving(times));
    cases.extend(states());
    cases.extend(events());
    cases.extend(commands());
    cases.extend(answers());
    cases
}

fn source() -> String {
    definition(DECIDED_STEPS)
}

/// A saga to which this step's reply comes next.
fn before_reply_of(step: usize) -> Run {
    let mut run = Run::new(&source());
    run.advance();
    for before in 0..step {
        run.input = Input::Reply(reply(before));
        run.advance();
    }
    run.input = Input::Reply(reply(step));
    run
}

/// The saga in the middle, and what its next reply makes of it.
fn in_the_middle() -> (Run, Decision) {
    let run = before_reply_of(DECIDED_STEPS / 2);
    let decision = run.decide();
    (run, decision)
}

fn case<T>(name: &'static str, mut what: impl FnMut() -> T + 'static) -> Case {
    let done = move || drop(black_box(what()));
    (name, Box::new(done))
}

fn decided(name: &'static str, run: Run) -> Case {
    case(name, move || run.decide())
}

fn evolving(times: usize) -> Case {
    let (run, decision) = in_the_middle();
    // One for each time, and none is let go: that would cost more than what is counted.
    let mut sagas = vec![run.saga; times];
    let mut evolved = Vec::with_capacity(times);
    case("evolve: a reply", move || {
        if let Some(mut saga) = sagas.pop() {
            let events = decision.events.iter();
            events.for_each(|event| evolve(&mut saga, event));
            evolved.push(saga);
        }
    })
}

fn states() -> [Case; 2] {
    let saga = in_the_middle().1.saga;
    let version = saga.definition.version.to_string();
    let labels = serde_json::to_string(&saga.labels).expect("labels");
    let state = encode_state(&saga).expect("a state");
    let stored = saga.clone();
    [
        case("encode: the state of a saga", move || encode_state(&saga)),
        case("decode: the state of a saga", move || {
            decode_saga(&SagaRow {
                id: stored.id,
                version: stored.version,
                definition: &stored.definition.name,
                definition_version: &version,
                key: stored.key.as_deref(),
                labels: &labels,
                started_at: stored.started_at,
                ended_at: stored.ended_at,
                state: &state,
            })
        }),
    ]
}

fn events() -> [Case; 2] {
    let events = in_the_middle().1.events;
    let first = &events[0];
    let (seq, at) = (first.seq, first.at);
    let stored = encode_events(&events).expect("events");
    [
        case("encode: the events of a reply", move || {
            encode_events(&events)
        }),
        case("decode: the events of a reply", move || {
            decode_events(seq, EVENT_SCHEMA, at, &stored)
        }),
    ]
}

fn commands() -> [Case; 2] {
    let (_, decision) = in_the_middle();
    let topology = Topology::new("amends");
    let encode = move || {
        let (saga, sent) = (&decision.saga, &decision.commands[0]);
        command::encode(
            &topology,
            &topology.replies_queue(),
            saga.id,
            &saga.definition,
            sent,
        )
    };
    let message = delivered(encode());
    [
        case("encode: a command", encode),
        case("decode: a command", move || command::decode(&message)),
    ]
}

fn answers() -> [Case; 2] {
    let saga = in_the_middle().1.saga.id;
    let item = |step: usize| ReplyItem {
        saga,
        command: MessageId { saga, seq: 1 },
        reply: reply(step),
    };
    let items: Vec<ReplyItem> = (0..REPLIES).map(item).collect();
    let encode = move || replies::encode("amends.replies", &items, || "message-1".to_owned());
    let mut packed = encode();
    let message = packed.remove(0).message.expect("a small message");
    let message = delivered(message);
    [
        case("encode: 32 replies", encode),
        case("decode: 32 replies", move || replies::decode(&message)),
    ]
}

/// A message as it arrives.
fn delivered(message: Outgoing) -> Incoming {
    Incoming {
        properties: message.properties,
        body: message.body,
        redelivered: false,
        death: None,
    }
}
