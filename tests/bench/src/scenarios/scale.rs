//! What more processes bring: steps a second with more orchestrators, and with more workers.

use anyhow::Result;
use serde_json::{Map, Value};

use crate::arguments::Arguments;
use crate::findings::Findings;
use crate::plot::Bars;
use crate::requests::Requests;
use crate::stage::Stage;
use crate::statistics::Rounds;
use crate::workload::Workload::FourSteps;

/// How many orchestrators, beside so many workers that these are no bound.
const ORCHESTRATORS: [u32; 3] = [1, 2, 4];
const WORKERS_BESIDE: u32 = 4;

/// How many workers, beside one orchestrator.
const WORKERS: [u32; 3] = [1, 4, 16];
const ORCHESTRATORS_BESIDE: u32 = 1;

pub(crate) async fn scale(arguments: &Arguments) -> Result<Findings> {
    let sagas = if arguments.quick { 2_000 } else { 8_000 };
    let by_orchestrators = ORCHESTRATORS.map(|count| (count, WORKERS_BESIDE));
    let by_workers = WORKERS.map(|count| (ORCHESTRATORS_BESIDE, count));
    // One is in both.
    let mut settings: Vec<(u32, u32)> = by_orchestrators.into_iter().chain(by_workers).collect();
    settings.sort_unstable();
    settings.dedup();
    let mut measured: Vec<((u32, u32), Rounds)> =
        settings.iter().map(|it| (*it, Rounds::default())).collect();
    let mut stage = Stage::set(arguments, ORCHESTRATORS_BESIDE, WORKERS_BESIDE).await?;
    for round in 1..=arguments.rounds {
        for ((orchestrators, workers), rounds) in &mut measured {
            let name = named((*orchestrators, *workers));
            eprintln!("round {round} of {}: {name}", arguments.rounds);
            stage.resize(*orchestrators, *workers).await?;
            let full = stage
                .full((FourSteps, Requests::Batched), sagas, arguments.open)
                .await?;
            rounds.add(full.steps_per_second());
        }
    }
    let of = |setting: (u32, u32)| {
        let found = measured.iter().find(|(of, _)| *of == setting);
        found.map_or_else(Rounds::default, |(_, rounds)| rounds.clone())
    };
    let mut chart = Bars::new("Durable steps with more processes", "/s");
    let mut findings = Findings::default();
    findings.line("steps a second", "median (minimum to maximum)");
    let mut series = |name: &str, settings: [(u32, u32); 3], counts: [u32; 3]| {
        let first = of(settings[0]).median();
        let mut figures = Map::new();
        for (setting, count) in settings.into_iter().zip(counts) {
            let rounds = of(setting);
            let times = rounds.median() / first;
            let name = named(setting);
            chart = std::mem::take(&mut chart).ours(&name, rounds.median());
            findings.line(&name, format!("{}   {times:.2} ×", rounds.range(0, "/s")));
            figures.insert(count.to_string(), rounds.median().into());
        }
        findings.figure(name, Value::Object(figures));
    };
    series(
        "steps_per_second_by_orchestrators",
        by_orchestrators,
        ORCHESTRATORS,
    );
    series("steps_per_second_by_workers", by_workers, WORKERS);
    findings.chart("scale", chart.svg());
    Ok(findings)
}

fn named((orchestrators, workers): (u32, u32)) -> String {
    let counted = |count: u32, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    let orchestrators = counted(orchestrators, "orchestrator");
    format!("{orchestrators}, {}", counted(workers, "worker"))
}
