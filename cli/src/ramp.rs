//! How many letters are replayed before one looks what became of them: 1, 2, 5, 10, 20, 50, …

/// Steps of the ramp grow up to this many letters.
const STEP_LETTERS_MAX: usize = 1_000;

/// The steps of a ramp, without end.
pub fn steps() -> impl Iterator<Item = usize> {
    let decades = std::iter::successors(Some(1_usize), |decade| decade.checked_mul(10));
    decades
        .flat_map(|decade| [1, 2, 5].map(|leading| decade.saturating_mul(leading)))
        .map(|letters| letters.min(STEP_LETTERS_MAX))
        .chain(std::iter::repeat(STEP_LETTERS_MAX))
}

/// Whether a step went so badly that the next one must not follow: more than half has failed again.
#[must_use]
pub const fn must_stop(replayed: usize, failed_again: usize) -> bool {
    failed_again * 2 > replayed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_begins_small_and_is_bounded() {
        let begin: Vec<usize> = steps().take(8).collect();
        assert_eq!(begin, [1, 2, 5, 10, 20, 50, 100, 200]);
        assert!(steps().take(100).all(|step| step <= STEP_LETTERS_MAX));
        assert_eq!(steps().nth(99), Some(STEP_LETTERS_MAX));
    }

    #[test]
    fn more_than_half_is_too_much() {
        for (replayed, failed, stops) in [
            (1, 0, false),
            (1, 1, true),
            (2, 1, false),
            (5, 3, true),
            (10, 5, false),
            (0, 0, false),
        ] {
            assert_eq!(must_stop(replayed, failed), stops, "{failed} of {replayed}");
        }
    }
}
