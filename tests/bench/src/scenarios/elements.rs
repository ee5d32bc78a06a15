//! What a list costs: one saga of a thousand elements beside a thousand steps of many sagas.

use anyhow::Result;

use crate::arguments::Arguments;
use crate::findings::Findings;
use crate::requests::Requests;
use crate::stage::Stage;
use crate::statistics::Rounds;
use crate::workload::Workload::{Elements, FourSteps};

/// More than one, so that replies to one saga come in everywhere at once.
const ORCHESTRATORS: u32 = 4;

/// Lists that are gone through at once, where it is more than one.
const LISTS_AT_ONCE: u32 = 4;

/// Of the rate of sagas of four steps, a list is to reach this share.
const GOAL: f64 = 0.7;

pub(crate) async fn elements(arguments: &Arguments) -> Result<Findings> {
    let (sagas, lists) = if arguments.quick {
        (2_000, 4)
    } else {
        (8_000, 12)
    };
    let mut stage = Stage::set(arguments, ORCHESTRATORS, arguments.workers).await?;
    // Starts go round: each orchestrator has read the definition then, and prepared its statements.
    let warm_up = u64::from(ORCHESTRATORS) * 2;
    stage
        .full((Elements, Requests::Batched), warm_up, 1)
        .await?;
    let (mut four, mut one, mut several) =
        (Rounds::default(), Rounds::default(), Rounds::default());
    let (mut ratio, mut ratio_several) = (Rounds::default(), Rounds::default());
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        let yardstick = stage
            .full((FourSteps, Requests::Batched), sagas, arguments.open)
            .await?;
        let alone = stage.full((Elements, Requests::Batched), lists, 1).await?;
        let together = stage
            .full((Elements, Requests::Batched), lists, LISTS_AT_ONCE)
            .await?;
        let of = yardstick.steps_per_second();
        four.add(of);
        // Between one list and the next there is the load's own pause.
        let rate_alone = alone.run.steps / alone.run.saga_seconds;
        one.add(rate_alone);
        several.add(together.steps_per_second());
        ratio.add(rate_alone / of);
        ratio_several.add(together.steps_per_second() / of);
    }
    let mut findings = Findings::default();
    findings.line("", "median (minimum to maximum)");
    findings.line("steps of sagas of four", four.range(0, "/s"));
    findings.line("elements, one list at a time", one.range(0, "/s"));
    findings.line(
        &format!("elements, {LISTS_AT_ONCE} lists at once"),
        several.range(0, "/s"),
    );
    findings.line("one list ÷ sagas of four", ratio.range(2, ""));
    findings.line(
        &format!("{LISTS_AT_ONCE} lists ÷ sagas of four"),
        ratio_several.range(2, ""),
    );
    findings.goal(
        &format!("one list, at least {GOAL}"),
        ratio.median() >= GOAL,
    );
    findings.figure("orchestrators", ORCHESTRATORS);
    findings.figure("steps_per_second", four.median());
    findings.figure("elements_per_second", one.median());
    findings.figure("elements_per_second_4_lists", several.median());
    findings.figure("ratio", ratio.median());
    findings.figure("ratio_4_lists", ratio_several.median());
    Ok(findings)
}
