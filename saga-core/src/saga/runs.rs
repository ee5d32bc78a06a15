//! A set of elements as runs of neighbours: short while they are done much in their order.

use serde::{Deserialize, Serialize};

/// A set of numbers from 1 on, kept as its runs of neighbours, each by its first and its last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u32, u32)>", into = "Vec<(u32, u32)>")]
pub struct Runs(Vec<(u32, u32)>);

impl Runs {
    /// Whether a number is in it.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        self.place(number).is_ok()
    }

    /// Puts a number in.
    pub(super) fn insert(&mut self, number: u32) {
        let Err(at) = self.place(number) else {
            return;
        };
        let joins_before = at > 0 && self.0[at - 1].1 + 1 == number;
        let joins_after = self
            .0
            .get(at)
            .is_some_and(|(first, _)| number + 1 == *first);
        match (joins_before, joins_after) {
            (true, true) => {
                self.0[at - 1].1 = self.0[at].1;
                self.0.remove(at);
            }
            (true, false) => self.0[at - 1].1 = number,
            (false, true) => self.0[at].0 = number,
            (false, false) => self.0.insert(at, (number, number)),
        }
    }

    /// Takes a number out, and says whether it was in.
    pub(super) fn remove(&mut self, number: u32) -> bool {
        let Ok(at) = self.place(number) else {
            return false;
        };
        let (first, last) = self.0[at];
        match (first == number, last == number) {
            (true, true) => drop(self.0.remove(at)),
            (true, false) => self.0[at].0 = number + 1,
            (false, true) => self.0[at].1 = number - 1,
            (false, false) => {
                self.0[at].1 = number - 1;
                self.0.insert(at + 1, (number + 1, last));
            }
        }
        true
    }

    /// None is in it.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every number, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// The run that a number is in, or where one with it belongs.
    fn place(&self, number: u32) -> Result<usize, usize> {
        let at = self.0.partition_point(|(_, last)| *last < number);
        match self.0.get(at) {
            Some((first, _)) if *first <= number => Ok(at),
            Some(_) | None => Err(at),
        }
    }
}

impl TryFrom<Vec<(u32, u32)>> for Runs {
    type Error = String;

    fn try_from(runs: Vec<(u32, u32)>) -> Result<Self, String> {
        let mut least = 1;
        for (first, last) in &runs {
            if *first < least || last < first {
                return Err(format!("[{first},{last}] is no run behind those before it"));
            }
            // Neighbours are one run, and no number is the last of all.
            least = last.checked_add(2).ok_or("a run has no end")?;
        }
        Ok(Self(runs))
    }
}

impl From<Runs> for Vec<(u32, u32)> {
    fn from(runs: Runs) -> Self {
        runs.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Whatever is put in and taken out, it is the set of what is in, in as few runs as can be.
    #[test]
    fn is_the_set_of_what_is_in_it() {
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let mut below = |limit: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            u32::try_from((random >> 33) % limit).unwrap()
        };
        let (mut runs, mut set) = (Runs::default(), BTreeSet::new());
        for _ in 0..20_000 {
            let number = 1 + below(40);
            if below(2) == 0 {
                runs.insert(number);
                set.insert(number);
            } else {
                assert_eq!(runs.remove(number), set.remove(&number));
            }
            assert!(runs.iter().eq(set.iter().copied()), "{runs:?}");
            assert!((0..=42).all(|it| runs.contains(it) == set.contains(&it)));
            assert_eq!(Runs::try_from(Vec::from(runs.clone())), Ok(runs.clone()));
            assert_eq!(runs.is_empty(), set.is_empty());
        }
    }

    #[test]
    fn what_is_no_such_set_is_refused() {
        for wrong in [
            vec![(0, 3)],
            vec![(3, 2)],
            vec![(1, 2), (3, 4)],
            vec![(5, 6), (1, 2)],
            vec![(1, u32::MAX)],
        ] {
            assert!(Runs::try_from(wrong.clone()).is_err(), "{wrong:?}");
        }
    }
}
