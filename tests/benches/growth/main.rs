//! What a step costs, how long listings take and what retention costs, with few and with many
//! sagas stored. `cargo xtask growth` runs it; `docs/performance.md` has the figures.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "it measures, and tells a person; where it cannot, it ends"
)]

mod cost;
mod filler;
mod listings;
mod report;
mod request;
mod retention;
mod workload;

use std::process::ExitCode;

use system_tests::database::Database;

use crate::report::Report;
use crate::request::Request;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(request) = Request::parse(&args) else {
        eprint!("{}", request::USAGE);
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match request {
        Request::Prepare => {
            runtime.block_on(prepare());
            ExitCode::SUCCESS
        }
        Request::Measure(sizes) => runtime.block_on(measure(&sizes)),
    }
}

/// Has the server count what each statement costs, from its next start on.
async fn prepare() {
    let database = Database::create().await;
    database
        .execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        .await;
}

async fn measure(sizes: &request::Sizes) -> ExitCode {
    let mut stages = Vec::new();
    for size in [sizes.few, sizes.many] {
        let mut stage = workload::Stage::start().await;
        let took = filler::fill(&mut stage, size, sizes.days).await;
        eprintln!("{size} sagas are stored, in {:.0} s", took.as_secs_f64());
        stages.push(stage);
    }
    let listings = match stages.last() {
        Some(stage) => listings::measure(stage).await,
        None => Vec::new(),
    };
    let costs = cost::measure(&stages).await;
    let removals = match stages.last() {
        Some(stage) => retention::measure(stage).await,
        None => Vec::new(),
    };
    let report = Report {
        listings,
        costs,
        removals,
    };
    for stage in stages {
        stage.stop().await;
    }
    report.print(sizes.json);
    ExitCode::SUCCESS
}
