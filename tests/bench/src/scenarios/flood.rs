//! What too much does: five times as many starts as can be sustained, and how the accepted ones fare.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::arguments::Arguments;
use crate::audit;
use crate::findings::Findings;
use crate::requests::Requests;
use crate::stage::{Stage, WARM_UP_SAGAS};
use crate::statistics::{Latency, whole, wide};
use crate::surge::{Surge, surge};
use crate::workload::Workload::FourSteps;

/// Times the full rate.
const TIMES: f64 = 5.0;

/// Of the full rate, what the flood is compared with.
const CALM: f64 = 0.7;

/// Accepted sagas keep their latency when their p99 is at most so many times as long.
const KEPT: f64 = 1.5;

pub(crate) async fn flood(arguments: &Arguments) -> Result<Findings> {
    let (sagas, seconds) = if arguments.quick {
        (3_000, 8)
    } else {
        (12_000, 30)
    };
    let lasting = Duration::from_secs(seconds);
    let mut stage = Stage::set(arguments, arguments.orchestrators, arguments.workers).await?;
    eprintln!("the full rate");
    let full = stage
        .full((FourSteps, Requests::Single), sagas, arguments.open)
        .await?;
    let rate = full.sagas_per_second();
    eprintln!("{:.0} sagas/s for {lasting:?}", rate * CALM);
    let calm = stage
        .load
        .steady((FourSteps, Requests::Single), rate * CALM, lasting)
        .await?;
    let calm = Latency::of(calm.iter().map(|it| it.took));
    eprintln!("{:.0} starts/s for {lasting:?}", rate * TIMES);
    let (flood, ended) = flooded(&mut stage, rate * TIMES, lasting).await?;
    // As many as were open before: those that came in the time that one took.
    let most = whole(rate * CALM * calm.p50 / 1000.0).max(1);
    eprintln!("orchestrators that let {most} sagas be open, and the same");
    stage.deployment.limit_open_sagas(most).await?;
    stage.load = stage.load.toward(stage.deployment.authorities());
    let half = usize::try_from(most.div_ceil(2))?;
    stage
        .load
        .full((FourSteps, Requests::Single), WARM_UP_SAGAS, half)
        .await?;
    let (limited, _) = flooded(&mut stage, rate * TIMES, lasting).await?;
    let mut findings = findings(rate, calm, &flood, ended);
    with_limit(&mut findings, (rate, calm), &limited, most);
    Ok(findings)
}

/// A flood, whose accepted sagas have all ended; and how many ended in a second.
async fn flooded(stage: &mut Stage, rate: f64, lasting: Duration) -> Result<(Surge, f64)> {
    let newest = audit::newest(&stage.deployment.database).await?;
    let before = stage.load.closed(FourSteps).await?;
    let flood = surge(&stage.load, FourSteps, rate, lasting).await?;
    ensure!(flood.accepted > 0, "no start of the flood was accepted");
    stage.load.ended(FourSteps, flood.accepted, before).await?;
    stage.deployment.check()?;
    let run = audit::run_after(&stage.deployment.database, &newest, FourSteps).await?;
    ensure!(
        (run.sagas - wide(flood.accepted)).abs() < 0.5,
        "{} starts were accepted, and there are {} sagas",
        flood.accepted,
        run.sagas
    );
    Ok((flood, run.sagas / run.seconds))
}

/// The flood that was let in only as far as the sagas before it had ended.
fn with_limit(findings: &mut Findings, (rate, calm): (f64, Latency), limited: &Surge, most: u64) {
    let accepted = Latency::of(limited.took.iter().copied());
    let per_second = wide(limited.accepted) / limited.seconds;
    let ratio = accepted.p99 / calm.p99;
    findings.line(
        &format!("with at most {most} open"),
        format!(
            "{per_second:.0}/s accepted, {:.2} of the full rate",
            per_second / rate
        ),
    );
    findings.line(
        "accepted of these",
        format!("p50 {:.1} ms, p99 {:.1} ms", accepted.p50, accepted.p99),
    );
    findings.line("p99 of these ÷ calm", format!("{ratio:.1}"));
    findings.goal("a limit keeps the latency", ratio <= KEPT);
    findings.figure("limited_open_max", most);
    findings.figure("limited_accepted_per_second", per_second);
    findings.figure("limited_p50_ms", accepted.p50);
    findings.figure("limited_p99_ms", accepted.p99);
    findings.figure("limited_p99_ratio", ratio);
}

fn findings(rate: f64, calm: Latency, flood: &Surge, ended: f64) -> Findings {
    let accepted = Latency::of(flood.took.iter().copied());
    let refusing = Latency::of(flood.refusing.iter().copied());
    let told: u64 = flood.retry_after.values().sum();
    let at_once = flood.retry_after.get(&0).copied().unwrap_or(0);
    let others: Vec<String> = flood
        .others
        .iter()
        .map(|(status, count)| format!("{count} × {status}"))
        .collect();
    let per_second = |count: u64| wide(count) / flood.seconds;
    let mut findings = Findings::default();
    findings.line("full rate", format!("{rate:.0} sagas/s"));
    findings.line(
        "asked for",
        format!("{:.0}/s, of {:.0}", per_second(flood.asked), rate * TIMES),
    );
    findings.line(
        "accepted (201)",
        format!("{}, {:.0}/s", flood.accepted, per_second(flood.accepted)),
    );
    findings.line(
        "refused (429)",
        format!("{}, {:.0}/s", flood.refused, per_second(flood.refused)),
    );
    findings.line(
        "other answers",
        match others.as_slice() {
            [] => "none".to_owned(),
            some => some.join(", "),
        },
    );
    let said = flood.retry_after.keys();
    findings.line(
        "Retry-After, seconds",
        match (said.clone().min(), said.max()) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (None, _) | (_, None) => "never said".to_owned(),
        },
    );
    if flood.refused > 0 {
        findings.line("a refusal, p99", format!("{:.1} ms", refusing.p99));
    }
    findings.line("ended over all", format!("{ended:.0} sagas/s"));
    let name = format!("at {:.0} % of the full rate", CALM * 100.0);
    findings.line(
        &name,
        format!("p50 {:.1} ms, p99 {:.1} ms", calm.p50, calm.p99),
    );
    findings.line(
        "accepted in the flood",
        format!("p50 {:.1} ms, p99 {:.1} ms", accepted.p50, accepted.p99),
    );
    findings.line(
        "p99, flood ÷ calm",
        format!("{:.1}", accepted.p99 / calm.p99),
    );
    findings.goal("too much is refused", flood.refused > 0);
    if flood.refused > 0 {
        let always_told = told == flood.refused && at_once == 0;
        findings.goal("each says when to come again", always_told);
    }
    findings.goal("no other answers", flood.others.is_empty());
    figures(&mut findings, rate, flood, (calm, accepted));
    findings
}

fn figures(
    findings: &mut Findings,
    rate: f64,
    flood: &Surge,
    (calm, accepted): (Latency, Latency),
) {
    findings.figure("asked_per_second", wide(flood.asked) / flood.seconds);
    findings.figure("accepted_per_second", wide(flood.accepted) / flood.seconds);
    if flood.refused > 0 {
        let refusing = Latency::of(flood.refusing.iter().copied());
        findings.figure("refusal_p99_ms", refusing.p99);
    }
    findings.figure("full_sagas_per_second", rate);
    findings.figure("accepted", flood.accepted);
    findings.figure("refused", flood.refused);
    findings.figure("other_answers", flood.others.values().sum::<u64>());
    findings.figure("calm_p50_ms", calm.p50);
    findings.figure("calm_p99_ms", calm.p99);
    findings.figure("accepted_p50_ms", accepted.p50);
    findings.figure("accepted_p99_ms", accepted.p99);
    findings.figure("p99_ratio", accepted.p99 / calm.p99);
}
