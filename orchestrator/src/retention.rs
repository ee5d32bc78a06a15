//! Opens days ahead, and drops those whose sagas are all over for long enough.

use std::sync::Arc;
use std::time::Duration;

use saga_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::engine::Engine;
use crate::store::{Day, DaySagas, Opened, Store, StoreError, StoredDay};

/// How often a pass is made.
const PASS_EVERY: Duration = Duration::from_hours(1);

/// Days are opened this long ahead: orchestrators may be away, or unable to open any, for as long.
const AHEAD: Duration = Duration::from_hours(7 * 24);

/// Sagas that one statement deletes, or dead letters that it looks at: a few milliseconds of work.
const FORGOTTEN_AT_ONCE: u32 = 1_000;

/// What to do with days that can be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Drop them.
    Drop,
    /// Only name them.
    Look,
}

/// What a pass did with one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayReport {
    /// `2026-11-24`, or `before 2026-11-24`, in UTC.
    pub day: String,
    /// Size of its events and values, in bytes.
    pub bytes: u64,
    /// Sagas that started on it; absent where it is too young to be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sagas: Option<u64>,
    /// Those of them that are open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<u64>,
    /// What became of it.
    pub fate: Fate,
}

/// What becomes of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Everything of its sagas is deleted.
    Dropped,
    /// It would be dropped.
    WouldDrop,
    /// Kept: nothing is ever dropped.
    KeptForEver,
    /// Kept: it is younger than sagas are kept.
    Young,
    /// Kept: a saga is open.
    Open,
    /// Kept: a saga has ended later than sagas are kept after their end.
    Recent,
    /// Kept: a message of one of its sagas has not been sent.
    Unsent,
    /// Kept: something came up meanwhile, or its tables are in use. The next pass tries again.
    Busy,
}

/// Opens days ahead and looks after old ones, until stopped. `keep` is how long sagas are kept after
/// their end, `None` for ever.
pub async fn run(engine: Engine, keep: Option<Duration>, stopping: CancellationToken) {
    let shared = Arc::clone(engine.shared());
    drop(engine);
    loop {
        if let Err(error) = open(&*shared.store).await.map(|opened| {
            shared.metrics.strays(opened);
        }) {
            warn!(error = %crate::chain(&error), "opening days ahead");
            shared.store_failed(&error);
        }
        if keep.is_some() {
            let dropping = pass(&*shared.store, keep, Mode::Drop);
            tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                done = dropping => if let Err(error) = done {
                    warn!(error = %crate::chain(&error), "dropping days whose sagas are over");
                    shared.store_failed(&error);
                },
            }
        }
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            () = shared.company.wait_until(Instant::now() + PASS_EVERY) => {}
        }
    }
}

/// Opens the days ahead.
///
/// # Errors
/// When the store does not answer, or the days could not be opened now.
pub async fn open(store: &dyn Store) -> Result<Opened, StoreError> {
    let opened = store.open_days(store.now().after(AHEAD)).await?;
    if opened.moved > 0 {
        error!(
            rows = opened.moved,
            "sagas had started on days that were not open; they are now, and the rows were moved"
        );
    }
    if opened.left > 0 {
        error!(
            rows = opened.left,
            "rows of sagas are in the default partition and belong to no day; look at the saga ids \
             in saga_events_default and saga_values_default"
        );
    }
    Ok(opened)
}

/// Looks at every day once, and drops what can be; then the handled dead letters that no day takes
/// along.
///
/// # Errors
/// When the store does not answer.
pub async fn pass(
    store: &dyn Store,
    keep: Option<Duration>,
    mode: Mode,
) -> Result<Vec<DayReport>, StoreError> {
    let horizon = keep.map_or(Timestamp::from_micros(0), |keep| before(store.now(), keep));
    let mut reports = Vec::new();
    for stored in store.days(horizon).await? {
        let fate = match (keep, verdict(stored.sagas.as_ref()), mode) {
            (None, ..) => Fate::KeptForEver,
            (Some(_), Some(kept), _) => kept,
            (Some(_), None, Mode::Look) => Fate::WouldDrop,
            (Some(_), None, Mode::Drop) => drop_day(store, &stored, horizon).await?,
        };
        reports.push(report(&stored, fate));
    }
    if keep.is_some() && mode == Mode::Drop {
        forget_letters(store, horizon).await?;
    }
    Ok(reports)
}

/// Why a day is kept, or `None`.
const fn verdict(sagas: Option<&DaySagas>) -> Option<Fate> {
    match sagas {
        None => Some(Fate::Young),
        Some(sagas) if sagas.open > 0 => Some(Fate::Open),
        Some(sagas) if sagas.recent > 0 => Some(Fate::Recent),
        Some(sagas) if sagas.unsent > 0 => Some(Fate::Unsent),
        Some(_) => None,
    }
}

async fn drop_day(
    store: &dyn Store,
    stored: &StoredDay,
    horizon: Timestamp,
) -> Result<Fate, StoreError> {
    let day = &stored.day;
    let (mut after, mut begin) = (None, Instant::now());
    while let Some((_, last)) = store
        .forget_sagas(day, horizon, after, FORGOTTEN_AT_ONCE)
        .await?
    {
        after = Some(last);
        begin = leave_time(begin).await;
    }
    match store.drop_day(day).await {
        Ok(true) => {
            let sagas = stored.sagas.map_or(0, |sagas| sagas.all);
            info!(
                day = shown(day),
                sagas,
                bytes = stored.bytes,
                "a day was dropped"
            );
            Ok(Fate::Dropped)
        }
        Ok(false) => Ok(Fate::Busy),
        Err(error @ StoreError::Unavailable { .. }) => {
            warn!(day = shown(day), error = %crate::chain(&error), "a day could not be dropped");
            Ok(Fate::Busy)
        }
        Err(error) => Err(error),
    }
}

/// Deletes the dead letters that were handled before the horizon and belong to no saga: those of a
/// saga go with it.
async fn forget_letters(store: &dyn Store, horizon: Timestamp) -> Result<(), StoreError> {
    let mut place = (Timestamp::from_micros(0), Uuid::nil());
    let (mut letters, mut begin) = (0, Instant::now());
    while let Some((gone, last)) = store
        .forget_letters(horizon, place, FORGOTTEN_AT_ONCE)
        .await?
    {
        letters += gone;
        place = last;
        begin = leave_time(begin).await;
    }
    if letters > 0 {
        info!(letters, "handled dead letters without a saga were deleted");
    }
    Ok(())
}

/// Half of the time belongs to others. Says when it goes on.
async fn leave_time(begin: Instant) -> Instant {
    tokio::time::sleep(begin.elapsed()).await;
    Instant::now()
}

fn report(stored: &StoredDay, fate: Fate) -> DayReport {
    DayReport {
        day: shown(&stored.day),
        bytes: stored.bytes,
        sagas: stored.sagas.map(|sagas| sagas.all),
        open: stored.sagas.map(|sagas| sagas.open),
        fate,
    }
}

/// `2026-11-24` for `20261124`.
fn shown(day: &Day) -> String {
    let (before, digits) = match day.name.strip_prefix("before_") {
        Some(digits) => ("before ", digits),
        None => ("", &*day.name),
    };
    match (digits.get(..4), digits.get(4..6), digits.get(6..)) {
        (Some(year), Some(month), Some(day)) => format!("{before}{year}-{month}-{day}"),
        _ => day.name.clone(),
    }
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(span))
}
