//! The figures as a table.

use std::fmt::Write as _;

use crate::figures::{Figures, LatencyRounds};
use crate::findings::Chart;
use crate::plot::Bars;

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
        line(&name, &rounds.range(0, "/s"));
    }
    line("ping-pong, coalesced", &figures.coalesced.range(0, "/s"));
    line("durable steps", &figures.steps.range(0, "/s"));
    line("sagas of four steps", &figures.sagas.range(0, "/s"));
    line(
        "steps ÷ best ping-pong",
        &format!("{:.2}   gate 0.8, goal 1.0, aim 1.25", figures.ratio()),
    );
    let coalesced = figures.steps.median() / figures.coalesced.median();
    line("steps ÷ coalesced ping-pong", &format!("{coalesced:.2}"));
    line("fsync", &figures.fsync.range(2, " ms"));
    line("hop through the broker", &figures.hop.range(2, " ms"));
    for (name, rounds) in [
        ("one saga at a time", &figures.one),
        ("at half load", &figures.half),
        ("the same, started one by one", &figures.half_one_by_one),
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

/// The steps beside the ping-pong, and how long sagas took.
pub(crate) fn charts(figures: &Figures) -> [Chart; 2] {
    let mut steps = Bars::new("Durable steps beside a bare ping-pong", "/s");
    if let Some((_, best)) = figures.best() {
        steps = steps.yardstick("ping-pong, nothing stored", best.median());
    }
    let steps = steps
        .yardstick("the same, coalesced", figures.coalesced.median())
        .ours("amends, durable steps", figures.steps.median());
    let mut latency = Bars::new("From start to end of a saga of four steps", " ms");
    for (name, rounds) in [
        ("one at a time", &figures.one),
        ("at half load", &figures.half),
        ("at full load", &figures.full),
    ] {
        latency = latency
            .ours(&format!("{name}, p50"), rounds.p50.median())
            .ours(&format!("{name}, p99"), rounds.p99.median());
    }
    [("steps", steps.svg()), ("latency", latency.svg())]
}

/// What a step or a saga takes of the machine.
fn costs(line: &mut impl FnMut(&str, &str), figures: &Figures) {
    line(
        "CPU for 1,000 ping-pongs, rabbitmq",
        &figures.pingpong_broker.range(3, " s"),
    );
    for (part, rounds) in &figures.cpu {
        line(
            &format!("CPU for 1,000 steps, {part}"),
            &rounds.range(3, " s"),
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
            &rounds.range(0, " bytes"),
        );
    }
    line(
        "transactions for a step",
        &figures.transactions.range(3, ""),
    );
    line(
        "syncs of PostgreSQL's log for a step",
        &figures.log_syncs.range(3, ""),
    );
    line(
        "bytes of PostgreSQL's log for a step",
        &figures.log_bytes.range(0, ""),
    );
}

fn latency(line: &mut impl FnMut(&str, &str), name: &str, rounds: &LatencyRounds) {
    line(&format!("{name}, p50"), &rounds.p50.range(1, " ms"));
    line(&format!("{name}, p99"), &rounds.p99.range(1, " ms"));
}
