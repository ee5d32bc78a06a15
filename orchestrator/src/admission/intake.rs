//! Where inputs enter a lane: how long they wait there, and whether another start is let in.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::overload::Overload;
use super::share::{Queue, Share};

/// A lane with fewer inputs to do keeps up, whatever they wait for: a store that answers late answers
/// many at once as soon.
const FEW_INPUTS: usize = 32;

/// What is known of the waiting in one lane.
#[derive(Debug)]
pub(crate) struct Intake(Mutex<State>);

#[derive(Debug)]
struct State {
    /// `None` takes every start.
    share: Option<Share>,
    /// What the lane is at; `None` while it waits for inputs.
    busy: Option<Busy>,
    /// It was told that starts are refused.
    told: bool,
}

/// A batch that a lane has taken.
#[derive(Debug, Clone, Copy)]
struct Busy {
    /// Its newest input is this old; what waits still has come later.
    newest: Instant,
    /// So long its oldest had waited.
    waited: Duration,
}

impl Intake {
    /// A lane in which inputs should wait no longer than `target`; `None` for any time.
    pub(crate) fn new(target: Option<Duration>) -> Self {
        let now = Instant::now();
        Self(Mutex::new(State {
            share: target.map(|target| Share::new(target, now)),
            busy: None,
            told: false,
        }))
    }

    /// The lane has taken so many inputs, which came between these times.
    pub(crate) fn took(&self, (oldest, newest): (Instant, Instant), inputs: usize) {
        let now = Instant::now();
        let waited = now - oldest;
        let mut state = self.state();
        state.busy = Some(Busy { newest, waited });
        if let Some(share) = &mut state.share {
            let counts = inputs >= FEW_INPUTS;
            share.took(now, if counts { waited } else { Duration::ZERO });
        }
    }

    /// The lane has done what it took.
    pub(crate) fn is_done(&self) {
        self.state().busy = None;
    }

    /// Whether another start is let in behind so many inputs, while so many commands are unsent.
    pub(crate) fn admit(&self, inputs: usize, unsent: usize) -> Result<(), Overload> {
        let now = Instant::now();
        let mut state = self.state();
        let waits = match state.busy {
            Some(busy) if inputs >= FEW_INPUTS => now - busy.newest,
            Some(_) | None => Duration::ZERO,
        };
        let Some(share) = &mut state.share else {
            return Ok(());
        };
        let admitted = share.admit(
            now,
            Queue {
                inputs,
                waits,
                unsent,
            },
        );
        let is_whole = share.is_whole();
        match &admitted {
            Err(overload) if !state.told => {
                state.told = true;
                warn!(why = %overload.pressure, "some starts are refused");
            }
            Ok(()) if state.told && is_whole => {
                state.told = false;
                info!("every start is let in again");
            }
            Ok(()) | Err(_) => {}
        }
        admitted
    }

    /// How long the oldest of so many inputs has waited; of the batch that the lane is at when that is
    /// longer.
    pub(crate) fn wait(&self, inputs: usize) -> Duration {
        let Some(busy) = self.state().busy else {
            return Duration::ZERO;
        };
        let waits = busy.newest.elapsed();
        busy.waited
            .max(if inputs > 0 { waits } else { Duration::ZERO })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
