//! Medians and percentiles.

use std::time::Duration;

/// The same figure from several rounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) fn add(&mut self, figure: f64) {
        self.0.push(figure);
    }

    pub(crate) fn median(&self) -> f64 {
        percentile(&self.0, 0.5)
    }

    pub(crate) fn minimum(&self) -> f64 {
        percentile(&self.0, 0.0)
    }

    pub(crate) fn maximum(&self) -> f64 {
        percentile(&self.0, 1.0)
    }

    /// All three as text.
    pub(crate) fn range(&self, digits: usize, unit: &str) -> String {
        let [median, minimum, maximum] = [self.median(), self.minimum(), self.maximum()];
        format!("{median:.digits$}{unit} ({minimum:.digits$} to {maximum:.digits$})")
    }
}

impl FromIterator<f64> for Rounds {
    fn from_iter<T: IntoIterator<Item = f64>>(figures: T) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// Two points of a distribution, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Latency {
    pub(crate) fn of(samples: impl IntoIterator<Item = Duration>) -> Self {
        let milliseconds = samples.into_iter().map(|it| it.as_secs_f64() * 1e3);
        let samples: Vec<f64> = milliseconds.collect();
        Self {
            p50: percentile(&samples, 0.5),
            p99: percentile(&samples, 0.99),
        }
    }
}

/// The value below which this share of the figures lies; between two figures, the line between them.
/// Not a number when there are none.
pub(crate) fn percentile(figures: &[f64], share: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share * float(last);
    let (below, above) = (place.floor(), place.ceil());
    let at = |place: f64| sorted[index(place)];
    at(below) + (at(above) - at(below)) * (place - below)
}

/// A count as a number with a fraction.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(crate) const fn float(count: usize) -> f64 {
    count as f64
}

/// The same of a wide count.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(crate) const fn wide(count: u64) -> f64 {
    count as f64
}

/// A number of sagas that a rate comes to, without its fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates times seconds are far below 2^52, and never below zero"
)]
pub(crate) const fn whole(count: f64) -> u64 {
    count as u64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number between zero and a length"
)]
const fn index(place: f64) -> usize {
    place as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_between_two_figures_in_proportion() {
        let figures = [4.0, 1.0, 3.0, 2.0];
        let found = [0.0, 0.5, 1.0].map(|share| percentile(&figures, share));
        assert_eq!(found, [1.0, 2.5, 4.0]);
    }

    #[test]
    fn says_so_when_nothing_was_measured() {
        assert!(percentile(&[], 0.5).is_nan());
    }
}
