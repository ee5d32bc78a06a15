//! Frames of several situations, and what keys do.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use orchestrator::explain::{StuckGroup, StuckReport};
use orchestrator::http::{ConditionView, Presence, SagaView, TopologyItemView, WorkerView};
use saga_core::ids::Op;
use saga_core::saga::Status;
use saga_core::time::Timestamp;

use super::counters::Counters;
use super::detail::Detail;
use super::keys::{Act, Ask, Verb};
use super::reading::Reading;
use super::{State, render};

const SERVER: &str = "http://127.0.0.1:7600";

fn at(second: i64) -> Timestamp {
    // 2026-11-24T09:30:00Z
    Timestamp::from_micros((1_795_512_600 + second) * 1_000_000)
}

fn counters(started: u32, closed: u32) -> Counters {
    Counters::parse(&format!(
        "amends_sagas_open{{status=\"running\"}} 12\n\
         amends_sagas_open{{status=\"paused\"}} 1\n\
         amends_sagas_open{{status=\"compensating\"}} 0\n\
         amends_sagas_open{{status=\"compensation_failed\"}} 0\n\
         amends_sagas_started_total{{definition=\"order\"}} {started}\n\
         amends_sagas_closed_total{{definition=\"order\",status=\"completed\"}} {closed}\n\
         amends_commit_seconds_bucket{{le=\"0.002\"}} {closed}\n\
         amends_commit_seconds_bucket{{le=\"+Inf\"}} {closed}\n\
         amends_outbox_rows 3\namends_outbox_oldest_seconds 7\n"
    ))
}

fn queue(operation: &str, messages: u32, consumers: u32) -> TopologyItemView {
    TopologyItemView {
        kind: "queue".to_owned(),
        name: format!("amends.steps.{operation}"),
        condition: ConditionView::Ok,
        detail: None,
        messages: Some(messages),
        consumers: Some(consumers),
        operation: Some(operation.to_owned()),
        op: Some(Op::Action),
        workers: Vec::new(),
    }
}

fn worker(name: &str, status: Presence) -> WorkerView {
    WorkerView {
        id: format!("{name}/0193594e-1b2c-7d3e-8f40-5a6b7c8d9e0f"),
        name: name.to_owned(),
        build: "1".to_owned(),
        status,
        started_at: at(0),
        last_heartbeat_at: at(40),
        operations: Vec::new(),
        running: Vec::new(),
        draining: None,
    }
}

fn saga(number: u32, status: Status) -> SagaView {
    SagaView {
        id: format!("0193594e-1b2c-7d3e-8f40-{number:012}"),
        definition: "order".to_owned(),
        version: "1.0.0".to_owned(),
        status,
        key: Some(format!("order-{number}")),
        started_at: at(10),
        ended_at: (status == Status::Completed).then(|| at(12)),
        labels: BTreeMap::new(),
        paused: None,
        unwinding: None,
        residue: Vec::new(),
        at: Vec::new(),
        cause: None,
        steps: Vec::new(),
        input: None,
        output: None,
    }
}

fn stuck() -> StuckReport {
    StuckReport {
        open: 13,
        looked_at: 13,
        complete: true,
        stuck: 1,
        groups: vec![StuckGroup {
            cause: "outcome_unknown".to_owned(),
            definition: "order".to_owned(),
            step: Some("charge".to_owned()),
            count: 1,
            needs_operator: true,
            sagas: vec!["0193594e-1b2c-7d3e-8f40-000000000001".parse().unwrap()],
            says: "nobody knows whether\u{1b}[2J charge took place".to_owned(),
            mend: None,
        }],
        unknown: Vec::new(),
    }
}

fn reading(second: i64, counters: Counters) -> Reading {
    Reading {
        at: at(second),
        counters,
        queues: Ok(vec![
            queue("payments.charge", 0, 2),
            queue("orders.place", 9, 0),
            queue("orders.cancel", 0, 0),
            queue("stock.reserve", 0, 1),
        ]),
        workers: Ok(vec![
            worker("old", Presence::Left),
            worker("one", Presence::Alive),
            worker("two", Presence::Draining),
        ]),
        sagas: Ok(vec![
            saga(3, Status::Completed),
            saga(2, Status::Running),
            saga(1, Status::Paused),
        ]),
        letters: Ok(4),
        stuck: Some(Ok(stuck())),
    }
}

/// Two readings, two seconds apart.
fn busy() -> State {
    let mut state = State::new(SERVER);
    state.take(Ok(reading(40, counters(10, 4))), at(40));
    state.take(Ok(reading(42, counters(16, 9))), at(42));
    state
}

fn press(state: &mut State, keys: &[KeyCode]) -> Option<Ask> {
    let mut asked = None;
    for key in keys {
        asked = state.press(KeyEvent::new(*key, KeyModifiers::NONE));
    }
    asked
}

fn assert_shows(state: &State, pinned: &str) {
    let frame = render(state, at(42), 80, 24);
    assert_eq!(frame.lines.len(), 24);
    assert!(
        frame
            .lines
            .iter()
            .all(|(_, line)| line.chars().count() <= 80)
    );
    assert_eq!(frame.text(), pinned, "the frame is now\n{}", frame.text());
}

#[test]
fn nothing_is_known_at_first() {
    assert_shows(&State::new(SERVER), include_str!("snapshots/first.txt"));
}

#[test]
fn a_busy_system_is_seen_at_a_glance() {
    assert_shows(&busy(), include_str!("snapshots/busy.txt"));
}

#[test]
fn what_cannot_be_seen_is_unknown() {
    let mut state = State::new(SERVER);
    let mut blind = reading(42, Counters::default());
    blind.queues = Err("the broker is away".to_owned());
    blind.workers = Err("the database does not answer".to_owned());
    blind.sagas = Err("the database does not answer".to_owned());
    blind.letters = Err("the database does not answer".to_owned());
    blind.stuck = Some(Err("the database does not answer".to_owned()));
    state.take(Ok(blind), at(42));
    assert_shows(&state, include_str!("snapshots/blind.txt"));
}

#[test]
fn a_server_that_went_away_is_told_since_when_until_it_is_back() {
    let mut state = busy();
    state.take(Err("no orchestrator answers".to_owned()), at(30));
    state.take(Err("no orchestrator answers still".to_owned()), at(35));
    assert_shows(&state, include_str!("snapshots/away.txt"));
    state.take(Ok(reading(44, counters(2, 1))), at(44));
    let frame = render(&state, at(44), 80, 24).text();
    assert!(!frame.contains("AWAY"), "{frame}");
    // Its counters began anew.
    assert!(frame.contains("started unknown"), "{frame}");
}

#[test]
fn a_saga_is_looked_into_and_retried_with_a_reason() {
    let mut state = busy();
    let id = "0193594e-1b2c-7d3e-8f40-000000000001";
    let asked = press(&mut state, &[KeyCode::Enter]);
    assert_eq!(asked, Some(Ask::Look(id.to_owned())));
    let lines = (1..=30).map(|line| format!("line {line}"));
    let detail = Detail {
        saga: id.to_owned(),
        step: Some("charge".to_owned()),
        lines: lines.collect(),
    };
    state.take_detail("another", Err("not this one".to_owned()));
    state.take_detail(id, Ok(detail));
    let keys = [
        KeyCode::Down,
        KeyCode::Char('r'),
        KeyCode::Char('o'),
        KeyCode::Char('k'),
    ];
    assert_eq!(press(&mut state, &keys), None);
    assert_shows(&state, include_str!("snapshots/prompt.txt"));
    let act = Act {
        saga: id.to_owned(),
        verb: Verb::Retry,
        step: Some("charge".to_owned()),
        reason: "ok".to_owned(),
    };
    assert_eq!(act.path(), format!("/v1/sagas/{id}/steps/charge/retry"));
    assert_eq!(press(&mut state, &[KeyCode::Enter]), Some(Ask::Act(act)));
    state.take_notice("retry: the saga is running".to_owned());
    let frame = render(&state, at(42), 80, 24).text();
    assert!(frame.contains("retry: the saga is running"), "{frame}");
    assert_eq!(press(&mut state, &[KeyCode::Esc]), None);
    assert_eq!(state.looked_into(), None);
}

#[test]
fn without_a_reason_or_a_step_nothing_is_asked() {
    let mut state = busy();
    let keys = [KeyCode::Char('c'), KeyCode::Char(' '), KeyCode::Enter];
    assert_eq!(press(&mut state, &keys), None);
    assert_eq!(press(&mut state, &[KeyCode::Esc]), None);
    assert_eq!(state.notice.as_deref(), Some("nothing was done"));
    // The second row is of a saga whose cause is not known.
    assert_eq!(
        press(&mut state, &[KeyCode::Down, KeyCode::Char('r')]),
        None
    );
    assert!(
        state
            .notice
            .is_some_and(|notice| notice.contains("which step"))
    );
    let mut empty = State::new(SERVER);
    assert_eq!(
        press(&mut empty, &[KeyCode::Char('c'), KeyCode::Enter]),
        None
    );
}

#[test]
fn what_is_typed_is_no_command_and_control_c_always_quits() {
    let mut state = busy();
    let keys = [KeyCode::Char('p'), KeyCode::Char('q')];
    assert_eq!(press(&mut state, &keys), None);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(state.press(interrupt), Some(Ask::Quit));
    assert_eq!(press(&mut busy(), &[KeyCode::Char('q')]), Some(Ask::Quit));
}

#[test]
fn every_size_is_a_frame() {
    for (width, height) in [(0, 0), (1, 1), (20, 5), (80, 10), (200, 60)] {
        let frame = render(&busy(), at(42), width, height);
        assert_eq!(frame.lines.len(), height);
        assert!(
            frame
                .lines
                .iter()
                .all(|(_, line)| line.chars().count() <= width)
        );
    }
}

#[test]
fn without_colour_only_the_chosen_line_is_marked() {
    let frame = render(&busy(), at(42), 80, 24);
    let plain = frame.painted(false);
    assert_eq!(plain.matches("\x1b[7m").count(), 1);
    assert!(!plain.contains("\x1b[31m") && !plain.contains("\x1b[1m"));
    assert!(
        !plain.contains("\x1b[2J"),
        "what a saga says reached the terminal"
    );
    assert!(frame.painted(true).contains("\x1b[31m"));
}

#[test]
fn the_chosen_saga_stays_in_sight() {
    let mut state = State::new(SERVER);
    let mut many = reading(42, counters(1, 1));
    many.stuck = None;
    many.sagas = Ok((1..=50)
        .map(|number| saga(number, Status::Running))
        .collect());
    state.take(Ok(many), at(42));
    let sees = |state: &State, number: u32| {
        let id = format!("…{number:08}");
        render(state, at(42), 80, 24).text().contains(&id)
    };
    assert!(sees(&state, 1) && !sees(&state, 50));
    assert_eq!(press(&mut state, &[KeyCode::PageDown; 6]), None);
    assert!(sees(&state, 50) && !sees(&state, 1));
}

#[test]
fn the_chosen_saga_is_the_same_after_every_reading() {
    let chosen = |state: &mut State| {
        let id = state.chosen().expect("a saga").0;
        id.trim_start_matches("0193594e-1b2c-7d3e-8f40-0000000000")
            .to_owned()
    };
    let listing = |second, numbers: &[u32]| {
        let mut listing = reading(second, counters(1, 1));
        let sagas = numbers.iter().map(|it| saga(*it, Status::Running));
        listing.sagas = Ok(sagas.collect());
        listing.stuck = None;
        listing
    };
    let mut state = State::new(SERVER);
    state.take(Ok(listing(42, &[13, 12, 11])), at(42));
    assert_eq!(press(&mut state, &[KeyCode::Down]), None);
    assert_eq!(chosen(&mut state), "12");
    // One is newer, and one is stuck: both are listed above it.
    let mut newer = listing(43, &[14, 13, 12, 11]);
    newer.stuck = Some(Ok(stuck()));
    state.take(Ok(newer), at(43));
    assert_eq!(chosen(&mut state), "12");
    let frame = render(&state, at(43), 80, 24);
    let marked = frame
        .lines
        .iter()
        .find(|(style, _)| *style == super::frame::Style::Chosen);
    assert!(
        marked.is_some_and(|(_, line)| line.contains("…00000012")),
        "{}",
        frame.text()
    );
    // A list that cannot be read hides it, for as long.
    let mut blind = listing(44, &[]);
    blind.sagas = Err("the database does not answer".to_owned());
    blind.stuck = Some(Err("the database does not answer".to_owned()));
    state.take(Ok(blind), at(44));
    assert_eq!(state.chosen(), None);
    state.take(Ok(listing(45, &[15, 14, 13, 12, 11])), at(45));
    assert_eq!(chosen(&mut state), "12");
    // When it is listed no more, the one that has its place is chosen, and stays.
    state.take(Ok(listing(46, &[15, 14, 13, 11])), at(46));
    assert_eq!(chosen(&mut state), "11");
    state.take(Ok(listing(47, &[16, 15, 14, 13, 11, 10])), at(47));
    assert_eq!(chosen(&mut state), "11");
}
