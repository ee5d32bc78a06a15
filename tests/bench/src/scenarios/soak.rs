//! What time does: minutes at 70 % of the full rate, and whether anything grows beyond what is
//! stored.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use crate::arguments::Arguments;
use crate::audit;
use crate::findings::Findings;
use crate::growth::{GROWTH_MIB, GROWTH_SHARE, Look, trends};
use crate::load::Sample;
use crate::plot::Lines;
use crate::processes::PARTS;
use crate::requests::Requests;
use crate::stage::Stage;
use crate::statistics::{Latency, percentile};
use crate::workload::Workload::FourSteps;

/// Of the full rate, the load.
const SHARE: f64 = 0.7;

/// A shorter run is told of in shorter pieces.
const SHORT_MINUTES: u32 = 3;

pub(crate) async fn soak(arguments: &Arguments, minutes: Option<u32>) -> Result<Findings> {
    let minutes = minutes.unwrap_or(if arguments.quick { 1 } else { 10 });
    let (piece, look_every) = if minutes < SHORT_MINUTES {
        (10, 2)
    } else {
        (60, 10)
    };
    let sagas = if arguments.quick { 3_000 } else { 12_000 };
    let mut stage = Stage::set(arguments, arguments.orchestrators, arguments.workers).await?;
    eprintln!("the full rate");
    let full = stage
        .full((FourSteps, Requests::Single), sagas, arguments.open)
        .await?;
    let rate = full.sagas_per_second() * SHARE;
    let newest = audit::newest(&stage.deployment.database).await?;
    eprintln!("{rate:.0} sagas/s for {minutes} min");
    let lasting = Duration::from_secs(u64::from(minutes) * 60);
    let (samples, looks) = soaked(&stage, rate, lasting, Duration::from_secs(look_every)).await?;
    stage.deployment.check()?;
    eprintln!("auditing");
    let run = audit::run_after(&stage.deployment.database, &newest, FourSteps).await?;
    let pieces = pieces(&samples, &looks, f64::from(piece));
    let mut findings = Findings::default();
    findings.line(
        "full rate",
        format!("{:.0} sagas/s", full.sagas_per_second()),
    );
    findings.line(
        "soaked at",
        format!("{rate:.0} sagas/s, {:.0} in all", run.sagas),
    );
    findings.line("", "     ms     ms   MiB   MiB   MiB   MiB  bytes");
    findings.line(
        "until second",
        "    p50    p99  orch  work pgsql rabbt  /saga",
    );
    for it in &pieces {
        let [orchestrator, worker, postgres, rabbitmq] = it.memory;
        findings.line(
            &format!("{:>12.0}", it.until),
            format!(
                "{:>7.1}{:>7.1}{orchestrator:>6.0}{worker:>6.0}{postgres:>6.0}{rabbitmq:>6.0}{:>7.0}",
                it.latency.p50, it.latency.p99, it.bytes_per_saga
            ),
        );
    }
    growth(&mut findings, &looks);
    findings.figure("sagas_per_second", rate);
    findings.figure("sagas", run.sagas);
    let told: Vec<Value> = pieces.iter().map(Piece::json).collect();
    findings.figure("pieces", told);
    chart(&mut findings, &looks, &pieces);
    Ok(findings)
}

/// The load, and the looks at it meanwhile.
async fn soaked(
    stage: &Stage,
    rate: f64,
    lasting: Duration,
    look_every: Duration,
) -> Result<(Vec<Sample>, Vec<Look>)> {
    let mut looks = Vec::new();
    let samples = tokio::select! {
        samples = stage.load.steady((FourSteps, Requests::Single), rate, lasting) => samples?,
        failed = look_on(&mut looks, stage, look_every) => match failed? {},
    };
    Ok((samples, looks))
}

/// Looks again and again. It ends only when it cannot.
async fn look_on(looks: &mut Vec<Look>, stage: &Stage, every: Duration) -> Result<Infallible> {
    let processes = stage.deployment.processes();
    let began = Instant::now();
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let at = began.elapsed().as_secs_f64();
        looks.push(Look::take(at, &processes, &stage.deployment.database).await?);
    }
}

/// What happened in one piece of the run.
struct Piece {
    /// Seconds since the run began.
    until: f64,
    latency: Latency,
    /// In the order of [`PARTS`].
    memory: [f64; 4],
    bytes_per_saga: f64,
}

impl Piece {
    fn json(&self) -> Value {
        json!({
            "until_seconds": self.until,
            "p50_ms": self.latency.p50,
            "p99_ms": self.latency.p99,
            "memory_mib": PARTS.iter().zip(self.memory).collect::<BTreeMap<_, _>>(),
            "bytes_per_saga": self.bytes_per_saga,
        })
    }
}

fn pieces(samples: &[Sample], looks: &[Look], seconds: f64) -> Vec<Piece> {
    let end = samples
        .iter()
        .map(|it| it.at.as_secs_f64())
        .fold(0.0, f64::max);
    let mut pieces = Vec::new();
    let mut from = 0.0;
    while from < end {
        let until = from + seconds;
        let within = |at: f64| at >= from && at < until;
        let took = samples.iter().filter(|it| within(it.at.as_secs_f64()));
        let looks: Vec<&Look> = looks.iter().filter(|it| within(it.at)).collect();
        let median = |figure: &dyn Fn(&Look) -> f64| {
            percentile(&looks.iter().map(|it| figure(it)).collect::<Vec<_>>(), 0.5)
        };
        pieces.push(Piece {
            until,
            latency: Latency::of(took.map(|it| it.took)),
            memory: PARTS
                .map(|part| median(&|look| look.memory.get(part).copied().unwrap_or(f64::NAN))),
            bytes_per_saga: median(&Look::bytes_per_saga),
        });
        from = until;
    }
    pieces
}

/// Says of everything whether it grows, and by what that is judged.
fn growth(findings: &mut Findings, looks: &[Look]) {
    findings.line("", "middle third → last third, medians");
    let mut growing = Vec::new();
    for trend in trends(looks) {
        let verdict = if trend.grows { "   grows" } else { "" };
        findings.line(
            &trend.what,
            format!(
                "{:.1} → {:.1} {}{verdict}",
                trend.middle, trend.last, trend.unit
            ),
        );
        if trend.grows {
            growing.push(Value::from(trend.what));
        }
    }
    findings.line(
        "what grows is above by more than",
        format!(
            "{:.0} %, and {GROWTH_MIB:.0} MiB if no row",
            GROWTH_SHARE * 100.0
        ),
    );
    findings.goal("nothing but what is stored", growing.is_empty());
    findings.figure("growing", growing);
}

fn chart(findings: &mut Findings, looks: &[Look], pieces: &[Piece]) {
    let mut memory = Lines::new("Soak: memory of its own, MiB", "minutes");
    for part in PARTS {
        let point = |look: &Look| Some((look.at / 60.0, *look.memory.get(part)?));
        memory = memory.series(part, looks.iter().filter_map(point).collect());
    }
    findings.chart("soak-memory", memory.svg());
    let of = |figure: fn(&Latency) -> f64| {
        let point = |it: &Piece| (it.until / 60.0, figure(&it.latency));
        pieces.iter().map(point).collect()
    };
    let latency = Lines::new(
        "Soak: from start to end of a saga of four steps, ms",
        "minutes",
    )
    .series("p50", of(|it| it.p50))
    .series("p99", of(|it| it.p99));
    findings.chart("soak-latency", latency.svg());
}
