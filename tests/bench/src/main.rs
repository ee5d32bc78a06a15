//! `cargo xtask bench`: amends against a bare ping-pong over the same broker, and what else is asked
//! of its speed, a scenario each.
//!
//! Everything is measured in one run, in turn and several times, so that a busy minute of the machine
//! hits both sides. What amends does is read from its database after, and its books are audited.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod alarm;
mod api;
mod arguments;
mod audit;
mod bodies;
mod compare;
mod definitions;
mod deployment;
mod disk;
mod figures;
mod findings;
mod growth;
mod hop;
mod load;
mod pingpong;
mod plot;
mod processes;
mod report;
mod requests;
mod rounds;
mod scenarios;
mod stage;
mod starts;
mod statistics;
mod surge;
mod workload;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use serde_json::Value;

use crate::arguments::{Arguments, Verb};
use crate::findings::Chart;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let findings = match &arguments.verb {
        None => return whole(&arguments, None).await,
        Some(Verb::Compare { baseline }) => {
            // Read before anything is measured: a name that is mistyped is told at once.
            let baseline = compare::baseline(baseline)?;
            return whole(&arguments, Some(baseline)).await;
        }
        Some(Verb::Elements) => scenarios::elements(&arguments).await?,
        Some(Verb::Long) => scenarios::long(&arguments).await?,
        Some(Verb::Latency { full_rate }) => scenarios::latency(&arguments, *full_rate).await?,
        Some(Verb::Scale) => scenarios::scale(&arguments).await?,
        Some(Verb::Backlog) => scenarios::backlog(&arguments).await?,
        Some(Verb::Killed) => scenarios::killed(&arguments).await?,
        Some(Verb::Flood) => scenarios::flood(&arguments).await?,
        Some(Verb::Timers) => scenarios::timers(&arguments).await?,
        Some(Verb::Soak { minutes }) => scenarios::soak(&arguments, *minutes).await?,
    };
    print!("{}", findings.table());
    write_charts(&arguments, findings.charts())?;
    if arguments.json {
        println!("{}", findings.json());
    }
    Ok(())
}

/// The ping-pong and everything that is measured beside it.
async fn whole(arguments: &Arguments, baseline: Option<Value>) -> Result<()> {
    let figures = rounds::measure(arguments).await?;
    print!("{}", report::report(&figures));
    if let Some(baseline) = baseline {
        print!("\n{}", compare::compare(&baseline, &figures.json()));
    }
    write_charts(arguments, &report::charts(&figures))?;
    if arguments.json {
        println!("{}", figures.json());
    }
    Ok(())
}

/// Where they were asked for.
fn write_charts(arguments: &Arguments, charts: &[Chart]) -> Result<()> {
    let Some(folder) = &arguments.plots else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    for (name, svg) in charts {
        let file = folder.join(format!("{name}.svg"));
        std::fs::write(&file, svg).with_context(|| format!("write {}", file.display()))?;
        eprintln!("drawn: {}", file.display());
    }
    Ok(())
}
