//! Days: what is stored of the sagas that started on one, and can be dropped together.

use saga_core::ids::SagaId;
use saga_core::time::Timestamp;

const MILLIS_OF_A_DAY: u128 = 86_400_000;

/// An id begins with the milliseconds since 1970, in 48 bits.
const MILLIS_MAX: u128 = (1 << 48) - 1;

/// What follows them in an id.
const BITS_AFTER_MILLIS: u32 = 80;

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
        let start = start_millis(saga);
        Self {
            name: name(start),
            first: first_of(start),
            beyond: first_of(start + MILLIS_OF_A_DAY),
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

/// The lowest id that a saga could have that starts at this time. What is outside of the time that
/// ids can tell is taken for its first or last moment.
pub(in crate::store) fn first_saga_id(at: Timestamp) -> SagaId {
    let millis = at.as_micros().div_euclid(1000);
    first_of(u128::try_from(millis).unwrap_or(0))
}

/// The lowest and the highest id of the day on which a saga of that id started.
pub(in crate::store) fn ids_of_day(saga: SagaId) -> (SagaId, SagaId) {
    let start = start_millis(saga);
    let end = (start + MILLIS_OF_A_DAY - 1).min(MILLIS_MAX);
    let last = (end << BITS_AFTER_MILLIS) | ((1 << BITS_AFTER_MILLIS) - 1);
    (first_of(start), SagaId(uuid::Uuid::from_u128(last)))
}

/// When its day began, in milliseconds since 1970.
const fn start_millis(saga: SagaId) -> u128 {
    let millis = saga.0.as_u128() >> BITS_AFTER_MILLIS;
    millis - millis % MILLIS_OF_A_DAY
}

fn first_of(millis: u128) -> SagaId {
    SagaId(uuid::Uuid::from_u128(
        millis.min(MILLIS_MAX) << BITS_AFTER_MILLIS,
    ))
}

/// `20261124`.
fn name(millis: u128) -> String {
    let micros = i64::try_from(millis * 1000).unwrap_or(i64::MAX);
    let text = Timestamp::from_micros(micros).to_string();
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
    #[test]
    fn times_that_no_id_tells_are_the_first_or_the_last() {
        let first = |text: &str| first_saga_id(text.parse().unwrap()).to_string();
        let zero = "00000000-0000-0000-0000-000000000000";
        assert_eq!(first("1969-12-31T23:59:59.999Z"), zero);
        assert_eq!(first("1970-01-01T00:00:00.000999Z"), zero);
        let one = "00000000-0001-0000-0000-000000000000";
        assert_eq!(first("1970-01-01T00:00:00.001Z"), one);
        let end = first_saga_id(Timestamp::from_micros(i64::MAX));
        assert_eq!(end.to_string(), "ffffffff-ffff-0000-0000-000000000000");
    }

    #[test]
    fn every_id_is_within_its_day() {
        let ids = [0, 1, u128::MAX, u128::MAX >> 1, 0x019a << 112];
        for id in ids.map(|id| SagaId(uuid::Uuid::from_u128(id))) {
            let (first, last) = ids_of_day(id);
            assert!(first <= id && id <= last, "{id}");
            assert_eq!(
                (ids_of_day(first), ids_of_day(last)),
                ((first, last), (first, last))
            );
        }
    }
}
