//! The figures as a table.

use std::fmt::Write as _;

use crate::figures::{Figures, LatencyRounds};
use crate::statistics::Rounds;

/// Everything that was measured, with what it is held against.
pub(crate) fn report(figures: &Figures) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _into_a_string = writeln!(text, "{name:<34} {value}");
    };
    line("", "median (minimum to maximum)");
    for (game, rounds) in &figures.pingpong {
        let name = format!(
            "ping-pong, window {}, {} workers",
            game.window, game.workers
        );
        line(&name, &range(rounds, 0, "/s"));
    }
    line(
        "ping-pong, coalesced answers",
        &range(&figures.coalesced, 0, "/s"),
    );
    line("durable steps", &range(&figures.steps, 0, "/s"));
    line("sagas of four steps", &range(&figures.sagas, 0, "/s"));
    line(
        "steps ÷ best ping-pong",
        &format!("{:.2}   gate 0.8, goal 1.0, aim 1.25", figures.ratio()),
    );
    let coalesced = figures.steps.median() / figures.coalesced.median();
    line("steps ÷ coalesced ping-pong", &format!("{coalesced:.2}"));
    line("fsync", &range(&figures.fsync, 2, " ms"));
    line("hop through the broker", &range(&figures.hop, 2, " ms"));
    for (name, rounds) in [
        ("one saga at a time", &figures.one),
        ("at half load", &figures.half),
        ("at full load", &figures.full),
    ] {
        latency(&mut line, name, rounds);
    }
    let allowed = figures.one_allowed();
    line(
        "one at a time, p50, allowed",
        &format!("{allowed:.1} ms   1.3 × (9 fsync + 8 hops)"),
    );
    let half = 5.0 * figures.one.p50.median();
    line(
        "half load, p99, allowed",
        &format!("{half:.1} ms   5 × one at a time, p50"),
    );
    costs(&mut line, figures);
    text
}

/// What a step or a saga takes of the machine.
fn costs(line: &mut impl FnMut(&str, &str), figures: &Figures) {
    line(
        "CPU for 1,000 ping-pongs, rabbitmq",
        &range(&figures.pingpong_broker, 3, " s"),
    );
    for (part, rounds) in &figures.cpu {
        line(
            &format!("CPU for 1,000 steps, {part}"),
            &range(rounds, 3, " s"),
        );
    }
    for (part, peak) in &figures.peak {
        line(
            &format!("highest memory, {part}"),
            &format!("{peak:.0} MiB"),
        );
    }
    for (part, rounds) in &figures.written {
        line(
            &format!("written for a saga, {part}"),
            &range(rounds, 0, " bytes"),
        );
    }
    line(
        "transactions for a step",
        &range(&figures.transactions, 3, ""),
    );
    line(
        "syncs of PostgreSQL's log for a step",
        &range(&figures.log_syncs, 3, ""),
    );
    line(
        "bytes of PostgreSQL's log for a step",
        &range(&figures.log_bytes, 0, ""),
    );
}

fn latency(line: &mut impl FnMut(&str, &str), name: &str, rounds: &LatencyRounds) {
    line(&format!("{name}, p50"), &range(&rounds.p50, 1, " ms"));
    line(&format!("{name}, p99"), &range(&rounds.p99, 1, " ms"));
}

fn range(rounds: &Rounds, digits: usize, unit: &str) -> String {
    let [median, minimum, maximum] = [rounds.median(), rounds.minimum(), rounds.maximum()];
    format!("{median:.digits$}{unit} ({minimum:.digits$} to {maximum:.digits$})")
}
