//! What is stuck, what waits, who works: the parts of the overview.

use std::time::Duration;

use orchestrator::http::{Presence, TopologyItemView, WorkerView};
use saga_core::saga::Status;
use saga_core::time::Timestamp;

use super::frame::{Frame, Style};
use super::reading::{Reading, Seen};
use super::state::State;
use crate::prose::cut;
use crate::timeline::short;

/// Lines of queues and of workers, each, on a small screen.
const ROWS_MIN: usize = 3;

/// Everything, in as many lines as there are.
pub(super) fn overview(frame: &mut Frame, state: &State, now: Timestamp, room: usize) {
    let Some(reading) = &state.last else {
        frame.push(Style::Dim, "nothing is known yet");
        return;
    };
    let begun = frame.lines.len();
    sums(frame, state, reading);
    let rows = (room / 6).max(ROWS_MIN);
    queues(frame, &reading.queues, rows);
    workers(frame, &reading.workers, now, rows);
    let left = room.saturating_sub(frame.lines.len() - begun);
    sagas(frame, state, left);
}

fn sums(frame: &mut Frame, state: &State, reading: &Reading) {
    // Gauges of the store are old when it does not answer, and then the sagas are not seen either.
    let is_known = reading.sagas.is_ok();
    let counters = &reading.counters;
    let open = Status::ALL.iter().filter(|status| status.is_open());
    let open = open.map(|status| {
        let count = counters.open.get(status.as_str());
        let count = count.map_or_else(|| "unknown".to_owned(), ToString::to_string);
        format!("{} {count}", status.as_str())
    });
    let open: Vec<String> = open.collect();
    let open = if is_known {
        open.join("  ")
    } else {
        "unknown".to_owned()
    };
    frame.push(Style::Plain, format!("open    {open}"));
    let rates = rates(state, reading);
    frame.push(Style::Plain, format!("here    {rates}"));
    let letters = match &reading.letters {
        Ok(count) => count.to_string(),
        Err(_) => "unknown".to_owned(),
    };
    let outbox = match counters.outbox_rows {
        _ if !is_known => "unknown".to_owned(),
        rows if rows > 0.0 => format!("{rows}, oldest {} s", counters.outbox_oldest_seconds),
        _ => "0".to_owned(),
    };
    let took = took(reading);
    frame.push(
        Style::Plain,
        format!("sagas   {took}  outbox {outbox}  dead letters {letters}"),
    );
}

/// What the orchestrator that is asked does in a second.
fn rates(state: &State, reading: &Reading) -> String {
    let Some(before) = &state.before else {
        return "started unknown  closed unknown  commit unknown".to_owned();
    };
    let seconds = reading.at.since(before.at).as_secs_f64();
    // A counter that went back belongs to another run of the orchestrator.
    let rate = |now: f64, then: f64| match (now - then) / seconds {
        rate if rate.is_finite() && rate >= 0.0 => format!("{rate:.1}/s"),
        _ => "unknown".to_owned(),
    };
    let (now, then) = (&reading.counters, &before.counters);
    let commit = |part| match now.commit_seconds(then, part) {
        Some(seconds) if seconds.is_finite() => format!("≤{:.1} ms", seconds * 1000.0),
        Some(_) => "long".to_owned(),
        None => "-".to_owned(),
    };
    format!(
        "started {}  closed {}  commit p50 {} p99 {}",
        rate(now.started, then.started),
        rate(now.closed, then.closed),
        commit(0.5),
        commit(0.99)
    )
}

/// How long the newest sagas took that are over.
fn took(reading: &Reading) -> String {
    let Ok(sagas) = &reading.sagas else {
        return "took unknown".to_owned();
    };
    let ended = sagas
        .iter()
        .filter_map(|saga| Some(saga.ended_at?.since(saga.started_at)));
    let mut spans: Vec<Duration> = ended.collect();
    spans.sort();
    let at = |percent: usize| spans.get((spans.len() * percent / 100).min(spans.len() - 1));
    if spans.is_empty() {
        return "took - (none is over)".to_owned();
    }
    let show = |span: Option<&Duration>| span.map_or_else(String::new, |span| short(*span));
    format!(
        "took p50 {} p99 {} (newest {})",
        show(at(50)),
        show(at(99)),
        spans.len()
    )
}

fn queues(frame: &mut Frame, queues: &Seen<Vec<TopologyItemView>>, rows: usize) {
    let head = format!("{:<46} {:>9} {:>10}", "QUEUES", "WAITING", "CONSUMERS");
    let queues = match queues {
        Ok(queues) => queues,
        Err(why) => return unknown(frame, "QUEUES", why),
    };
    frame.push(Style::Head, head);
    // What waits first; of those where nothing does, the operations that nobody serves.
    let mut queues: Vec<&TopologyItemView> = queues.iter().collect();
    queues.sort_by_key(|queue| {
        let served = queue.consumers.is_some_and(|count| count > 0);
        (
            std::cmp::Reverse(queue.messages.unwrap_or(0)),
            queue.operation.is_none(),
            served,
            queue.name.clone(),
        )
    });
    let count =
        |count: Option<u32>| count.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    for queue in queues.iter().take(rows) {
        let forlorn = queue.messages.unwrap_or(0) > 0 && queue.consumers == Some(0);
        let style = if forlorn { Style::Bad } else { Style::Plain };
        frame.push(
            style,
            format!(
                "  {:<44} {:>9} {:>10}",
                cut(&queue.name, 44),
                count(queue.messages),
                count(queue.consumers)
            ),
        );
    }
    more(frame, queues.len(), rows);
}

fn workers(frame: &mut Frame, workers: &Seen<Vec<WorkerView>>, now: Timestamp, rows: usize) {
    let workers = match workers {
        Ok(workers) => workers,
        Err(why) => return unknown(frame, "WORKERS", why),
    };
    frame.push(
        Style::Head,
        format!(
            "{:<46} {:>9} {:>10} {:>8}",
            "WORKERS", "STATUS", "BUSY", "HEARD"
        ),
    );
    if workers.is_empty() {
        frame.push(Style::Bad, "  none has been heard of within the last hour");
    }
    let mut workers: Vec<&WorkerView> = workers.iter().collect();
    // Those that are there first, then the newest.
    workers.sort_by_key(|it| {
        let there = matches!(it.status, Presence::Alive | Presence::Draining);
        (!there, std::cmp::Reverse(it.last_heartbeat_at))
    });
    for worker in workers.iter().take(rows) {
        let (busy, slots) = worker.operations.iter().fold((0, 0), |(busy, slots), it| {
            (busy + it.busy, slots + it.slots)
        });
        let style = match worker.status {
            Presence::Alive => Style::Plain,
            Presence::Gone => Style::Bad,
            Presence::Draining | Presence::Left => Style::Dim,
        };
        let (status, busy) = (worker.status.as_str(), format!("{busy}/{slots}"));
        let heard = short(now.since(worker.last_heartbeat_at));
        let name = cut(&worker.id, 44);
        frame.push(
            style,
            format!("  {name:<44} {status:>9} {busy:>10} {heard:>8}"),
        );
    }
    more(frame, workers.len(), rows);
}

fn sagas(frame: &mut Frame, state: &State, room: usize) {
    let stuck = match &state.stuck {
        None => "what is stuck is unknown".to_owned(),
        Some(Err(why)) => format!("what is stuck is unknown: {why}"),
        Some(Ok(report)) => {
            let unseen = match report.unknown.first() {
                Some(why) => format!("; unknown: {why}"),
                None => String::new(),
            };
            format!(
                "{} stuck of {} looked at{unseen}",
                report.stuck, report.looked_at
            )
        }
    };
    frame.push(Style::Head, format!("SAGAS   {stuck}"));
    if let Some(Reading {
        sagas: Err(why), ..
    }) = &state.last
    {
        frame.push(Style::Bad, format!("  unknown: {why}"));
    }
    let rows = state.rows();
    let shown = room.saturating_sub(1).max(1);
    // The one that is chosen stays in sight.
    let chosen = state.place(&rows);
    let first = (chosen + 1).saturating_sub(shown);
    for (index, row) in rows.iter().enumerate().skip(first).take(shown) {
        let tail = row
            .saga
            .get(row.saga.len().saturating_sub(8)..)
            .unwrap_or(&row.saga);
        let step = row.step.as_deref().unwrap_or_default();
        let style = match (index == chosen, row.is_stuck) {
            (true, _) => Style::Chosen,
            (false, true) => Style::Bad,
            (false, false) => Style::Plain,
        };
        let (definition, word) = (cut(&row.definition, 18), cut(&row.word, 22));
        frame.push(
            style,
            format!("  …{tail} {definition:<18} {word:<22} {step} {}", row.says),
        );
    }
}

fn more(frame: &mut Frame, all: usize, shown: usize) {
    if all > shown {
        frame.push(Style::Dim, format!("  … and {} more", all - shown));
    }
}

fn unknown(frame: &mut Frame, what: &str, why: &str) {
    frame.push(Style::Head, what);
    frame.push(Style::Bad, format!("  unknown: {why}"));
}
