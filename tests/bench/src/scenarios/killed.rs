//! What a crash costs: at full load an orchestrator and a worker are killed, and started again.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail, ensure};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::arguments::Arguments;
use crate::audit;
use crate::deployment::Deployment;
use crate::findings::Findings;
use crate::load::STALLED_AFTER;
use crate::stage::Stage;
use crate::starts::{Tally, fill};
use crate::statistics::wide;
use crate::workload::Workload::FourSteps;

/// How often the database is asked how many sagas are open. The orchestrators' own counts end with
/// them.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// So long whoever watches over processes takes until a new one starts.
const STARTED_AGAIN_AFTER: Duration = Duration::from_secs(1);

pub(crate) async fn killed(arguments: &Arguments) -> Result<Findings> {
    let sagas = if arguments.quick { 6_000 } else { 24_000 };
    let mut stage = Stage::set(arguments, arguments.orchestrators, arguments.workers).await?;
    // A connection of its own to look at the database: the deployment is lent to who kills.
    let database = stage.deployment.another_connection().await?;
    let newest = audit::newest(&database).await?;
    let tally = Arc::new(Tally::default());
    let room = Arc::new(Semaphore::new(usize::try_from(arguments.open)?));
    eprintln!("{sagas} sagas, with a crash midway");
    let (_, (), killed_at) = tokio::try_join!(
        fill(&stage.load, FourSteps, sagas, &room, &tally),
        make_room(&database, sagas, &room, &tally),
        crash(&mut stage.deployment, sagas, &tally),
    )?;
    stage.deployment.check()?;
    let run = audit::run_after(&database, &newest, FourSteps).await?;
    ensure!(
        (run.sagas - wide(sagas)).abs() < 0.5,
        "{sagas} sagas were started, and there are {}",
        run.sagas
    );
    let row = database
        .query_one(include_str!("../sql/killed.sql"), &[&newest, &killed_at])
        .await?;
    let (open, over, rate, pause): (f64, f64, f64, f64) =
        (row.get(0), row.get(1), row.get(2), row.get(3));
    let mut findings = Findings::default();
    findings.line(
        "sagas completed, books balance",
        format!("{:.0}", run.sagas),
    );
    findings.line("sagas/s before the crash", format!("{rate:.0}"));
    findings.line(
        "sagas/s over all",
        format!("{:.0}", run.sagas / run.seconds),
    );
    findings.line("open at the crash", format!("{open:.0}"));
    findings.line("the last of those ended after", format!("{over:.1} s"));
    findings.line("longest time in which none ended", format!("{pause:.1} s"));
    findings.line("requests without an answer", tally.unanswered().to_string());
    findings.figure("sagas", run.sagas);
    findings.figure("sagas_per_second_before", rate);
    findings.figure("sagas_per_second", run.sagas / run.seconds);
    findings.figure("open_at_crash", open);
    findings.figure("open_at_crash_ended_after_seconds", over);
    findings.figure("longest_pause_seconds", pause);
    findings.figure("requests_unanswered", tally.unanswered());
    Ok(findings)
}

/// Kills one of each when half of the sagas have been started, and starts them again. Returns when
/// it did.
async fn crash(deployment: &mut Deployment, sagas: u64, tally: &Tally) -> Result<SystemTime> {
    while tally.accepted() < sagas / 2 {
        sleep(LOOK_EVERY).await;
        deployment.check()?;
    }
    let killed_at = SystemTime::now();
    let authority = deployment.kill_one_of_each()?;
    eprintln!("killed an orchestrator and a worker");
    sleep(STARTED_AGAIN_AFTER).await;
    deployment.start_again(authority).await?;
    Ok(killed_at)
}

/// Lets as many sagas start as have ended, until all have.
async fn make_room(database: &Client, sagas: u64, room: &Semaphore, tally: &Tally) -> Result<()> {
    let (mut counted, mut moved) = (0, Instant::now());
    while counted < sagas {
        sleep(LOOK_EVERY).await;
        // Asked for first: what starts meanwhile counts as open only.
        let accepted = tally.accepted();
        let row = database
            .query_one(include_str!("../sql/open.sql"), &[])
            .await?;
        let open = u64::try_from(row.get::<_, i64>(0))?;
        let ended = accepted.saturating_sub(open);
        if ended > counted {
            room.add_permits(usize::try_from(ended - counted)?);
            (counted, moved) = (ended, Instant::now());
        } else if moved.elapsed() > STALLED_AFTER {
            bail!(
                "{counted} of {sagas} sagas have ended, {open} are open, and none has ended for \
                 {STALLED_AFTER:?}"
            );
        }
    }
    Ok(())
}
