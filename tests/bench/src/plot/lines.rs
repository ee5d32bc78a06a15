//! Lines over time or over a count, on a grid that begins at zero.

use super::canvas::{Anchor, Canvas, SERIES, distance, number};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 76.0;
const BOTTOM: f64 = 52.0;

/// In the row of names: how wide a sign is, a letter at most, and the gap behind a name.
const SIGN: f64 = 20.0;
const LETTER: f64 = 7.2;
const GAP: f64 = 26.0;

/// A chart of lines.
#[derive(Debug)]
pub(crate) struct Lines {
    title: String,
    across: String,
    series: Vec<(String, Vec<(f64, f64)>)>,
}

impl Lines {
    /// `across` says what goes from left to right; what goes upwards is in the title.
    pub(crate) fn new(title: &str, across: &str) -> Self {
        Self {
            title: title.to_owned(),
            across: across.to_owned(),
            series: Vec::new(),
        }
    }

    pub(crate) fn series(mut self, name: &str, points: Vec<(f64, f64)>) -> Self {
        self.series.push((name.to_owned(), points));
        self
    }

    pub(crate) fn svg(&self) -> String {
        let mut canvas = Canvas::new(WIDTH, HEIGHT, &self.title);
        let points = || self.series.iter().flat_map(|(_, points)| points);
        let high = |of: fn(&(f64, f64)) -> f64| {
            let found = points().map(of).filter(|it| it.is_finite());
            found.fold(0.0, f64::max)
        };
        let (step, step_across) = (distance(high(|it| it.1)), distance(high(|it| it.0)));
        let top = (high(|it| it.1) / step).ceil().max(1.0) * step;
        let end = high(|it| it.0).max(step_across);
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let place = |(x, y): (f64, f64)| {
            (
                LEFT + (right - LEFT) * x / end,
                bottom - (bottom - TOP) * y / top,
            )
        };
        for mark in marks(step, top) {
            let (_, y) = place((0.0, mark));
            canvas.grid((LEFT, y), (right, y));
            canvas.text(LEFT - 8.0, y + 4.5, Anchor::End, &number(mark));
        }
        for mark in marks(step_across, end) {
            let (x, _) = place((mark, 0.0));
            canvas.text(x, bottom + 20.0, Anchor::Middle, &number(mark));
        }
        let middle = f64::midpoint(LEFT, right);
        canvas.text(middle, HEIGHT - 10.0, Anchor::Middle, &self.across);
        self.names(&mut canvas);
        for ((_, points), colour) in self.series.iter().zip(SERIES.iter().cycle()) {
            let known = points.iter().filter(|(_, y)| y.is_finite());
            let places: Vec<(f64, f64)> = known.map(|point| place(*point)).collect();
            canvas.line(&places, colour);
        }
        canvas.svg()
    }

    /// One behind the other, above the grid.
    fn names(&self, canvas: &mut Canvas) {
        let mut x = LEFT;
        for ((name, _), colour) in self.series.iter().zip(SERIES.iter().cycle()) {
            canvas.bar((x, TOP - 31.0), (SIGN - 6.0, 4.0), colour);
            canvas.text(x + SIGN, TOP - 24.5, Anchor::Start, name);
            let letters: f64 = name.chars().map(|_| LETTER).sum();
            x += SIGN + letters + GAP;
        }
    }
}

fn marks(step: f64, end: f64) -> impl Iterator<Item = f64> {
    (0..=5_u8)
        .map(move |number| f64::from(number) * step)
        .take_while(move |mark| *mark <= end + step * 1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_point_is_below_the_top_of_the_grid_and_the_last_at_its_end() {
        let svg = Lines::new("memory, MiB", "minutes")
            .series("worker", vec![(0.0, 0.0), (10.0, 50.0)])
            .series("orchestrator", vec![(0.0, f64::NAN), (10.0, 100.0)])
            .svg();
        // From the lower left corner to the middle of the right side.
        assert!(svg.contains("points=\"76.0,288.0 736.0,182.0\""), "{svg}");
        // What was not measured has no point.
        assert!(svg.contains("points=\"736.0,76.0\""), "{svg}");
    }
}
