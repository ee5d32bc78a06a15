//! What it costs to be rid of a day, and what starts notice of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use orchestrator::store::StoredDay;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::workload::{Course, Stage};

/// Sagas that one statement forgets, as in the orchestrator's loop.
const AT_ONCE: u32 = 1_000;
/// How long starts are timed while nothing else happens.
const QUIET: Duration = Duration::from_secs(5);
/// Sagas of the measured day are over for longer.
const KEEP_AFTER_END: &str = "1 second";

/// The cost of one way to be rid of rows.
#[derive(Debug, Serialize)]
pub(crate) struct Removal {
    /// What was done.
    pub(crate) what: &'static str,
    /// Rows that went, or sagas.
    pub(crate) rows: u64,
    /// How long it took, in milliseconds.
    pub(crate) millis: f64,
    /// What was written ahead, in MiB.
    pub(crate) wal_mib: f64,
    /// How many starts were timed meanwhile.
    pub(crate) starts: usize,
    /// Half of them were stored within this, in milliseconds.
    pub(crate) p50: f64,
    /// The slowest of them.
    pub(crate) max: f64,
}

/// Is rid of one day as the orchestrator would be, and of another one row by row.
pub(crate) async fn measure(stage: &Stage) -> Vec<Removal> {
    let database = &stage.database;
    let store = Arc::clone(&stage.serving.orchestrator().engine().shared().store);
    let days = store.days(store.now()).await.expect("the days");
    let full: Vec<&StoredDay> = days
        .iter()
        .filter(|day| day.sagas.is_some_and(|sagas| sagas.all > 0))
        .collect();
    let [by_day, by_row, ..] = full[..] else {
        return Vec::new();
    };
    for day in [by_day, by_row] {
        end_all(stage, day).await;
    }
    let horizon = store.now();
    let mut removals = Vec::new();
    removals.push(
        timed(stage, "nothing", async || {
            tokio::time::sleep(QUIET).await;
            0
        })
        .await,
    );
    removals.push(
        timed(stage, "sagas and keys, in batches", async || {
            let (mut all, mut after) = (0, None);
            loop {
                let gone = store
                    .forget_sagas(&by_day.day, horizon, after, AT_ONCE)
                    .await;
                let Some((gone, last)) = gone.expect("forget sagas") else {
                    return all;
                };
                all += gone;
                after = Some(last);
            }
        })
        .await,
    );
    let rows = async |family: &str, day: &StoredDay| {
        let sql = format!("SELECT count(*) FROM amends.{family}_{}", day.day.name);
        database.number(&sql).await.unsigned_abs()
    };
    let log = rows("saga_events", by_day).await + rows("saga_values", by_day).await;
    removals.push(
        timed(stage, "events and values, by day", async || {
            assert!(store.drop_day(&by_day.day).await.expect("drop the day"));
            log
        })
        .await,
    );
    removals.push(
        timed(stage, "events and values, row by row", async || {
            let rows = rows("saga_events", by_row).await + rows("saga_values", by_row).await;
            for family in ["saga_events", "saga_values"] {
                let name = &by_row.day.name;
                let sql = format!("DELETE FROM amends.{family}_{name}");
                database.execute(&sql).await;
                database
                    .execute(&format!("VACUUM amends.{family}_{name}"))
                    .await;
            }
            rows
        })
        .await,
    );
    removals
}

/// Ends what is open of a day.
async fn end_all(stage: &Stage, day: &StoredDay) {
    let sql = format!(
        "UPDATE amends.sagas SET status = 'terminated', wake_at = NULL,
                ended_at = now() - interval '{KEEP_AFTER_END}'
         WHERE id >= '{}' AND id < '{}' AND ended_at IS NULL",
        day.day.first, day.day.beyond
    );
    stage.database.execute(&sql).await;
}

/// Does something while sagas are started one after the other.
async fn timed(stage: &Stage, what: &'static str, work: impl AsyncFn() -> u64) -> Removal {
    let wal = || {
        stage
            .database
            .text("SELECT pg_current_wal_insert_lsn()::text")
    };
    let before = wal().await;
    let done = AtomicBool::new(false);
    let (removal, times) = tokio::join!(
        async {
            let begin = Instant::now();
            let rows = work().await;
            let took = begin.elapsed();
            done.store(true, Ordering::Relaxed);
            (rows, took)
        },
        async {
            let mut times = Vec::new();
            while !done.load(Ordering::Relaxed) {
                times.push(stage.time_a_start(Course::Waits).await);
            }
            times
        }
    );
    let ((rows, took), mut times) = (removal, times);
    times.sort_unstable();
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let sql = format!("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{before}')::bigint");
    Removal {
        what,
        rows,
        millis: millis(took),
        wal_mib: stage.database.number(&sql).await as f64 / 1_048_576.0,
        starts: times.len(),
        p50: millis(times[times.len() / 2]),
        max: millis(times[times.len() - 1]),
    }
}
