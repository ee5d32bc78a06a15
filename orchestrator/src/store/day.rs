//! Days: what is stored of the sagas that started on one, and can be dropped together.

use saga_core::ids::SagaId;
use saga_core::time::Timestamp;

const MICROS_OF_A_DAY: i64 = 86_400_000_000;

/// A range of ids, mostly those of one day in UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// `20261124`, or `before_20261124` for all before that day.
    pub name: String,
    /// The lowest id that is in it.
    pub first: SagaId,
    /// The lowest id that is not in it any more.
    pub beyond: SagaId,
}

impl Day {
    /// The day on which a saga of that id started.
    pub(in crate::store) fn of(saga: SagaId) -> Self {
        let millis = saga.0.as_u128() >> 80;
        let micros = i64::try_from(millis)
            .unwrap_or(i64::MAX)
            .saturating_mul(1000);
        let start = micros - micros.rem_euclid(MICROS_OF_A_DAY);
        Self {
            name: name(Timestamp::from_micros(start)),
            first: first_saga_id(Timestamp::from_micros(start)),
            beyond: first_saga_id(Timestamp::from_micros(
                start.saturating_add(MICROS_OF_A_DAY),
            )),
        }
    }
}

/// A day of which something is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDay {
    /// Which.
    pub day: Day,
    /// Size of its events and values, in bytes; 0 where that is not known.
    pub bytes: u64,
    /// What there is; `None` when the day is too young to be asked.
    pub sagas: Option<DaySagas>,
}

/// The sagas of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DaySagas {
    /// All that are stored.
    pub all: u64,
    /// Those that are open.
    pub open: u64,
    /// Those that have ended too lately to be forgotten.
    pub recent: u64,
    /// Messages of theirs that the broker does not have.
    pub unsent: u64,
}

/// What opening days has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Opened {
    /// Rows that had been written before their day was open, and are in it now.
    pub moved: u64,
    /// Rows that belong to no day that could be opened; counted up to [`STRAYS_MAX`].
    pub left: u64,
}

/// Strays are not counted further than this.
pub const STRAYS_MAX: u32 = 10_000;

/// The lowest id that a saga could have that starts at this time.
pub(in crate::store) fn first_saga_id(at: Timestamp) -> SagaId {
    let millis = u128::try_from(at.as_micros().div_euclid(1000)).unwrap_or(0);
    SagaId(uuid::Uuid::from_u128(millis << 80))
}

/// `20261124`.
fn name(at: Timestamp) -> String {
    let text = at.to_string();
    let date = text.split('T').next().unwrap_or_default();
    date.replace('-', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saga_and_its_child_are_in_the_day_of_their_time() {
        let at: Timestamp = "2026-11-24T23:59:59.999Z".parse().unwrap();
        let first = first_saga_id(at);
        let saga = SagaId(uuid::Uuid::from_u128(first.0.as_u128() | 0x7abc << 64));
        let day = Day::of(saga);
        assert_eq!(day.name, "20261124");
        assert!(day.first <= saga && saga < day.beyond);
        let midnight = "2026-11-25T00:00:00Z".parse().unwrap();
        assert_eq!(day.beyond, first_saga_id(midnight));
        assert_eq!(Day::of(day.beyond).name, "20261125");
        let step = saga_core::ids::StepKey::parse("charge[3]");
        assert_eq!(Day::of(saga.child(&step, 1)), day);
    }
}
