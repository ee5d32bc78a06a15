//! What a backlog does to memory: sagas in flight that nobody works on, with the broker blocked for a
//! while, and then drained.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::alarm::Alarm;
use crate::arguments::Arguments;
use crate::audit;
use crate::findings::Findings;
use crate::requests::Requests;
use crate::stage::Stage;
use crate::starts::{Tally, fill};
use crate::statistics::wide;
use crate::workload::Workload::LargeInput;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// No process of amends is to take more, whatever waits.
const GOAL_MIB: f64 = 300.0;

/// How much waits, and for how long the broker is blocked midway.
struct Size {
    sagas: u64,
    blocked: Duration,
    /// Sagas by which the full rate is known.
    sample: u64,
}

const WHOLE: Size = Size {
    sagas: 200_000,
    blocked: Duration::from_secs(60),
    sample: 8_000,
};

const QUICK: Size = Size {
    sagas: 20_000,
    blocked: Duration::from_secs(10),
    sample: 2_000,
};

pub(crate) async fn backlog(arguments: &Arguments) -> Result<Findings> {
    let size = if arguments.quick { QUICK } else { WHOLE };
    let mut stage = Stage::set(arguments, arguments.orchestrators, arguments.workers).await?;
    eprintln!("the full rate with inputs of 2 KiB");
    let full = stage
        .full((LargeInput, Requests::Batched), size.sample, arguments.open)
        .await?;
    stage.deployment.set_workers(0).await?;
    let newest = audit::newest(&stage.deployment.database).await?;
    let before = stage.load.closed(LargeInput).await?;
    eprintln!("{} sagas without a worker", size.sagas);
    let filling = Instant::now();
    let tally = Arc::new(Tally::default());
    let in_outbox = heap_up(&stage, arguments, &size, &tally).await?;
    let (accepted, filled) = (tally.accepted(), filling.elapsed().as_secs_f64());
    ensure!(accepted > 0, "no saga was accepted");
    let piled = stage.deployment.processes().usage()?["orchestrator"].peak_kib / 1024.0;
    eprintln!("draining {accepted}");
    let draining = Instant::now();
    stage.deployment.set_workers(arguments.workers).await?;
    stage.load.ended(LargeInput, accepted, before).await?;
    let drained = draining.elapsed().as_secs_f64();
    stage.deployment.check()?;
    let peaks = stage.deployment.processes().usage()?;
    let peak = |part: &str| peaks.get(part).map_or(f64::NAN, |it| it.peak_kib / 1024.0);
    eprintln!("auditing");
    let run = audit::run_after(&stage.deployment.database, &newest, LargeInput).await?;
    ensure!(
        (run.sagas - wide(accepted)).abs() < 0.5,
        "{accepted} starts were accepted, and there are {} sagas",
        run.sagas
    );
    let (rate, drain) = (full.sagas_per_second(), run.sagas / drained);
    let mut findings = Findings::default();
    findings.line("sagas in flight", format!("{accepted}, of {}", size.sagas));
    findings.line(
        "starts without a worker",
        format!("{:.0}/s", wide(accepted) / filled),
    );
    findings.line("starts that were to wait", tally.refused().to_string());
    findings.line("commands kept back by the alarm", format!("{in_outbox}"));
    findings.line("full rate, the same inputs", format!("{rate:.0} sagas/s"));
    findings.line("drained at", format!("{drain:.0} sagas/s"));
    findings.line("drain ÷ full", format!("{:.2}", drain / rate));
    findings.line("orchestrator, highest, filled", format!("{piled:.0} MiB"));
    let (orchestrator, worker) = (peak("orchestrator"), peak("worker"));
    findings.line(
        "orchestrator, highest, drained",
        format!("{orchestrator:.0} MiB"),
    );
    findings.line("worker, highest", format!("{worker:.0} MiB"));
    findings.goal(
        "either under 300 MiB",
        orchestrator < GOAL_MIB && worker < GOAL_MIB,
    );
    findings.figure("sagas_in_flight", accepted);
    findings.figure("starts_per_second", wide(accepted) / filled);
    findings.figure("starts_refused", tally.refused());
    findings.figure("commands_kept_back", in_outbox);
    findings.figure("full_sagas_per_second", rate);
    findings.figure("drain_sagas_per_second", drain);
    findings.figure("drain_ratio", drain / rate);
    findings.figure("peak_mib_orchestrator", orchestrator);
    findings.figure("peak_mib_worker", worker);
    Ok(findings)
}

/// Starts all of them, and blocks the broker when half are there. Returns how many commands had not
/// reached it when it was to go on.
async fn heap_up(
    stage: &Stage,
    arguments: &Arguments,
    size: &Size,
    tally: &Arc<Tally>,
) -> Result<i64> {
    let room = Arc::new(Semaphore::new(usize::try_from(size.sagas)?));
    let starts = fill(&stage.load, LargeInput, size.sagas, &room, tally);
    let blocking = async {
        while tally.accepted() < size.sagas / 2 {
            sleep(LOOK_EVERY).await;
        }
        eprintln!("the broker is blocked for {:?}", size.blocked);
        let alarm = Alarm::raise(&arguments.rabbitmqctl)?;
        sleep(size.blocked).await;
        let kept_back = in_outbox(&stage.deployment.database).await?;
        drop(alarm);
        anyhow::Ok(kept_back)
    };
    tokio::pin!(starts, blocking);
    // The starts end first, or have given up before half of them were accepted.
    tokio::select! {
        ended = &mut starts => {
            ended?;
            if tally.accepted() < size.sagas / 2 { Ok(0) } else { blocking.await }
        }
        kept_back = &mut blocking => {
            let kept_back = kept_back?;
            starts.await?;
            Ok(kept_back)
        }
    }
}

async fn in_outbox(database: &Client) -> Result<i64> {
    let row = database.query_one("SELECT count(*) FROM outbox", &[]);
    Ok(row.await?.get(0))
}
