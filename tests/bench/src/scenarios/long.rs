//! What length costs: sagas of a hundred steps beside as many steps of sagas of four.

use anyhow::Result;

use crate::arguments::Arguments;
use crate::findings::Findings;
use crate::requests::Requests;
use crate::stage::{Full, Stage};
use crate::statistics::Rounds;
use crate::workload::Workload::{FourSteps, HundredSteps};

/// Of sagas of four; 25 times as many make as many steps.
const TIMES: u64 = 25;

/// A step of a long saga is to cost at most this much more, and to come at most so much later.
const GOAL: f64 = 0.2;

/// One length, over the rounds.
#[derive(Default)]
struct Length {
    steps: Rounds,
    cpu: Rounds,
}

impl Length {
    fn add(&mut self, full: &Full) {
        self.steps.add(full.steps_per_second());
        self.cpu.add(full.cpu / full.run.steps * 1e3);
    }
}

pub(crate) async fn long(arguments: &Arguments) -> Result<Findings> {
    // All are open at once, so that both lengths have as many steps under way.
    let sagas: u32 = if arguments.quick { 200 } else { 1_000 };
    let mut stage = Stage::set(arguments, arguments.orchestrators, arguments.workers).await?;
    let (mut four, mut hundred) = (Length::default(), Length::default());
    let (mut rate, mut cost) = (Rounds::default(), Rounds::default());
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        let short = stage
            .full(
                (FourSteps, Requests::Batched),
                u64::from(sagas) * TIMES,
                sagas,
            )
            .await?;
        let long = stage
            .full((HundredSteps, Requests::Batched), u64::from(sagas), sagas)
            .await?;
        rate.add(long.steps_per_second() / short.steps_per_second());
        cost.add(long.cpu / long.run.steps / (short.cpu / short.run.steps));
        four.add(&short);
        hundred.add(&long);
    }
    let mut findings = Findings::default();
    findings.line("", "median (minimum to maximum)");
    findings.line("steps of sagas of 4", four.steps.range(0, "/s"));
    findings.line("steps of sagas of 100", hundred.steps.range(0, "/s"));
    findings.line("rate, 100 ÷ 4", rate.range(2, ""));
    findings.line("CPU for 1,000 steps of 4", four.cpu.range(3, " s"));
    findings.line("CPU for 1,000 steps of 100", hundred.cpu.range(3, " s"));
    findings.line("CPU for a step, 100 ÷ 4", cost.range(2, ""));
    findings.goal("rate, at least 0.8", rate.median() >= 1.0 - GOAL);
    findings.goal("CPU, at most 1.2", cost.median() <= 1.0 + GOAL);
    findings.figure("sagas_open", sagas);
    findings.figure("steps_per_second_4", four.steps.median());
    findings.figure("steps_per_second_100", hundred.steps.median());
    findings.figure("rate_ratio", rate.median());
    findings.figure("cpu_seconds_per_1000_steps_4", four.cpu.median());
    findings.figure("cpu_seconds_per_1000_steps_100", hundred.cpu.median());
    findings.figure("cpu_ratio", cost.median());
    Ok(findings)
}
