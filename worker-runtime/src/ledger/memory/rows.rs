//! The rows, and the rules of the SQL statements over them.

use std::collections::BTreeMap;
use std::time::Duration;

use saga_core::delivery::Standing;
use saga_core::input::StepError;
use tokio::time::Instant;

use crate::ledger::entry::{Ask, Barrier, Claim, Closing, Found, Note, Outcome, Recording, Stored};
use crate::ledger::key::{LedgerKey, WorkerId};
use crate::ledger::proof::Recorded;

/// Where a row stands.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// A transaction that is not committed has it.
    Open,
    Started {
        released: Option<StepError>,
    },
    Stored(Stored),
}

/// One row; attempt and worker are there for the same audit as in the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) state: State,
    pub(super) attempt: u32,
    pub(super) worker: WorkerId,
    pub(super) epoch: i64,
    pub(super) claimed_until: Instant,
}

/// Some key of the batch is in an open transaction: wait and look again.
pub(super) struct Locked;

/// All rows and leases.
#[derive(Debug)]
pub(super) struct Rows {
    rows: BTreeMap<LedgerKey, Row>,
    leases: BTreeMap<WorkerId, Instant>,
    pub(super) lease: Duration,
}

impl Rows {
    pub(super) const fn new(lease: Duration) -> Self {
        Self {
            rows: BTreeMap::new(),
            leases: BTreeMap::new(),
            lease,
        }
    }

    pub(super) fn renew(&mut self, worker: &WorkerId) {
        self.leases
            .insert(worker.clone(), Instant::now() + self.lease);
    }

    pub(super) fn leave(&mut self, worker: &WorkerId) {
        let now = Instant::now();
        self.leases
            .retain(|id, expires| id != worker && *expires > now);
    }

    /// The twin of `claim.sql`; `fresh` is what an absent key becomes.
    pub(super) fn claim(
        &mut self,
        worker: &WorkerId,
        ask: &Ask,
        fresh: &State,
    ) -> Result<Found, Locked> {
        let now = Instant::now();
        let until = now + self.lease;
        self.renew(worker);
        let Some(row) = self.rows.get_mut(&ask.key) else {
            let claim = Claim {
                key: ask.key.clone(),
                epoch: 1,
            };
            self.insert(worker, ask, fresh.clone());
            return Ok(match fresh {
                State::Stored(stored) => Found::Stored(stored.clone(), Recorded::committed()),
                State::Open | State::Started { .. } => Found::Fresh(claim),
            });
        };
        match &row.state {
            State::Open => Err(Locked),
            State::Stored(stored) => Ok(Found::Stored(stored.clone(), Recorded::committed())),
            State::Started { .. } if row.worker != *worker && !row.is_over(&self.leases, now) => {
                Ok(Found::InProgress)
            }
            State::Started { .. } => {
                row.state = State::Started { released: None };
                row.attempt = ask.attempt;
                row.worker = worker.clone();
                row.epoch += 1;
                row.claimed_until = until;
                Ok(Found::Interrupted(Claim {
                    key: ask.key.clone(),
                    epoch: row.epoch,
                }))
            }
        }
    }

    /// The twin of `bar.sql`.
    pub(super) fn bar(&mut self, worker: &WorkerId, barrier: &Barrier) -> Result<Standing, Locked> {
        let certified = barrier
            .output
            .as_ref()
            .map(|it| Stored::Applied(Some(it.clone())));
        let Some(row) = self.rows.get_mut(&barrier.action) else {
            let stored = certified.unwrap_or(Stored::Blocked);
            let standing = stored.standing();
            let ask = Ask {
                key: barrier.action.clone(),
                attempt: barrier.attempt,
            };
            self.insert(worker, &ask, State::Stored(stored));
            return Ok(standing);
        };
        match &row.state {
            State::Open => Err(Locked),
            State::Stored(stored) => Ok(stored.standing()),
            State::Started { .. } if !row.is_over(&self.leases, Instant::now()) => {
                Ok(Standing::InProgress)
            }
            State::Started { .. } => match certified {
                None => Ok(Standing::Interrupted),
                Some(stored) => {
                    row.state = State::Stored(stored);
                    Ok(Standing::Applied)
                }
            },
        }
    }

    /// The twin of `record.sql`.
    pub(super) fn close(&mut self, worker: &WorkerId, closing: &Closing) -> Recording {
        let Some(row) = self.rows.get_mut(&closing.claim.key) else {
            return Recording::Fenced(None, Recorded::committed());
        };
        match &row.state {
            State::Stored(stored) => Recording::Fenced(Some(stored.clone()), Recorded::committed()),
            State::Started { .. } if row.worker == *worker && row.epoch == closing.claim.epoch => {
                row.state = match &closing.outcome {
                    Outcome::Settled(stored) => State::Stored(stored.clone()),
                    Outcome::Released(error) => State::Started {
                        released: Some(error.clone()),
                    },
                };
                Recording::Recorded(Recorded::committed())
            }
            State::Open | State::Started { .. } => Recording::Fenced(None, Recorded::committed()),
        }
    }

    /// The twin of `note.sql` and `noted.sql`.
    pub(super) fn note(&mut self, worker: &WorkerId, note: &Note) -> Result<Recording, Locked> {
        let Note { ask, stored } = note;
        match self.rows.get_mut(&ask.key) {
            None => self.insert(worker, ask, State::Stored(stored.clone())),
            Some(row) => match &row.state {
                State::Open => return Err(Locked),
                State::Stored(there) if there == stored => {}
                State::Stored(there) => {
                    return Ok(Recording::Fenced(
                        Some(there.clone()),
                        Recorded::committed(),
                    ));
                }
                State::Started { .. } => {
                    row.state = State::Stored(stored.clone());
                    row.attempt = ask.attempt;
                    row.worker = worker.clone();
                    row.epoch += 1;
                }
            },
        }
        Ok(Recording::Recorded(Recorded::committed()))
    }

    /// The twin of `begin.sql` and `find.sql`: `None` when the key is taken now.
    pub(super) fn open(&mut self, worker: &WorkerId, ask: &Ask) -> Result<Option<Found>, Locked> {
        match self.rows.get(&ask.key).map(|row| &row.state) {
            None => {
                self.insert(worker, ask, State::Open);
                Ok(None)
            }
            Some(State::Open) => Err(Locked),
            Some(State::Started { .. }) => Ok(Some(Found::InProgress)),
            Some(State::Stored(stored)) => {
                Ok(Some(Found::Stored(stored.clone(), Recorded::committed())))
            }
        }
    }

    /// Ends an open transaction: with a result, or as if it had never been.
    pub(super) fn finish(&mut self, key: &LedgerKey, result: Option<&Stored>) {
        match result {
            None => {
                self.rows.remove(key);
            }
            Some(stored) => {
                if let Some(row) = self.rows.get_mut(key) {
                    row.state = State::Stored(stored.clone());
                }
            }
        }
    }

    pub(super) fn get(&self, key: &LedgerKey) -> Option<&Row> {
        self.rows.get(key)
    }

    fn insert(&mut self, worker: &WorkerId, ask: &Ask, state: State) {
        let row = Row {
            state,
            attempt: ask.attempt,
            worker: worker.clone(),
            epoch: 1,
            claimed_until: Instant::now() + self.lease,
        };
        self.rows.insert(ask.key.clone(), row);
    }
}

impl Row {
    fn is_over(&self, leases: &BTreeMap<WorkerId, Instant>, now: Instant) -> bool {
        match &self.state {
            State::Started { released: Some(_) } => true,
            State::Started { released: None } => {
                self.claimed_until <= now
                    && leases
                        .get(&self.worker)
                        .is_none_or(|expires| *expires <= now)
            }
            State::Open | State::Stored(_) => false,
        }
    }
}
