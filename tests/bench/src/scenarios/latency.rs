//! How long a saga takes at more and more load, and how busy the machine is with it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::audit;
use crate::findings::Findings;
use crate::plot::Lines;
use crate::processes::{PARTS, Usage};
use crate::requests::Requests;
use crate::stage::Stage;
use crate::statistics::Latency;
use crate::workload::Workload::FourSteps;

/// The load, in hundredths of the full rate.
const PERCENT: [u32; 6] = [5, 10, 25, 50, 70, 85];

/// Where the goal is.
const HALF: u32 = 50;

/// p99 at half load is to be at most so many times the p50 of a saga that is alone.
const GOAL_TIMES: f64 = 5.0;

/// What was seen at one load.
struct Point {
    percent: u32,
    latency: Latency,
    /// Seconds of CPU a second of each part: of everything but the load.
    busy: BTreeMap<&'static str, f64>,
}

pub(crate) async fn latency(arguments: &Arguments, full_rate: Option<u32>) -> Result<Findings> {
    let (sagas, seconds, alone) = if arguments.quick {
        (4_000, 5, 100)
    } else {
        (12_000, 30, 500)
    };
    let mut stage = Stage::set(arguments, arguments.orchestrators, arguments.workers).await?;
    eprintln!("the full rate");
    let full = stage
        .full((FourSteps, Requests::Single), sagas, arguments.open)
        .await?;
    let rate = full_rate.map_or_else(|| full.sagas_per_second(), f64::from);
    let newest = audit::newest(&stage.deployment.database).await?;
    eprintln!("one saga at a time");
    let one = Latency::of(stage.load.one_at_a_time(FourSteps, alone).await?);
    let mut points = Vec::new();
    for percent in PERCENT {
        let at = rate * f64::from(percent) / 100.0;
        eprintln!("{at:.0} sagas/s for {seconds} s");
        let (began, used) = (Instant::now(), stage.deployment.processes().usage()?);
        let lasting = Duration::from_secs(seconds);
        let samples = stage
            .load
            .steady((FourSteps, Requests::Single), at, lasting)
            .await?;
        let lasted = began.elapsed().as_secs_f64();
        let using = stage.deployment.processes().usage()?;
        let busy = |(part, usage): (&'static str, Usage)| {
            let since = usage.since(&used.get(part).copied().unwrap_or_default());
            (part, since.cpu / lasted)
        };
        points.push(Point {
            percent,
            latency: Latency::of(samples.iter().map(|it| it.took)),
            busy: using.into_iter().map(busy).collect(),
        });
    }
    audit::run_after(&stage.deployment.database, &newest, FourSteps).await?;
    stage.deployment.check()?;
    let mut findings = Findings::default();
    findings.line(
        "full rate",
        format!("{:.0} sagas/s", full.sagas_per_second()),
    );
    findings.line("taken for it", format!("{rate:.0} sagas/s"));
    findings.line("", "     ms     ms  cores busy with");
    findings.line("of the full rate", "    p50    p99  orch  work pgsql rabbt");
    let row = |latency: &Latency| format!("{:>7.1}{:>7.1}", latency.p50, latency.p99);
    findings.line("one saga at a time", row(&one));
    for point in &points {
        let busy = PARTS.map(|part| point.busy.get(part).copied().unwrap_or(f64::NAN));
        let busy: String = busy.iter().map(|it| format!("{it:>6.2}")).collect();
        let name = format!("{} %", point.percent);
        findings.line(&name, row(&point.latency) + &busy);
    }
    let half = points.iter().find(|it| it.percent == HALF);
    findings.goal(
        &format!("p99 at half, {GOAL_TIMES:.0} × p50 alone"),
        half.is_some_and(|it| it.latency.p99 <= GOAL_TIMES * one.p50),
    );
    findings.figure("sagas_per_second", rate);
    findings.figure("one", json!({ "p50_ms": one.p50, "p99_ms": one.p99 }));
    let told: Vec<Value> = points.iter().map(Point::json).collect();
    findings.figure("loads", told);
    findings.chart("load-latency", chart(&one, &points));
    Ok(findings)
}

impl Point {
    fn json(&self) -> Value {
        json!({
            "percent": self.percent,
            "p50_ms": self.latency.p50,
            "p99_ms": self.latency.p99,
            "busy_cores": self.busy,
        })
    }
}

fn chart(one: &Latency, points: &[Point]) -> String {
    let of = |figure: fn(&Latency) -> f64| {
        let loads = points
            .iter()
            .map(|it| (f64::from(it.percent), figure(&it.latency)));
        std::iter::once((0.0, figure(one))).chain(loads).collect()
    };
    Lines::new(
        "From start to end of a saga of four steps, ms",
        "% of the full rate",
    )
    .series("p50", of(|it| it.p50))
    .series("p99", of(|it| it.p99))
    .svg()
}
