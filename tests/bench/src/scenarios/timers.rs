//! How late timers fire, when nothing else is to be done and under load.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio_postgres::Client;

use crate::arguments::Arguments;
use crate::audit;
use crate::findings::Findings;
use crate::requests::Requests;
use crate::stage::Stage;
use crate::statistics::{percentile, whole};
use crate::workload::Workload::{FourSteps, Sleep};

/// Sagas that start to sleep.
const TIMERS_PER_SECOND: f64 = 50.0;

/// Of the full rate of sagas of four steps, the load in the middle.
const SHARE: f64 = 0.7;

/// The 99th percentile of how late a timer is, at most.
const GOAL_MS: f64 = 250.0;

/// How late timers were, in milliseconds.
struct Lateness {
    timers: usize,
    p50: f64,
    p99: f64,
    most: f64,
}

pub(crate) async fn timers(arguments: &Arguments) -> Result<Findings> {
    let (sagas, seconds) = if arguments.quick {
        (2_000, 6)
    } else {
        (12_000, 30)
    };
    let lasting = Duration::from_secs(seconds);
    let mut stage = Stage::set(arguments, arguments.orchestrators, arguments.workers).await?;
    eprintln!("the full rate");
    let rate = stage
        .full((FourSteps, Requests::Single), sagas, arguments.open)
        .await?
        .sagas_per_second();
    let (database, load) = (&stage.deployment.database, &stage.load);
    let sleeps = || load.steady((Sleep, Requests::Single), TIMERS_PER_SECOND, lasting);
    eprintln!("timers and nothing else for {lasting:?}");
    let newest = audit::newest(database).await?;
    sleeps().await?;
    let idle = lateness(database, &newest).await?;
    eprintln!("timers beside {:.0} sagas/s", SHARE * rate);
    let newest = audit::newest(database).await?;
    tokio::try_join!(
        sleeps(),
        load.steady((FourSteps, Requests::Single), SHARE * rate, lasting)
    )?;
    let part = lateness(database, &newest).await?;
    eprintln!("timers beside as many sagas as go");
    let newest = audit::newest(database).await?;
    let open = usize::try_from(arguments.open)?;
    let full = load.full(
        (FourSteps, Requests::Single),
        whole(rate * lasting.as_secs_f64()),
        open,
    );
    tokio::try_join!(sleeps(), full)?;
    let full = lateness(database, &newest).await?;
    audit::run_after(database, &newest, FourSteps).await?;
    stage.deployment.check()?;
    let mut findings = Findings::default();
    findings.line(
        "how late timers fire, ms",
        "   p50     p99    most   timers",
    );
    for (name, key, late) in [
        ("idle", "idle", &idle),
        ("at 70 % of the full rate", "part", &part),
        ("at full load", "full", &full),
    ] {
        findings.line(
            name,
            format!(
                "{:>6.1}  {:>6.1}  {:>6.1}   {:>6}",
                late.p50, late.p99, late.most, late.timers
            ),
        );
        findings.figure(&format!("{key}_p50_ms"), late.p50);
        findings.figure(&format!("{key}_p99_ms"), late.p99);
        findings.figure(&format!("{key}_most_ms"), late.most);
    }
    findings.goal("p99 idle, at most 250 ms", idle.p99 <= GOAL_MS);
    findings.goal("p99 at 70 %, at most 250 ms", part.p99 <= GOAL_MS);
    findings.goal("p99 at full, at most 250 ms", full.p99 <= GOAL_MS);
    Ok(findings)
}

/// Of all timers after this saga; the books of their sagas balance.
async fn lateness(database: &Client, after: &str) -> Result<Lateness> {
    let run = audit::run_after(database, after, Sleep).await?;
    let rows = database
        .query(include_str!("../sql/lateness.sql"), &[&after])
        .await?;
    let late: Vec<f64> = rows.iter().map(|row| row.get(0)).collect();
    ensure!(
        (crate::statistics::float(late.len()) - run.sagas).abs() < 0.5,
        "{} sagas slept, and {} timers are in the log",
        run.sagas,
        late.len()
    );
    ensure!(
        percentile(&late, 0.0) >= 0.0,
        "a timer fired before it was due"
    );
    Ok(Lateness {
        timers: late.len(),
        p50: percentile(&late, 0.5),
        p99: percentile(&late, 0.99),
        most: percentile(&late, 1.0),
    })
}
